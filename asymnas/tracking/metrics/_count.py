"""Trackers against the truth: their rows laid along the frames of each video, and the hits at each threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._annotated import Annotated, Hits, Masks
from asymnas.tracking.metrics._protocol import Protocol

__all__ = ["Counted", "Truth", "count_hits", "ranks"]

NOWHERE = (-1e12, -1e12, 0.0, 0.0)
"""What stands for a row without a box: one that overlaps nothing and is near nothing."""

LOST = (2 * NOWHERE[0], *NOWHERE[1:])
"""What stands for a row that the tracker did not give: a miss even where a protocol takes every box for near."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frames:
    """The annotated frames of one video, as the protocol compares them; columns of left, top, ... are (n,)."""

    name: str
    first: np.ndarray
    size: tuple[int, int] | None
    masks: Masks
    counts: np.ndarray
    corners: np.ndarray
    area: np.ndarray
    center: np.ndarray
    unit: np.ndarray


class Truth:
    """The annotated videos, as a protocol sees them; prepared once, then scored against any number of trackers.

    Attributes:
        protocol: the protocol.
        videos: the V annotated videos.
        frames: the frames of each.
        counted: (V,) frames in the denominator.

    Raises:
        DataError: no video, two of one name, or a video whose boxes and flags do not fit; all of them at once.
    """

    def __init__(self, protocol: Protocol, videos: Sequence[Annotated]) -> None:
        _check(videos)
        self.protocol, self.videos = protocol, tuple(videos)
        self.frames = [self._prepared(video) for video in self.videos]
        self.counted = np.array([int(item.counts.sum()) for item in self.frames])

    def _prepared(self, video: Annotated) -> _Frames:
        boxes = np.ascontiguousarray(np.asarray(video.boxes, np.float64).T)
        masks = self.protocol.masks(video, boxes)
        counts = np.ones(boxes.shape[1]) if masks.left_out is None else 1.0 - masks.left_out
        size = getattr(video, "size", None)
        columns = np.where(np.isfinite(boxes).all(0), boxes, 0)  # the masks know of those that are not
        self.protocol.shape(columns, size)
        least = self.protocol.least_side
        unit = np.maximum(columns[2:], least) if least else columns[2:]
        corners = np.concatenate([columns[:2], columns[:2] + columns[2:]])
        center = columns[:2] + columns[2:] * 0.5
        return _Frames(video.name, boxes[:, 0], size, masks, counts, corners, columns[2] * columns[3], center, unit)


def _check(videos: Sequence[Annotated]) -> None:
    problems = []
    if not videos:
        problems.append(Problem("annotations", "must hold at least one video", "none", "Check the data set and split."))
    seen: set[str] = set()
    for video in videos:
        boxes, absent = np.asarray(video.boxes), np.asarray(video.absent)
        if video.name in seen:
            problems.append(Problem(f"video {video.name}", "names must be unique", "two of one name", "Rename one."))
        seen.add(video.name)
        if boxes.ndim != 2 or boxes.shape[1:] != (4,) or absent.shape != (len(boxes),) or not len(boxes):
            rule = "ground truth must be (n, 4) boxes with n absence flags of one length, n at least 1"
            value = f"{boxes.shape} boxes and {absent.shape} flags"
            problems.append(Problem(f"video {video.name}", rule, value, "Give one row a frame."))
    if problems:
        raise DataError(problems)


@dataclass(slots=True, eq=False)
class Counted:
    """The hits of one tracker, and which of its rows did not fit.

    Args:
        hits: the hits.
        short: video to (rows given, frames) where there are too few rows; the rest are misses of every measure.
        long: likewise where there are too many; they are cut.
        invalid: video to the number of rows without a finite box of positive size.
    """

    hits: Hits
    short: dict[str, tuple[int, int]] = field(default_factory=dict)
    long: dict[str, tuple[int, int]] = field(default_factory=dict)
    invalid: dict[str, int] = field(default_factory=dict)


def count_hits(truth: Truth, predictions: Mapping[str, np.ndarray]) -> Counted:
    """Count the hits of one tracker at each threshold: above it for overlaps, at most it for distances.

    Raises:
        DataError: predictions that are not (m, 4); all of them at once.
    """
    protocol, videos = truth.protocol, len(truth.frames)
    tables = {kind: np.zeros((videos, len(grid) + 1), np.intp) for kind, grid in protocol.thresholds.items()}
    found = Counted(Hits({}, np.zeros(videos), np.zeros(videos), truth.counted))
    _check_rows(truth, predictions)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for index, frames in enumerate(truth.frames):
            predicted = _rows(protocol, frames, predictions.get(frames.name), found)
            values = _values(protocol, frames, predicted)
            counted = frames.counts > 0
            found.hits.overlap[index] = np.add.reduceat(values["success"] * frames.counts, [0])[0]
            found.hits.covered[index] = ((predicted.sum(0) > 0) & counted).sum()
            if protocol.inclusive:  # at or above t is strictly above it for the next number
                values["success"] = np.nextafter(values["success"], np.inf)
                values["success"][predicted[0] <= NOWHERE[0]] = 0
            for kind, grid in protocol.thresholds.items():
                places = ranks(values[kind], float(grid[1]))[counted].astype(np.intp)
                tables[kind][index] = np.bincount(places, minlength=len(grid) + 1)
    curves = {
        kind: np.cumsum(table[:, :0:-1], axis=1, dtype=float)[:, ::-1]
        if kind == "success"
        else np.cumsum(table[:, :-1], axis=1, dtype=float)
        for kind, table in tables.items()
    }
    found.hits = Hits(curves, found.hits.overlap, found.hits.covered, truth.counted)
    return found


