"""Many targets as a few arrays: tables of tracks whose videos are made when asked for."""

from __future__ import annotations

import os
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from asymnas.tracking.data._video import Video
from asymnas.tracking.data.frames import image_size, read_image
from asymnas.tracking.data.lazy import Videos

__all__ = ["TrackFrames", "TrackTable", "TrackVideos"]


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """The targets of a data set, t of them with m boxes in all; rows of one target are contiguous.

    Text is held as fixed-width bytes, so that all of it may be memory-mapped and shared between processes.
    """

    dataset: str
    root: Path  # the folder that `folders` are relative to
    names: np.ndarray  # (t,) bytes, unique
    offsets: np.ndarray  # (t + 1,) int64; rows of target i are offsets[i]..offsets[i + 1]
    folders: np.ndarray  # (f,) bytes
    folder: np.ndarray  # (t,) int32, index into `folders`
    scene: np.ndarray  # (t,) int32; targets of one number share their frames
    files: np.ndarray  # (m,) bytes, the file of each row in its target's folder
    boxes: np.ndarray  # (m, 4) float64 x, y, w, h in pixels, 0-based
    sentences: np.ndarray  # (s,) bytes, UTF-8
    sentence: np.ndarray  # (t,) int32, index into `sentences`, -1 for none
    normalised: bool = False  # boxes are shares of the target's first image
    images: bool = False  # every row is an image of its own: a scene is a file, not a folder

    def __len__(self) -> int:
        return len(self.names)

    def name(self, target: int) -> str:
        """Return the name of a target."""
        return os.fsdecode(self.names[target])

    def scene_path(self, target: int) -> str:
        """Return what the targets of one scene share: the folder of frames, or the image."""
        folder = self.root / os.fsdecode(self.folders[self.folder[target]])
        return str(folder / os.fsdecode(self.files[self.offsets[target]])) if self.images else str(folder)

    def video(self, target: int, frames: int | None = None) -> Video:
        """Return a target as a video, of the first so many `frames` if given."""
        first, last = int(self.offsets[target]), int(self.offsets[target + 1])
        last = last if frames is None else min(last, first + frames)
        name = self.name(target)
        source = TrackFrames(self, target, first, last, name)
        boxes = np.array(self.boxes[first:last], dtype=np.float64)
        if self.normalised:
            boxes *= np.tile(np.array(image_size(source.path(0), name), dtype=np.float64), 2)
        number = int(self.sentence[target])
        sentence = None if number < 0 else bytes(self.sentences[number]).decode("utf-8")
        return Video(name, self.dataset, source, boxes, np.zeros(last - first, bool), sentence)


@dataclass(frozen=True, slots=True, eq=False)
class TrackFrames:
    """The frames of one target of a table, decoded when asked for."""

    table: TrackTable
    target: int
    first: int
    last: int
    video: str

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> np.ndarray:
        return read_image(self.path(index), self.video)

    def path(self, index: int) -> Path:
        """Return the file of frame `index`."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        folder = self.table.root / os.fsdecode(self.table.folders[self.table.folder[self.target]])
        return folder / os.fsdecode(self.table.files[self.first + index % len(self)])

    @property
    def scene_id(self) -> Hashable:
        """What targets of the same frames share."""
        return self.table.scene_path(self.target)


class TrackVideos(Videos):
    """The videos of a table, or those of `targets` (n,), cut to their first `frames`; each is made when asked for."""

    def __init__(self, table: TrackTable, targets: np.ndarray | None = None, frames: int | None = None) -> None:
        self.table = table
        self.targets = np.arange(len(table), dtype=np.int64) if targets is None else np.asarray(targets, np.int64)
        self.frames = frames

    def __len__(self) -> int:
        return len(self.targets)

    @overload
    def __getitem__(self, index: int) -> Video: ...

    @overload
    def __getitem__(self, index: slice) -> TrackVideos: ...

    def __getitem__(self, index: int | slice) -> Video | TrackVideos:
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        return self.table.video(int(self.targets[index]), self.frames)

    def __iter__(self) -> Iterator[Video]:
        return (self.table.video(int(target), self.frames) for target in self.targets)

    def select(self, indices: Sequence[int] | np.ndarray, frames: int | None = None) -> TrackVideos:
        """See `Videos`; only the choice is made anew."""
        shorter = frames if self.frames is None else self.frames if frames is None else min(frames, self.frames)
        return TrackVideos(self.table, self.targets[np.asarray(indices, np.int64)], shorter)

    @property
    def root(self) -> Path:
        """The folder that holds the frames."""
        return self.table.root

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return [os.fsdecode(name) for name in self.table.names[self.targets].tolist()]

    @cached_property
    def scenes(self) -> np.ndarray:
        """(n,) int, equal where two videos share their frames."""
        return np.asarray(self.table.scene)[self.targets]

    @property
    def described(self) -> np.ndarray:
        """(n,) bool, True where a video has a sentence."""
        return np.asarray(self.table.sentence)[self.targets] >= 0

    @property
    def sentences(self) -> set[str]:
        """The different sentences."""
        used = np.unique(np.asarray(self.table.sentence)[self.targets])
        return {bytes(self.table.sentences[index]).decode("utf-8") for index in used[used >= 0]}

    def among(self, names: Collection[str], scenes: Collection[Hashable]) -> list[Video]:
        """Return the videos whose name or scene is one of the given."""
        wanted = np.array(sorted({os.fsencode(name) for name in names}), dtype=np.bytes_)
        found = set(np.flatnonzero(np.isin(self.table.names[self.targets], wanted)).tolist()) if len(wanted) else set()
        root = str(self.table.root) + os.sep
        if any(str(scene).startswith(root) for scene in scenes):
            found |= {i for i, target in enumerate(self.targets) if self.table.scene_path(int(target)) in scenes}
        return [self[index] for index in sorted(found)]
