"""What protocols are about: annotated videos, the frames they treat apart, and the hits of a tracker."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Annotated", "Clip", "Hits", "Masks"]


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
    """Which of the n frames of a video a protocol treats apart; each (n,) bool or None for no frame."""

    left_out: np.ndarray | None = None  # neither counted as hit nor in the denominator
    missed: np.ndarray | None = None  # a miss of the overlap
    near: np.ndarray | None = None  # a hit of the precision, whatever the distance
    far: np.ndarray | None = None  # a miss of the precision
    near_scaled: np.ndarray | None = None  # a hit of the normalised precision
    far_scaled: np.ndarray | None = None  # a miss of the normalised precision


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What one tracker did, a row a video."""

    curves: Mapping[str, np.ndarray]  # "success", "precision", ... to (V, K) hits at each threshold
    overlap: np.ndarray  # (V,) sum of the overlaps of the counted frames
    covered: np.ndarray  # (V,) counted frames whose x + y + w + h is positive
    counted: np.ndarray  # (V,) frames in the denominator

    def shares(self) -> dict[str, np.ndarray]:
        """Return the curves, (V, K) shares of the counted frames; zeros where no frame counts."""
        return {kind: curve / np.maximum(self.counted, 1)[:, None] for kind, curve in self.curves.items()}