def _check_rows(truth: Truth, predictions: Mapping[str, np.ndarray]) -> None:
    rule, shapes = "predicted boxes must be (m, 4): x, y, w, h", {}
    for frames in truth.frames:
        if frames.name in predictions:
            shapes[frames.name] = np.shape(predictions[frames.name])
    wrong = {name: shape for name, shape in shapes.items() if len(shape) != 2 or shape[1] != 4}
    if wrong:
        raise DataError(
            [Problem(f"video {name}", rule, str(shape), "Give one row a frame.") for name, shape in wrong.items()]
        )


def _rows(protocol: Protocol, frames: _Frames, rows: np.ndarray | None, found: Counted) -> np.ndarray:
    """Return a video's rows along its frames, (4, n), by the protocol's rules of first, missing and invalid rows."""
    given = count = len(frames.counts)
    boxes = np.repeat(np.array(LOST)[:, None], count, axis=1)
    if rows is not None:
        given = min(len(rows), count)
        boxes[:, :given] = np.asarray(rows, np.float64)[:count].T
        if len(rows) != count:
            (found.short if len(rows) < count else found.long)[frames.name] = (len(rows), count)
    elif protocol.filling is None:
        given = 0
    else:
        boxes[:] = protocol.filling
    if protocol.first_frame_given:
        boxes[:, 0] = frames.first
    finite = np.isfinite(boxes).all(0)
    valid = finite & (boxes[2:] > 0).all(0)
    wrong = int((~valid[:given]).sum())
    if wrong:
        found.invalid[frames.name] = wrong
    if protocol.repair:
        valid[0] = True
        last = np.maximum.accumulate(np.where(valid, np.arange(count), 0))
        boxes, finite = boxes[:, last], finite[last]
    boxes[:, ~finite] = np.array(NOWHERE)[:, None]
    boxes[:, given:] = np.array(LOST)[:, None]
    return boxes


def _values(protocol: Protocol, frames: _Frames, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return overlap and distances of each frame, none negative or NaN, with the protocol's exceptions."""
    masks, lost = frames.masks, predicted[0] == LOST[0]
    protocol.shape(predicted, frames.size)
    success = _overlaps(predicted, frames)
    if protocol.clip:
        success = np.minimum(success, 1)
    if masks.missed is not None:
        success[masks.missed] = 0
    values = {"success": success}
    if "precision" not in protocol.thresholds:
        return values
    across, down = predicted[2:] * 0.5 + predicted[:2] - frames.center
    values["precision"] = np.sqrt(across * across + down * down)
    across, down = across / frames.unit[0], down / frames.unit[1]
    values["normalised precision"] = np.sqrt(across * across + down * down)
    apart = (("precision", masks.near, masks.far), ("normalised precision", masks.near_scaled, masks.far_scaled))
    for kind, near, far in apart:
        grid = protocol.thresholds[kind]
        beyond = len(grid) * float(grid[1])
        values[kind] = np.fmin(values[kind], beyond)  # NaN too
        if near is not None:
            values[kind][near & ~lost] = 0
        if far is not None:
            values[kind][far] = beyond
    return values


def _overlaps(predicted: np.ndarray, frames: _Frames) -> np.ndarray:
    """Return the intersection over union of each pair of boxes, (n,); 0 where a box has no area."""
    x, y, w, h = predicted
    left, top, right, bottom = frames.corners
    wide = np.maximum(np.minimum(x + w, right) - np.maximum(x, left), 0)
    high = np.maximum(np.minimum(y + h, bottom) - np.maximum(y, top), 0)
    shared = wide * high
    return np.fmax(shared / (w * h + frames.area - shared), 0)  # no area at all is 0 / 0


def ranks(values: np.ndarray, step: float) -> np.ndarray:
    """Return how many of the thresholds 0, step, 2 step, ... lie strictly below each value, as whole float64 numbers.

    It is exactly what comparing with each threshold finds: the quotient, taken a little too low, can only be one
    short, and that is settled by comparing with the one threshold in question.

    Args:
        values: (n,) float64, neither negative nor NaN.
        step: distance of the thresholds.
    """
    count = np.ceil(values * ((1 - 1e-9) / step))
    return count + (values > count * step)
