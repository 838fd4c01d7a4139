"""The frames of a benchmark as columns: prepared once a protocol, then scored against any number of trackers."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from asymnas.errors import DataError, Problem
from asymnas.metrics._kernels import BLOCK, below, distances, overlaps, spread, truth_columns

if typing.TYPE_CHECKING:
    from asymnas.metrics._protocol import Protocol

__all__ = ["Aligned", "Annotated", "Clip", "Hits", "Masks", "Truth", "aligned", "compared", "hits"]


@typing.runtime_checkable
class Annotated(typing.Protocol):
    """What a protocol reads of a video; `asymnas.data.Video` and `asymnas.data.Annotation` both fit.

    `boxes` is (n, 4) x, y, w, h in pixels, 0-based; `absent` is (n,) bool, True where the target cannot be seen.
    Two more are read where they are: `cover`, (n,) 0 to 8, the visible part of the target in eighths, and `size`,
    (width, height) of the image in pixels.
    """

    @property
    def name(self) -> str: ...

    @property
    def boxes(self) -> np.ndarray: ...

    @property
    def absent(self) -> np.ndarray: ...

    @property
    def attributes(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One video's annotation, as bare arrays; see `Annotated`."""

    name: str
    boxes: np.ndarray
    absent: np.ndarray
    attributes: frozenset[str] = field(default_factory=frozenset)
    cover: np.ndarray | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Masks:
    """Which frames a protocol treats apart; each (n,) bool or None for no frame.

    Args:
        left_out: neither counted as hit nor in the denominator.
        missed: a miss of the overlap.
        near: a hit of the precision, whatever the distance.
        far: a miss of the precision.
        near_scaled: a hit of the normalised precision.
        far_scaled: a miss of the normalised precision.
    """

    left_out: np.ndarray | None = None
    missed: np.ndarray | None = None
    near: np.ndarray | None = None
    far: np.ndarray | None = None
    near_scaled: np.ndarray | None = None
    far_scaled: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The annotated frames of V videos, one after the other, as a protocol sees them.

    Args:
        protocol: the protocol.
        videos: the V annotated videos.
        lengths: (V,) frames a video.
        starts: (V,) index of the first frame of each video.
        boxes: (N, 4) the annotated boxes.
        columns: (9, N) of `truth_columns`, after what the protocol does to boxes.
        masks: the frames treated apart.
        owner: (N,) video of each frame; V for frames left out.
        counted: (V,) frames in the denominator.
        limits: (2, N) width and height of the image where boxes are clipped to it, else None.
        notes: what was assumed.
    """

    protocol: Protocol
    videos: tuple[Annotated, ...]
    lengths: np.ndarray
    starts: np.ndarray
    boxes: np.ndarray
    columns: np.ndarray
    masks: Masks
    owner: np.ndarray
    counted: np.ndarray
    limits: np.ndarray | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, protocol: Protocol, videos: Sequence[Annotated]) -> Truth:
        """Prepare the frames of some videos for a protocol.

        Raises:
            DataError: no video, two of one name, or a video whose boxes and flags do not fit; all of them at once.
        """
        videos = tuple(videos)
        _check(videos)
        lengths = np.array([len(video.boxes) for video in videos])
        starts = np.cumsum(lengths) - lengths
        boxes = np.concatenate([np.asarray(video.boxes, np.float64) for video in videos])
        masks, notes = protocol.masks(videos, boxes, starts)
        limits, clipping = protocol.limits(videos)
        shaped = np.empty((4, len(boxes)))
        protocol.shape(boxes.T, limits, shaped)
        columns = truth_columns(shaped, protocol.least_side)
        owner = np.repeat(np.arange(len(videos)), lengths)
        if masks.left_out is not None:
            owner[masks.left_out] = len(videos)
        counted = np.bincount(owner, minlength=len(videos) + 1)[:-1]
        return cls(
            protocol, videos, lengths, starts, boxes, columns, masks, owner, counted, limits, (*notes, *clipping)
        )


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
            problems.append(
                Problem(
                    f"video {video.name}",
                    "ground truth must be (n, 4) boxes with n absence flags of one length, n at least 1",
                    f"{boxes.shape} boxes and {absent.shape} flags",
                    "Give one row a frame.",
                )
            )
    if problems:
        raise DataError(problems)


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What one tracker did, a row a video.

    Args:
        curves: kind ("success", "precision", "normalised precision") to (V, K) hits at each threshold.
        overlap: (V,) sum of the overlaps of the counted frames.
        covered: (V,) frames with a usable predicted box.
    """

    curves: Mapping[str, np.ndarray]
    overlap: np.ndarray
    covered: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """One tracker's boxes on the frames of a `Truth`, with what did not fit.

    Args:
        boxes: (N, 4), NaN where the tracker gave no row.
        short: video to (rows given, frames) for files with too few rows.
        long: likewise for those with too many, which were cut.
        invalid: video to the number of rows without a finite box of positive size.
    """

    boxes: np.ndarray
    short: dict[str, tuple[int, int]]
    long: dict[str, tuple[int, int]]
    invalid: dict[str, int]


