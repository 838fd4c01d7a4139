"""From a head's maps to boxes: what the SiamRPN family shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import EvaluationError, Problem

__all__ = ["Decoded", "cosine_window", "finite_maps", "shape_penalty"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The answer for n videos, in search-crop pixels."""

    centre: np.ndarray  # (n, 2) x, y
    size: np.ndarray  # (n, 2) w, h as regressed, before smoothing
    rate: np.ndarray  # (n,) share of the new size to take over, in [0, 1]
    score: np.ndarray  # (n,) in [0, 1]


def cosine_window(cells: int) -> np.ndarray:
    """Return a Hann window (cells²,) over a map of `cells` a side, row by row."""
    return np.outer(np.hanning(cells), np.hanning(cells)).reshape(-1)


def shape_penalty(width: np.ndarray, height: np.ndarray, previous: np.ndarray, strength: float) -> np.ndarray:
    """Return exp(-k (r s - 1)) (n, m): 1 where ratio and size of a box are those of the last one (SiamRPN).

    Sides are (n, m) of m boxes a video, `previous` (n, 2) w, h of the last boxes, `strength` is k, at least 0.
    """
    old_w, old_h = previous[:, :1], previous[:, 1:]
    scale_change = _change(_padded(width, height) / _padded(old_w, old_h))
    ratio_change = _change((old_w / old_h) / (width / height))
    return np.exp(-strength * (ratio_change * scale_change - 1.0))


def finite_maps(maps: np.ndarray, tracker: str) -> np.ndarray:
    """Return the maps; `EvaluationError` if the network gave NaN or infinity."""
    if not np.isfinite(maps).all():
        rule = "the network's answers must be finite"
        way_out = "Train it longer or with a smaller learning rate, and recalibrate its batch norms."
        raise EvaluationError(Problem(tracker, rule, "NaN or infinity", way_out))
    return maps


def _padded(width: np.ndarray, height: np.ndarray) -> np.ndarray:
    pad = (width + height) / 2
    return np.sqrt((width + pad) * (height + pad))


def _change(ratio: np.ndarray) -> np.ndarray:
    return np.maximum(ratio, 1.0 / ratio)
