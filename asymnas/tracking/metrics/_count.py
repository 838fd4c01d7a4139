"""Trackers against the truth: their rows laid along the frames of each video, and the hits at each threshold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._annotated import Annotated, Hits, Masks
from asymnas.tracking.metrics._protocol import Protocol

__all__ = ["Counted", "Truth", "count_hits", "ranks"]

NOWHERE = (-1e12, -1e12, 0.0, 0.0)
"""Stands for a row without a box: it overlaps nothing and is near nothing."""

LOST = (2 * NOWHERE[0], *NOWHERE[1:])
"""Stands for a row that the tracker did not give: a miss even where a protocol takes every box for near."""

_BLOCK = 4096
"""Frames that are worked on at once, so that short videos cost no calls of their own and all stays in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some videos, frame after frame, as the protocol compares them; n frames, of which `starts` are the first ones."""

    videos: slice
    names: list[str]
    lengths: np.ndarray
    starts: np.ndarray
    slots: np.ndarray  # (n,) the video of each frame, from 0
    first: np.ndarray  # (4, videos)
    sizes: np.ndarray | None  # (2, n)
    masks: Masks
    counts: np.ndarray
    corners: np.ndarray
    area: np.ndarray
    center: np.ndarray
    unit: np.ndarray


class Truth:
    """The annotated videos, as a protocol sees them; `counted` is (V,) frames in the denominator.

    Raises:
        DataError: no video, two of one name, or a video whose boxes and flags do not fit; all of them at once.
    """

    def __init__(self, protocol: Protocol, videos: Sequence[Annotated]) -> None:
        _check(videos)
        self.protocol, self.videos = protocol, tuple(videos)
        self.blocks = [self._prepared(part) for part in self._parts()]
        self.counted = np.concatenate([np.add.reduceat(b.counts, b.starts) for b in self.blocks]).astype(int)

    def _parts(self) -> Iterator[slice]:
        """Yield runs of videos that make a block: the image sizes of all are known, or those of none."""
        start = frames = 0
        known = [getattr(video, "size", None) is not None for video in self.videos]
        for index, video in enumerate(self.videos):
            if index > start and (frames + len(video.boxes) > _BLOCK or known[index] != known[start]):
                yield slice(start, index)
                start, frames = index, 0
            frames += len(video.boxes)
        yield slice(start, len(self.videos))

    def _prepared(self, part: slice) -> _Block:
        videos = self.videos[part]
        lengths = np.array([len(video.boxes) for video in videos])
        starts = np.cumsum(lengths) - lengths
        boxes = np.ascontiguousarray(np.concatenate([np.asarray(video.boxes, np.float64) for video in videos]).T)
        spans = zip(videos, starts.tolist(), lengths.tolist(), strict=True)
        found = [self.protocol.masks(video, boxes[:, start : start + length]) for video, start, length in spans]
        masks = _joined(found, lengths)
        counts = np.ones(boxes.shape[1]) if masks.left_out is None else 1.0 - masks.left_out
        sizes = [size for video in videos if (size := getattr(video, "size", None)) is not None]
        columns = np.where(np.isfinite(boxes).all(0), boxes, 0)  # the masks know of those that are not
        limits = np.repeat(np.array(sizes, np.float64).T, lengths, axis=1) if sizes else None
        self.protocol.shape(columns, limits)
        least = self.protocol.least_side
        return _Block(
            videos=part,
            names=[video.name for video in videos],
            lengths=lengths,
            starts=starts,
            slots=np.repeat(np.arange(len(videos)), lengths),
            first=boxes[:, starts],
            sizes=limits,
            masks=masks,
            counts=counts,
            corners=np.concatenate([columns[:2], columns[:2] + columns[2:]]),
            area=columns[2] * columns[3],
            center=columns[:2] + columns[2:] * 0.5,
            unit=np.maximum(columns[2:], least) if least else columns[2:],
        )


def _joined(parts: Sequence[Masks], lengths: np.ndarray) -> Masks:
    """Return the masks of some videos as one, None where they concern no frame."""
    joined = {}
    for name in (item.name for item in fields(Masks)):
        masks = [getattr(part, name) for part in parts]
        if any(mask is not None for mask in masks):
            whole = [np.zeros(n, bool) if mask is None else mask for mask, n in zip(masks, lengths, strict=True)]
            joined[name] = np.concatenate(whole)
    return Masks(**{name: mask for name, mask in joined.items() if mask.any()})


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
    """The hits of one tracker, and which of its rows did not fit; see `Scores` for the last three."""

    hits: Hits
    short: dict[str, tuple[int, int]] = field(default_factory=dict)
    long: dict[str, tuple[int, int]] = field(default_factory=dict)
    invalid: dict[str, int] = field(default_factory=dict)


def count_hits(truth: Truth, predictions: Mapping[str, np.ndarray]) -> Counted:
    """Count the hits of one tracker at each threshold: above it for overlaps, at most it for distances."""
    protocol, videos = truth.protocol, len(truth.videos)
    shapes = {video.name: np.shape(predictions[video.name]) for video in truth.videos if video.name in predictions}
    wrong = {name: shape for name, shape in shapes.items() if len(shape) != 2 or shape[1] != 4}
    if wrong:
        rule, out = "predicted boxes must be (m, 4): x, y, w, h", "Give one row a frame."
        raise DataError([Problem(f"video {name}", rule, str(shape), out) for name, shape in wrong.items()])
    tables = {kind: np.zeros((videos, len(grid) + 1), np.intp) for kind, grid in protocol.thresholds.items()}
    found = Counted(Hits({}, np.zeros(videos), np.zeros(videos), truth.counted))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for block in truth.blocks:
            predicted = _rows(protocol, block, predictions, found)
            values = _values(protocol, block, predicted)
            counted = slice(None) if block.masks.left_out is None else block.counts > 0
            found.hits.overlap[block.videos] = np.add.reduceat(values["success"] * block.counts, block.starts)
            covered = (predicted.sum(0) > 0) * block.counts
            found.hits.covered[block.videos] = np.add.reduceat(covered, block.starts)
            if protocol.inclusive:  # at or above t is strictly above it for the next number
                values["success"] = np.nextafter(values["success"], np.inf)
                values["success"][predicted[0] <= NOWHERE[0]] = 0
            for kind, grid in protocol.thresholds.items():
                width = len(grid) + 1
                bins = ranks(values[kind], float(grid[1])).astype(np.intp) + width * block.slots
                table = np.bincount(bins[counted], minlength=width * len(block.names))
                tables[kind][block.videos] = table.reshape(-1, width)
    curves = {
        kind: np.cumsum(table[:, :0:-1], axis=1, dtype=float)[:, ::-1]
        if kind == "success"
        else np.cumsum(table[:, :-1], axis=1, dtype=float)
        for kind, table in tables.items()
    }
    found.hits = Hits(curves, found.hits.overlap, found.hits.covered, truth.counted)
    return found


def _rows(protocol: Protocol, block: _Block, predictions: Mapping[str, np.ndarray], found: Counted) -> np.ndarray:
    """Return the rows along the frames, (4, n), by the protocol's rules of first, missing and invalid rows."""
    boxes = np.repeat(np.array(LOST)[:, None], len(block.counts), axis=1)
    given = np.zeros(len(block.counts), bool)
    for name, start, length in zip(block.names, block.starts.tolist(), block.lengths.tolist(), strict=True):
        rows = predictions.get(name)
        if rows is not None:
            stop = start + min(len(rows), length)
            boxes[:, start:stop] = np.asarray(rows, np.float64)[:length].T
            given[start:stop] = True
            if len(rows) != length:
                (found.short if len(rows) < length else found.long)[name] = (len(rows), length)
        elif protocol.filling is not None:
            boxes[:, start : start + length] = protocol.filling
            given[start : start + length] = True
    if protocol.first_frame_given:
        boxes[:, block.starts] = block.first
    finite = np.isfinite(boxes).all(0)
    valid = finite & (np.minimum(boxes[2], boxes[3]) > 0)
    if valid.all():
        return boxes
    invalid = np.add.reduceat(given & ~valid, block.starts, dtype=int).tolist()
    found.invalid.update({name: count for name, count in zip(block.names, invalid, strict=True) if count})
    if protocol.repair:
        valid[block.starts] = True
        last = np.maximum.accumulate(np.where(valid, np.arange(len(valid)), 0))
        boxes, finite = boxes[:, last], finite[last]
    if not finite.all():
        boxes[:, ~finite] = np.array(NOWHERE)[:, None]
    if not given.all():
        boxes[:, ~given] = np.array(LOST)[:, None]
    return boxes


