"""From result files to a benchmark report: annotations, detection, scores, comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from asymnas.errors import AsymNASError, DataError, Problem, nearest
from asymnas.report._benchmark import BenchmarkReport, TrackerScores, default_protocol

if TYPE_CHECKING:
    from asymnas.data import AnnotationSet
    from asymnas.interop._result_sources import ResultSource

__all__ = ["Missing", "evaluate_results"]

Missing = Literal["error", "skip"]


def evaluate_results(
    results: Sequence[Path],
    dataset: str,
    *,
    split: str | None = None,
    protocol: str | None = None,
    versus: str | None = None,
    root: Path | None = None,
    result_format: str = "auto",
    base: int | None = None,
    missing: Missing = "error",
) -> BenchmarkReport:
    """Score result files of any toolkit on a benchmark; frames are needed only where the annotations lie with them.

    Args:
        results: folders, archives or files, each of one tracker or of several.
        dataset: registered name of the data set.
        split: see `asymnas.data.load_annotations`.
        protocol: see `asymnas.metrics.PROTOCOLS`; None for the one of the data set's own toolkit.
        versus: a further path with one tracker, or the name of a tracker of `results`: all others are compared with it.
        root: the data root, or annotations themselves; see `asymnas.data.load_annotations`.
        result_format: see `asymnas.interop.results.FORMATS`.
        base: 0 or 1, the coordinates of the first pixel in the result files; None to detect it.
        missing: "error" refuses trackers without results for a video, "skip" scores the rest and lists them.

    Raises:
        DataError: unknown names, annotations or results that are missing or damaged; all problems of all trackers.
    """
    from asymnas.data import load_annotations, require_boxes
    from asymnas.metrics import compare, get_protocol

    rules = get_protocol(protocol or default_protocol(dataset))
    annotations = load_annotations(dataset, split, root=root)
    require_boxes(annotations)
    path = None if versus is None or not Path(versus).exists() else Path(versus)
    places = [*results] if path is None or path in results else [*results, path]
    trackers: list[TrackerScores] = []
    problems: list[Problem] = []
    origins: list[Path] = []
    for place in places:
        found, wrong = _read(place, annotations, rules.name, result_format, base, missing)
        trackers += found
        origins += [place] * len(found)
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
        notes=annotations.notes,
        comparisons=comparisons,
        versus="" if chosen is None else chosen.name,
    )


def _read(
    place: Path, annotations: AnnotationSet, protocol: str, result_format: str, base: int | None, missing: Missing
) -> tuple[list[TrackerScores], list[Problem]]:
    """Return the scores of every tracker in a place, and what is wrong with the others."""
    from asymnas.interop._result_sources import result_sources

    names = [name for item in annotations for name in (item.name, *getattr(item, "aliases", ()))]
    trackers: list[TrackerScores] = []
    problems: list[Problem] = []
    try:
        with result_sources(place, names) as sources:
            for source in sources:
                try:
                    trackers.append(_score(source, annotations, protocol, result_format, base, missing))
                except AsymNASError as error:
                    problems += [
                        replace(item, where=source.as_known(item.where), value=source.as_known(item.value))
                        for item in error.problems
                    ]
    except AsymNASError as error:  # the place itself; other places are still looked at
        problems += error.problems
    return trackers, problems


def _score(
    source: ResultSource,
    annotations: AnnotationSet,
    protocol: str,
    result_format: str,
    base: int | None,
    missing: Missing,
) -> TrackerScores:
    from asymnas.interop.results import read_results
    from asymnas.metrics import score

    read = read_results(source.path, annotations=annotations.annotations, format=result_format, base=base)
    known = set(annotations.names)
    boxes = {name: rows for name, rows in read.boxes.items() if name in known}
    extra = tuple(sorted(set(read.boxes) - known))
    if not boxes:
        rule = f"must hold results of videos of {annotations.dataset} {annotations.split}"
        value = f"{len(extra)} others ({', '.join(extra[:3])}, ...)" if extra else "none"
        raise DataError(Problem(source.shown, rule, value, "Mend the path, --dataset or --split."))
    scores = score(boxes, annotations.annotations, protocol, missing=missing)
    notes = tuple(source.as_known(note) for note in read.notes)
    return TrackerScores(read.tracker, source.shown, scores, notes, extra)


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
