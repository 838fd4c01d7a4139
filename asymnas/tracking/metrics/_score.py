"""Scores of trackers: boxes and annotations in, `Scores` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.metrics._annotated import Annotated, Clip, Hits
from asymnas.tracking.metrics._count import Counted, Truth, count_hits
from asymnas.tracking.metrics._protocols import get_protocol
from asymnas.tracking.metrics._scores import AttributeScores, Curve, Scores

__all__ = ["Missing", "score", "score_many", "suc"]

Missing = Literal["error", "skip", "zero"]


def score(
    predictions: Mapping[str, np.ndarray],
    truths: Sequence[Annotated],
    protocol: str,
    *,
    missing: Missing = "error",
) -> Scores:
    """Score one tracker under a named protocol.

    Args:
        predictions: video to (m, 4) x, y, w, h in pixels, 0-based. With fewer rows than frames the rest are misses,
            listed in `Scores.short`; rows too many are cut, listed in `Scores.long`.
        truths: the annotated videos.
        protocol: name of the protocol, see `PROTOCOLS`.
        missing: what to do with videos without predictions: "error", "skip" (leave them out of the average, which is
            then not the benchmark's score) or "zero" (every frame a miss). They are listed in `Scores.missing`.

    Raises:
        DataError: unknown protocol, bad annotations or boxes, missing videos (all of them at once), none left.
    """
    return score_many({"": predictions}, truths, protocol, missing=missing)[""]


def score_many(
    trackers: Mapping[str, Mapping[str, np.ndarray]],
    truths: Sequence[Annotated],
    protocol: str,
    *,
    missing: Missing = "error",
    threads: int = 1,
) -> dict[str, Scores]:
    """Score many trackers; the annotations and the perfect tracker are worked out once for all.

    Args:
        trackers: tracker to its predictions, as in `score`.
        truths: the annotated videos.
        protocol: name of the protocol.
        missing: as in `score`; with "skip" each tracker leaves out its own missing videos.
        threads: trackers are spread over so many threads; the scores do not depend on it.

    Raises:
        DataError: as in `score`, over all trackers at once.
    """
    if missing not in ("error", "skip", "zero"):
        raise DataError(Problem("missing", "must be error, skip or zero", repr(missing), "Choose one of them."))
    rules, videos = get_protocol(protocol), tuple(truths)
    names = {video.name for video in videos}
    lacking = {
        tracker: tuple(video.name for video in videos if video.name not in predictions)
        for tracker, predictions in trackers.items()
    }
    _refuse(lacking, trackers, names, missing)
    groups: dict[tuple[str, ...], list[str]] = {}
    for tracker in trackers:
        groups.setdefault(lacking[tracker] if missing == "skip" else (), []).append(tracker)
    found: dict[str, Scores] = {}
    for left_out, members in groups.items():
        gone = set(left_out)
        truth = Truth(rules, [video for video in videos if video.name not in gone])
        perfect = {video.name: video.boxes for video in truth.videos}
        with ThreadPoolExecutor(max(threads, 1)) as pool:  # numpy works outside the interpreter's lock
            best, *counted = pool.map(partial(count_hits, truth), [perfect, *(trackers[name] for name in members)])
        ceiling = _averages(_measures(truth, best.hits), truth)
        notes = rules.notes(truth.videos)
        for tracker, own in zip(members, counted, strict=True):
            extra = tuple(sorted(set(trackers[tracker]) - names))
            found[tracker] = _scores(truth, own, ceiling, lacking[tracker], missing, extra, notes)
    return {tracker: found[tracker] for tracker in trackers}


def _refuse(
    lacking: Mapping[str, tuple[str, ...]],
    trackers: Mapping[str, Mapping[str, np.ndarray]],
    names: set[str],
    missing: Missing,
) -> None:
    """Raise for missing videos where they are errors, and for trackers that have none of the videos."""
    problems = []
    for tracker, absent in lacking.items():
        where = f"results of {tracker}" if tracker else "results"
        extra = set(trackers[tracker]) - names
        if len(absent) == len(names) and names:
            value = f"{len(trackers[tracker])} other videos" if trackers[tracker] else "no video"
            problems.append(Problem(where, "must have videos of these annotations", value, "Check the data set."))
        elif missing == "error":
            way_out = "Add them, or ask to skip them (missing='skip') or to count them as misses (missing='zero')."
            for name in absent:
                hint = nearest(name, extra) + " " if extra else ""
                problems.append(Problem(f"{where}: video {name}", "must have predicted boxes", "none", hint + way_out))
    if problems:
        raise DataError(problems)


def _measures(truth: Truth, found: Hits) -> dict[str, np.ndarray]:
    return truth.protocol.summarise(found.shares(), found)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted mean of (V,) values; 0 where nothing has weight."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total else 0.0


def _averages(measures: Mapping[str, np.ndarray], truth: Truth, chosen: np.ndarray | None = None) -> dict[str, float]:
    part = slice(None) if chosen is None else chosen
    return {
        measure: _mean(values[part], truth.protocol.weights(measure, truth.counted)[part])
        for measure, values in measures.items()
    }


def _scores(
    truth: Truth,
    own: Counted,
    ceiling: Mapping[str, float],
    lacking: tuple[str, ...],
    missing: Missing,
    extra: tuple[str, ...],
    notes: tuple[str, ...],
) -> Scores:
    protocol = truth.protocol
    measures, curves = _measures(truth, own.hits), own.hits.shares()
    weight = truth.counted.astype(float) if protocol.pooled else np.ones(len(truth.videos))
    attributes = {}
    for name in sorted({name for video in truth.videos for name in video.attributes}):
        chosen = np.array([name in video.attributes for video in truth.videos])
        attributes[name] = AttributeScores(_averages(measures, truth, chosen), int(chosen.sum()))
    columns = {measure: values.tolist() for measure, values in measures.items()}
    return Scores(
        protocol=protocol.name,
        main=protocol.main,
        values=_averages(measures, truth),
        per_video={
            video.name: {measure: column[index] for measure, column in columns.items()}
            for index, video in enumerate(truth.videos)
        },
        curves={
            kind: Curve(protocol.thresholds[kind], (weight @ curve) / max(weight.sum(), 1))
            for kind, curve in curves.items()
        },
        video_curves=curves,
        attributes=attributes,
        ceiling=dict(ceiling),
        weights={measure: protocol.weights(measure, truth.counted) for measure in protocol.measures},
        videos=len(truth.videos),
        frames=int(truth.counted.sum()),
        missing=lacking,
        missing_as=missing,
        short=own.short,
        long=own.long,
        invalid=own.invalid,
        extra=extra,
        notes=notes,
    )


def suc(predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray, *, protocol: str = "lasot") -> float:
    """Return the main measure of one video under a named protocol: SUC, in [0, 20/21], or what the protocol ranks by.

    Args:
        predicted: (n, 4) x, y, w, h in pixels, 0-based.
        truth: (n, 4), likewise.
        absent: (n,) bool.
        protocol: name of the protocol.

    Raises:
        DataError: the three differ in length, or there is no frame; no protocol has the name.
    """
    rules = get_protocol(protocol)
    predicted, truth, absent = np.asarray(predicted, float), np.asarray(truth, float), np.asarray(absent, bool)
    if not len(predicted) == len(truth) == len(absent) or len(truth) == 0:
        rule = "predicted boxes, ground truth and absence flags must be of one length, at least 1"
        value = f"{len(predicted)}, {len(truth)} and {len(absent)}"
        raise DataError(Problem(f"protocol {protocol}", rule, value, "Give one row a frame."))
    frames = Truth(rules, [Clip("video", truth, absent)])
    found = count_hits(frames, {"video": predicted}).hits
    return float(_measures(frames, found)[rules.main][0])