def aligned(truth: Truth, predictions: Mapping[str, np.ndarray]) -> Aligned:
    """Lay a tracker's boxes along the frames, with the protocol's treatment of first and invalid rows.

    Rows that the tracker did not give, or all of a video without predictions, are misses of every measure, unless the
    protocol fills missing videos (`Protocol.filling`).

    Raises:
        DataError: predictions that are not (m, 4); all of them at once.
    """
    parts, problems = [], []
    short: dict[str, tuple[int, int]] = {}
    long: dict[str, tuple[int, int]] = {}
    given: dict[int, int] = {}
    for index, (video, frames) in enumerate(zip(truth.videos, truth.lengths.tolist(), strict=True)):
        part = predictions.get(video.name)
        if part is None:
            part = np.full((frames, 4), truth.protocol.filling)
            if np.isnan(truth.protocol.filling):
                given[index] = 0
        part = np.asarray(part, np.float64)
        if part.ndim != 2 or part.shape[1] != 4:
            rule = "predicted boxes must be (m, 4): x, y, w, h"
            problems.append(Problem(f"video {video.name}", rule, str(part.shape), "Give one row a frame."))
        elif len(part) > frames:
            long[video.name] = (len(part), frames)
            part = part[:frames]
        elif len(part) < frames:
            short[video.name] = (len(part), frames)
            given[index] = len(part)
            part = np.concatenate([part, np.full((frames - len(part), 4), np.nan)])
        parts.append(part)
    if problems:
        raise DataError(problems)
    boxes = np.concatenate(parts)
    invalid = _mend(truth, boxes, given)
    return Aligned(boxes, short, long, invalid)


def _mend(truth: Truth, boxes: np.ndarray, given: Mapping[int, int]) -> dict[str, int]:
    """Apply the rules of first and invalid rows in place; return the number of invalid rows by video.

    Args:
        truth: the frames.
        boxes: (N, 4) predictions; changed.
        given: index of a video to the rows that the tracker gave, where they are fewer than its frames.
    """
    if truth.protocol.first_frame_given:
        boxes[truth.starts] = truth.boxes[truth.starts]
    if not given and np.isfinite(boxes.sum()) and boxes[:, 2:].min() > 0:
        return {}
    valid = np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)
    wanted = np.ones(len(boxes), bool)
    for index, rows in given.items():
        wanted[truth.starts[index] + rows : truth.starts[index] + truth.lengths[index]] = False
    counts = np.add.reduceat((wanted & ~valid).astype(int), truth.starts)
    if truth.protocol.repair:
        valid[truth.starts] = True
        boxes[:] = boxes[np.maximum.accumulate(np.where(valid, np.arange(len(boxes)), 0))]
    boxes[~wanted] = np.nan
    return {video.name: int(count) for video, count in zip(truth.videos, counts, strict=True) if count}


def hits(truth: Truth, boxes: np.ndarray) -> Hits:
    """Compare (N, 4) predicted boxes with the truth, block by block."""
    protocol = truth.protocol
    thresholds = protocol.thresholds
    places = {kind: np.empty(len(boxes), np.intp) for kind in thresholds}
    sums = np.zeros(len(truth.videos) + 1)
    covered = np.zeros(len(truth.videos) + 1)
    for start in range(0, len(boxes), BLOCK):
        part = slice(start, min(start + BLOCK, len(boxes)))
        values = compared(truth, boxes, part)
        if "AO" in protocol.measures:
            gained = np.maximum(values["success"], 0)
            sums += np.bincount(truth.owner[part], gained, len(sums))
        if protocol.inclusive:  # at or above a threshold is strictly above it for the next greater number
            np.nextafter(values["success"], np.inf, out=values["success"])
        for kind, grid in thresholds.items():
            below(values[kind], grid, places[kind][part])
    if "Coverage" in protocol.measures:
        covered += np.bincount(truth.owner, np.nan_to_num(np.rint(boxes).sum(1)) > 0, len(covered))
    curves = {}
    for kind, grid in thresholds.items():
        place, width = places[kind], len(grid) + 1
        place += truth.owner * width
        table = np.bincount(place, minlength=len(sums) * width).reshape(-1, width)[:-1]
        curves[kind] = spread(table, rising=kind != "success")
    return Hits(curves, sums[:-1], covered[:-1])


def compared(truth: Truth, boxes: np.ndarray, part: slice) -> dict[str, np.ndarray]:
    """Return overlap and distances of the frames of one block, with the protocol's exceptions."""
    protocol, masks = truth.protocol, truth.masks
    columns = truth.columns[:, part]
    predicted = np.empty((4, columns.shape[1]))
    protocol.shape(boxes[part].T, None if truth.limits is None else truth.limits[:, part], predicted)
    values = {kind: np.empty(columns.shape[1]) for kind in protocol.thresholds}
    overlaps(predicted, columns, values["success"])
    if protocol.clip:
        np.minimum(values["success"], 1, out=values["success"])
    if masks.missed is not None:
        values["success"][masks.missed[part]] = -1
    if "precision" in values:
        distances(predicted, columns, values["precision"], values.get("normalised precision"))
    for kind, near, far in (
        ("precision", masks.near, masks.far),
        ("normalised precision", masks.near_scaled, masks.far_scaled),
    ):
        if kind in values:
            if near is not None:
                values[kind][near[part]] = -1
            if far is not None:
                values[kind][far[part]] = np.inf
    return values