def _values(protocol: Protocol, block: _Block, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return overlap and distances of each frame, none negative or NaN, with the protocol's exceptions."""
    masks = block.masks
    protocol.shape(predicted, block.sizes)
    success = _overlaps(predicted, block)
    if protocol.clip:
        success = np.minimum(success, 1)
    if masks.missed is not None:
        success[masks.missed] = 0
    values = {"success": success}
    if "precision" not in protocol.thresholds:
        return values
    across, down = predicted[2:] * 0.5 + predicted[:2] - block.center
    values["precision"] = np.sqrt(across * across + down * down)
    across, down = across / block.unit[0], down / block.unit[1]
    values["normalised precision"] = np.sqrt(across * across + down * down)
    apart = (("precision", masks.near, masks.far), ("normalised precision", masks.near_scaled, masks.far_scaled))
    for kind, near, far in apart:
        grid = protocol.thresholds[kind]
        beyond = len(grid) * float(grid[1])
        values[kind] = np.fmin(values[kind], beyond)  # NaN too
        if near is not None:
            values[kind][near & (predicted[0] != LOST[0])] = 0
        if far is not None:
            values[kind][far] = beyond
    return values


def _overlaps(predicted: np.ndarray, block: _Block) -> np.ndarray:
    """Return the intersection over union of each pair of boxes, (n,); 0 where a box has no area."""
    x, y, w, h = predicted
    left, top, right, bottom = block.corners
    wide = np.maximum(np.minimum(x + w, right) - np.maximum(x, left), 0)
    high = np.maximum(np.minimum(y + h, bottom) - np.maximum(y, top), 0)
    shared = wide * high
    return np.fmax(shared / (w * h + block.area - shared), 0)  # no area at all is 0 / 0


def ranks(values: np.ndarray, step: float) -> np.ndarray:
    """Return how many of the thresholds 0, step, 2 step, ... lie strictly below each of (n,) values, as whole floats.

    Exact: the quotient, taken a little too low, can only be one short, and one comparison settles that.
    """
    count = np.ceil(values * ((1 - 1e-9) / step))
    return count + (values > count * step)
