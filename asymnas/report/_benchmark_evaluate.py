"""From result files to a benchmark report: annotations, detection, scores, comparison."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asymnas.errors import AsymNASError, DataError, Problem, nearest
from asymnas.report._benchmark import BenchmarkReport, TrackerScores, default_protocol

if TYPE_CHECKING:
    from asymnas.data import AnnotationSet

__all__ = ["Missing", "evaluate_results"]

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
        split: see `asymnas.data.load_annotations`.
        protocol: see `asymnas.metrics.PROTOCOLS`; None for the one of the data set's own toolkit.
        versus: a further path with one tracker, or the name of a tracker of `results`: all others are compared with it.
        root: the data root, or annotations themselves; see `asymnas.data.load_annotations`.
        missing: "error" refuses trackers without results for a video, "skip" scores the rest, "zero" counts the missing
            videos as misses; they are listed.
        **reading: what is not to be detected: `format`, `base`, `corners`, `first_row`, `repetition` of
            `asymnas.interop.results.read_results`.

    Raises:
        DataError: unknown names, annotations or results that are missing or damaged; all problems of all trackers.
    """
    from asymnas.data import require_boxes
    from asymnas.metrics import compare, get_protocol

    rules = get_protocol(protocol or default_protocol(dataset))
    annotations = _annotations(dataset, split, root)
    require_boxes(annotations)
    path = None if versus is None or not Path(versus).exists() else Path(versus)
    places = [*results] if path is None or path in results else [*results, path]
    trackers: list[TrackerScores] = []
    problems: list[Problem] = []
    origins: list[Path] = []
    notes = list(annotations.notes)
    for place in places:
        found, left_out, wrong = _read(place, annotations, rules.name, missing, reading)
        trackers += found
        origins += [place] * len(found)
        notes += left_out
        problems += wrong
    if problems:
        raise DataError(problems)
    trackers = _named(trackers)
    chosen = None if versus is None else _versus(versus, path, trackers, origins)
    comparisons = {} if chosen is None else {item.name: compare(item.scores, chosen.scores) for item in trackers
                                             if item is not chosen}  # fmt: skip
    if chosen is not None and not comparisons:
        rule = "the tracker to compare with must be another than the results"
        raise DataError(Problem("--vs", rule, f"'{versus}' alone", "Give further results."))
    return BenchmarkReport(
        dataset=annotations.dataset,
        split=annotations.split,
        protocol=rules.name,
        rules=rules.rules,
        main=rules.main,
        chosen=protocol is not None,
        videos=len(annotations),
        frames=annotations.frames,
        absent=sum(int(item.absent.sum()) for item in annotations),
        annotations=str(annotations.source),
        trackers=tuple(sorted(trackers, key=lambda item: -item.scores.values[rules.main])),
        notes=tuple(notes),
        comparisons=comparisons,
        versus="" if chosen is None else chosen.name,
    )


def _annotations(dataset: str, split: str | None, root: Path | None) -> AnnotationSet:
    from asymnas.data import AnnotationSet, annotation_of, dataset_info, load_annotations, load_dataset

    if root is None and not dataset_info(dataset).layout:  # generated: there are no files to look for
        loaded = load_dataset(dataset, split or "test")
        videos = tuple(annotation_of(video) for video in loaded.videos)
        return AnnotationSet(dataset, loaded.split, videos, Path(dataset))
    try:
        return load_annotations(dataset, split, root=root)
    except OSError as error:
        where = str(error.filename or root or dataset)
        rule, value = f"annotations of {dataset} must be readable here", error.strerror or str(error)
        raise DataError(Problem(where, rule, value, "Mend the path or its rights, or --dataset.")) from None


def _read(
    place: Path, annotations: AnnotationSet, protocol: str, missing: Missing, reading: Mapping[str, Any]
) -> tuple[list[TrackerScores], list[str], list[Problem]]:
    """Return the scores of every tracker in a place, notes on what is left out, and what is wrong."""
    trackers: list[TrackerScores] = []
    problems: list[Problem] = []
    try:
        sources, notes = _sources(place, annotations)
    except AsymNASError as error:
        return [], [], list(error.problems)
    for source in sources:
        try:
            trackers.append(_score(source, annotations, protocol, missing, reading))
        except AsymNASError as error:
            problems += error.problems
    return trackers, notes, problems


def _sources(place: Path, annotations: AnnotationSet) -> tuple[list[Path], list[str]]:
    """Return the folders, maybe inside an archive, that hold a tracker each; of several, those of these videos."""
    from asymnas.interop.results._files import open_source
    from asymnas.interop.results._layout import find_trackers

    _, entries, _ = open_source(place)
    found = find_trackers(place, entries)
    if len(found) < 2:
        return [place], []
    known = {_plain(name) for item in annotations for name in (item.name, *getattr(item, "aliases", ()))}
    ours = [item for item in found if item.manifest or item.form == "otb-json"
            or any(_plain(name) in known for name in item.videos)]  # fmt: skip
    if not ours:
        rule = f"must hold results of videos of {annotations.dataset} {annotations.split}"
        value = f"{len(found)} folders of others, such as {next(iter(found[0].videos))}"
        raise DataError(Problem(str(place), rule, value, "Mend the path, --dataset or --split."))
    others = [str(item.folder) for item in found if item not in ours]
    shown = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
    what = (
        "1 folder without results of these videos is" if len(others) == 1 else f"{len(others)} folders without any are"
    )
    note = f"{place}: {what} left out: {shown}"
    return [place / item.folder for item in ours], [note] if others else []


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _score(
    source: Path, annotations: AnnotationSet, protocol: str, missing: Missing, reading: Mapping[str, Any]
) -> TrackerScores:
    from asymnas.interop.results import read_results
    from asymnas.metrics import score

    videos = annotations.annotations
    read = read_results(source, annotations=videos, dataset=annotations.dataset, **reading)
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


def _versus(
    versus: str, path: Path | None, trackers: Sequence[TrackerScores], origins: Sequence[Path]
) -> TrackerScores:
    """Return the tracker that the others are compared with."""
    if path is None:
        for item in trackers:
            if item.name == versus:
                return item
        rule = "must be a path, or the name of one of the trackers"
        raise DataError(Problem("--vs", rule, f"'{versus}'", nearest(versus, [item.name for item in trackers])))
    found = [item for item, origin in zip(trackers, origins, strict=True) if origin == path]
    if len(found) != 1:
        rule, names = "must hold the results of one tracker", ", ".join(item.name for item in found)
        way_out = "Give it among the results, and the name of one of its trackers with --vs."
        raise DataError(Problem(f"--vs {path}", rule, f"{len(found)}: {names}", way_out))
    return found[0]
