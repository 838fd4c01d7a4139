"""A video as everything else sees it: frames, boxes, absence, sentence, attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

__all__ = ["Dataset", "FrameSource", "Video"]


@runtime_checkable
class FrameSource(Protocol):
    """Frames by index: decoded from files or drawn on the fly; reading the same index twice gives the same pixels."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray:
        """Return frame `index` as (height, width, 3) uint8, channel order B, G, R.

        Raises:
            DataError: the frame is missing or corrupt; the message names the file and the video.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """One annotated target in one video.

    Args:
        name: unique within its data set and split.
        dataset: name of the data set, e.g. "synthetic", "got10k".
        frames: the frame source, n frames.
        boxes: (n, 4) float64, x, y, w, h in pixels, 0-based. Rows of absent frames may be anything finite.
        absent: (n,) bool, True where the target is not visible (full occlusion or out of view), or the box is unknown.
        sentence: the description of the target, None when there is none (never an empty string).
        attributes: flags of the video, LaSOT's names (IV POC DEF MB CM ROT BC VC SV FOC FM OV LR ARC) or its own.
        part: a named part of the benchmark, e.g. "language_critical"; "" when there are no parts.
        cover: (n,) int, visible share of the target in eighths, 0..8 (GOT-10k); None where the set has none.
        size: (width, height) of the frames in pixels as the annotation gives it; None where it does not.
        server: the evaluation server that alone knows the boxes after the first (GOT-10k test, TrackingNet test); their
            rows are zeros here, marked absent, and must be neither scored nor trained on: see `require_boxes`.
            "" where all boxes are known.
    """

    name: str
    dataset: str
    frames: FrameSource
    boxes: np.ndarray
    absent: np.ndarray
    sentence: str | None = None
    attributes: frozenset[str] = field(default_factory=frozenset)
    part: str = ""
    cover: np.ndarray | None = None
    size: tuple[int, int] | None = None
    server: str = ""

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def key(self) -> str:
        """The video among those of all data sets: `dataset/name`."""
        return f"{self.dataset}/{self.name}"

    def frame(self, index: int) -> np.ndarray:
        """Return frame `index` as (height, width, 3) uint8 BGR."""
        return self.frames[index]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The videos of one split.

    Args:
        name: registered name, e.g. "synthetic".
        split: e.g. "train", "val", "test".
        videos: the videos, in a fixed order; may be lazy.
        fingerprint: hex digest of what defines the data (annotations and options); part of the key of every score.
    """

    name: str
    split: str
    videos: Sequence[Video]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.videos)
