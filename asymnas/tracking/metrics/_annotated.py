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
    """Which of the n frames of a video a protocol treats apart; each (n,) bool or None for no frame.

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
class Hits:
    """What one tracker did, a row a video.

    Args:
        curves: kind ("success", "precision", "normalised precision") to (V, K) hits at each threshold.
        overlap: (V,) sum of the overlaps of the counted frames.
        covered: (V,) counted frames whose x + y + w + h is positive.
        counted: (V,) frames in the denominator.
    """

    curves: Mapping[str, np.ndarray]
    overlap: np.ndarray
    covered: np.ndarray
    counted: np.ndarray

    def shares(self) -> dict[str, np.ndarray]:
        """Return the curves, (V, K) shares of the counted frames; zeros where no frame counts."""
        return {kind: curve / np.maximum(self.counted, 1)[:, None] for kind, curve in self.curves.items()}
