"""The frames of a benchmark as columns: prepared once a protocol, then scored against any number of trackers."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._kernels import BLOCK, truth_columns

if typing.TYPE_CHECKING:
    from asymnas.tracking.metrics._protocol import Protocol

__all__ = ["Annotated", "Block", "Clip", "Masks", "Truth"]


@typing.runtime_checkable
class Annotated(typing.Protocol):
    """What a protocol reads of a video; `asymnas.tracking.data.Video` and `asymnas.tracking.data.Annotation` both fit.

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

    def of(self, part: slice) -> Masks:
        """Return the masks of some frames, None where no frame is concerned."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self)}
        return Masks(**{k: a[part] if a is not None and a[part].any() else None for k, a in arrays.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A run of frames that is worked on at once.

    Args:
        part: its frames among all.
        videos: its videos among all.
        pieces: (video, frames within the video, frames within the block) for each of them.
        begins: (videos,) where each of them begins within the block.
        firsts: frames within the block that are the first of their video.
        columns: (9, n) columns of `truth_columns`.
        slot: (n,) video of each frame, counted within the block; the number of videos for frames left out.
        counts: (n,) 1.0, or 0.0 for frames left out.
        masks: the frames treated apart.
        limits: (3, n) as of `Protocol.limits`, a column a frame.
    """

    part: slice
    videos: slice
    pieces: tuple[tuple[int, slice, slice], ...]
    begins: np.ndarray
    firsts: np.ndarray
    columns: np.ndarray
    slot: np.ndarray
    counts: np.ndarray
    masks: Masks
    limits: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The annotated frames of V videos, one after the other, as a protocol sees them.

    Args:
        protocol: the protocol.
        videos: the V annotated videos.
        lengths: (V,) frames a video.
        starts: (V,) index of the first frame of each video.
        boxes: (4, N) columns x, y, w, h of the annotated boxes.
        masks: the frames treated apart.
        limits: (V, 3) as of `Protocol.limits`.
        counted: (V,) frames in the denominator.
        notes: what was assumed.
    """

    protocol: Protocol
    videos: tuple[Annotated, ...]
    lengths: np.ndarray
    starts: np.ndarray
    boxes: np.ndarray
    masks: Masks
    limits: np.ndarray | None
    counted: np.ndarray
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
        boxes = np.empty((4, int(lengths.sum())))
        for video, start in zip(videos, starts.tolist(), strict=True):
            boxes[:, start : start + len(video.boxes)] = np.asarray(video.boxes).T
        masks, notes = protocol.masks(videos, boxes, starts)
        limits, clipping = protocol.limits(videos)
        counted = lengths
        if masks.left_out is not None:
            counted = lengths - np.add.reduceat(masks.left_out, starts, dtype=int)
        return cls(protocol, videos, lengths, starts, boxes, masks, limits, counted, (*notes, *clipping))

    def blocks(self) -> Iterator[Block]:
        """Yield the frames in runs that fit a core's cache."""
        for start in range(0, self.boxes.shape[1], BLOCK):
            yield self._block(slice(start, min(start + BLOCK, self.boxes.shape[1])))

    def _block(self, part: slice) -> Block:
        first = int(np.searchsorted(self.starts, part.start, "right")) - 1
        last = int(np.searchsorted(self.starts, part.stop, "left"))
        pieces = []
        for video in range(first, last):
            begin = int(self.starts[video])
            low, high = max(part.start, begin), min(part.stop, begin + int(self.lengths[video]))
            pieces.append((video, slice(low - begin, high - begin), slice(low - part.start, high - part.start)))
        sizes = [target.stop - target.start for _, _, target in pieces]
        masks = self.masks.of(part)
        slot, counts = np.repeat(np.arange(last - first), sizes), np.ones(sum(sizes))
        if masks.left_out is not None:
            slot[masks.left_out] = last - first
            counts[masks.left_out] = 0
        limits = None
        if self.limits is not None:
            limits = np.ascontiguousarray(np.repeat(self.limits[first:last], sizes, axis=0).T)
        columns = self.boxes[:, part].copy()
        if not np.isfinite(columns.sum()):
            columns[:, ~np.isfinite(columns).all(0)] = 0  # the masks know of them
        self.protocol.shape(columns, limits)
        return Block(
            part,
            slice(first, last),
            tuple(pieces),
            np.array([target.start for _, _, target in pieces], np.intp),
            np.array([target.start for _, source, target in pieces if source.start == 0], np.intp),
            truth_columns(columns, self.protocol.least_side),
            slot,
            counts,
            masks,
            limits,
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
