"""From result files to a benchmark report: annotations, detection, scores, comparison."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asymnas.core.errors import AsymNASError, DataError, Problem, nearest
from asymnas.tracking.benchmark.report import BenchmarkReport, TrackerScores, default_protocol, make_report

if TYPE_CHECKING:
    from asymnas.tracking.data import AnnotationSet

Missing = Literal["error", "skip", "zero"]

NAMED = 12
"""Names that a message shows before it counts the rest."""


def evaluate_results(
    results: Sequence[Path],
    dataset: str,
    *,
    split: str | None = None,
    protocol: str | None = None,
    versus: str | None = None,
    root: Path | None = None,
    missing: Missing = "error",
    **reading: Any,
) -> BenchmarkReport:
    """Score result files of any toolkit on a benchmark; frames are needed only where the annotations lie with them.

    Args:
        results: folders, archives or files, each of one tracker or of several.
        dataset: registered name of the data set.
        split: see `asymnas.tracking.data.load_annotations`.
        protocol: see `asymnas.tracking.metrics.PROTOCOLS`; None for the one of the data set's own toolkit.
        versus: further results of one tracker, or the name of a tracker of `results`: all others are compared with it.
        root: the data root, or annotations themselves; see `asymnas.tracking.data.load_annotations`.
        missing: "error" rejects trackers without results for a video, "skip" scores the rest, "zero" counts the missing
            videos as misses; they are listed.
        **reading: `format`, `base`, `corners`, `first_row`, `repetition` of `asymnas.tracking.results.read_results`,
            where they are not to be detected.

    Raises:
        DataError: unknown names, annotations or results that are missing or damaged; all problems at once.
    """
    from asymnas.tracking.data import require_boxes
    from asymnas.tracking.metrics import get_protocol

    rules = get_protocol(protocol or default_protocol(dataset))
    annotations = _annotations(dataset, split, root)
    require_boxes(annotations)
    other = None if versus is None or not _holds_results(versus) else Path(versus)
    sources, theirs, left_out, problems = _all_sources(
        dict.fromkeys([*results, *filter(None, [other])]), other, annotations
    )
    scored: dict[str, TrackerScores] = {}
    for key, (source, folder) in sources.items():
        try:
            scored[key] = _score(source, folder, annotations, rules.name, missing, reading)
        except AsymNASError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    trackers = dict(zip(scored, _named(list(scored.values())), strict=True))
    reference = "" if versus is None else _versus(versus, None if other is None else theirs, trackers).name
    if reference and len(trackers) < 2:
        rule = "the tracker to compare with must be another than the results"
        raise DataError(Problem("--vs", rule, f"'{versus}' alone", "Give further results."))
    return make_report(
        annotations.dataset,
        annotations.split,
        list(annotations),
        sorted(trackers.values(), key=lambda item: -item.scores.values[rules.main]),
        rules,
        chosen=protocol is not None,
        annotations=str(annotations.source),
        notes=(*annotations.notes, *left_out),
        versus=reference,
    )


def _annotations(dataset: str, split: str | None, root: Path | None) -> AnnotationSet:
    from asymnas.tracking.data import load_annotations

    try:
        return load_annotations(dataset, split, root=root)
    except OSError as error:
        where = str(error.filename or root or dataset)
        rule, value = f"annotations of {dataset} must be readable here", error.strerror or str(error)
        raise DataError(Problem(where, rule, value, "Correct the folder or its rights, or --dataset.")) from None


def _holds_results(versus: str) -> bool:
    """Return whether `versus` names results, inside an archive too, and not a tracker."""
    from asymnas.core.archives import is_source

    try:
        return is_source(Path(versus))
    except DataError:
        if os.sep in versus:
            raise
        return False  # too long for a file's name, as a tracker's can be


def _all_sources(
    results: Iterable[Path], versus: Path | None, annotations: AnnotationSet
) -> tuple[dict[str, tuple[Path, str]], list[str], list[str], list[Problem]]:
    """Find the trackers of all results; one that several of them lead to is there once."""
    sources: dict[str, tuple[Path, str]] = {}
    theirs: list[str] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for source in results:
        try:
            found, left_out = _trackers_of(source, annotations)
        except AsymNASError as error:
            problems += error.problems
            continue
        real = {os.path.realpath(source / folder): (source, folder) for folder in found}
        sources = real | sources
        theirs += real if source == versus else []
        notes += left_out
    return sources, theirs, notes, problems


def _trackers_of(source: Path, annotations: AnnotationSet) -> tuple[list[str], list[str]]:
    """Return the folders of results that hold a tracker each, "." for itself; of several, those of these videos."""
    from asymnas.core.archives import open_source
    from asymnas.tracking.results.layout import ENDINGS, find_trackers

    _, entries, _ = open_source(source, ENDINGS)
    found = find_trackers(source, entries)
    if len(found) < 2:
        return [str(item.folder) for item in found] or ["."], []
    known = {_letters(name) for item in annotations for name in (item.name, *getattr(item, "aliases", ()))}
    ours = [item for item in found if item.manifest or item.format == "otb-json"
            or any(_letters(name) in known for name in item.videos)]  # fmt: skip
    if not ours:
        rule = f"must hold results of videos of {annotations.dataset} {annotations.split}"
        value = f"{len(found)} folders of others, such as {next(iter(found[0].videos))}"
        raise DataError(Problem(str(source), rule, value, "Correct the folder, --dataset or --split."))
    others = [str(item.folder) for item in found if item not in ours]
    shown = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    note = f"{source}: left out, for they hold no results of these videos: {shown}"
    return [str(item.folder) for item in ours], [note] if others else []


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _score(
    results: Path, folder: str, annotations: AnnotationSet, protocol: str, missing: Missing, reading: Mapping[str, Any]
) -> TrackerScores:
    from asymnas.tracking.metrics import score
    from asymnas.tracking.results import read_results

    videos, source = annotations.annotations, results / folder
    read = read_results(results, annotations=videos, dataset=annotations.dataset, tracker=folder, **reading)
    absent = [item.name for item in videos if item.name not in read.boxes]
    if absent and missing == "error":
        shown = ", ".join(absent[:NAMED]) + (f" and {len(absent) - NAMED} more" if len(absent) > NAMED else "")
        rule = f"must hold results of all {len(videos)} videos"
        way_out = "Add them, or choose: --missing skip scores the rest, --missing zero counts them as misses."
        raise DataError(Problem(str(source), rule, f"none of {len(absent)}: {shown}", way_out))
    return TrackerScores(read.tracker, str(source), score(read.boxes, videos, protocol, missing=missing), read.notes)


def _named(trackers: Sequence[TrackerScores]) -> list[TrackerScores]:
    """Make names unique: two trackers of one name are told apart by their paths."""
    often = Counter(item.name for item in trackers)
    named = [replace(item, name=f"{item.name} ({item.source})") if often[item.name] > 1 else item for item in trackers]
    seen: Counter[str] = Counter()
    for index, item in enumerate(named):
        seen[item.name] += 1
        if seen[item.name] > 1:
            named[index] = replace(item, name=f"{item.name} #{seen[item.name]}")
    return named


def _versus(versus: str, theirs: Sequence[str] | None, trackers: Mapping[str, TrackerScores]) -> TrackerScores:
    """Return the tracker that the others are compared with: of the real places `theirs`, or by its name."""
    if theirs is None:
        for item in trackers.values():
            if item.name == versus:
                return item
        rule, names = "must be a path, or the name of one of the trackers", [item.name for item in trackers.values()]
        raise DataError(Problem("--vs", rule, f"'{versus}'", nearest(versus, names)))
    found = [trackers[key] for key in dict.fromkeys(theirs)]
    if len(found) != 1:
        rule, shown = "must hold the results of one tracker", ", ".join(item.name for item in found)
        way_out = "Give it among the results, and the name of one of its trackers with --vs."
        raise DataError(Problem(f"--vs {versus}", rule, f"{len(found)}: {shown}", way_out))
    return found[0]
