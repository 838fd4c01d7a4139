"""Vector kernels over columns of boxes: overlap, centre distance, and the place of each value among thresholds.

A frame costs some tens of additions and one division here, so what counts is that intermediates stay in a core's cache
and that both operands are arrays: numpy's minimum and maximum with a bare number take twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

__all__ = ["BLOCK", "Scratch", "distances", "overlaps", "place", "truth_columns"]

BLOCK = 16384
"""Frames worked on at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """Arrays for the intermediates of n frames, made once.

    Args:
        predicted: (4, n) the tracker's columns x, y, w, h.
        values: (3, n) what is compared with thresholds.
        spare: (2, n) free for every kernel.
        flags: (n,) bool.
        index: (n,) intp.
        zeros: (n,) zeros.
        ones: (n,) ones.
    """

    predicted: np.ndarray
    values: np.ndarray
    spare: np.ndarray
    flags: np.ndarray
    index: np.ndarray
    zeros: np.ndarray
    ones: np.ndarray

    @classmethod
    def of(cls, size: int) -> Scratch:
        """Make the arrays for `size` frames."""
        return cls(
            np.empty((4, size)),
            np.empty((3, size)),
            np.empty((2, size)),
            np.empty(size, bool),
            np.empty(size, np.intp),
            np.zeros(size),
            np.ones(size),
        )

    def first(self, size: int) -> Scratch:
        """Return views of the first `size` frames."""
        return Scratch(*(getattr(self, item.name)[..., :size] for item in fields(self)))


def truth_columns(boxes: np.ndarray, least_side: float) -> np.ndarray:
    """Return what comparing needs of the true boxes, worked out once for all trackers.

    Args:
        boxes: (4, n) x, y, w, h, finite.
        least_side: least unit of the normalised distance, in pixels.

    Returns:
        (9, n) float64: left, top, right, bottom, area, centre x, centre y, unit across, unit down.
    """
    columns = np.empty((9, boxes.shape[1]))
    columns[:2] = boxes[:2]
    columns[2:4] = boxes[:2] + boxes[2:]
    columns[4] = boxes[2] * boxes[3]
    columns[5:7] = boxes[:2] + boxes[2:] * 0.5
    columns[7:9] = np.maximum(boxes[2:], least_side) if least_side else boxes[2:]
    return columns


def overlaps(predicted: np.ndarray, truth: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
    """Write the intersection over union of each pair of boxes; 0 where a box has no area.

    Args:
        predicted: (4, n) float64 x, y, w, h, finite.
        truth: (9, n) columns of `truth_columns`.
        out: (n,) float64.
        scratch: of n frames.
    """
    x, y, w, h = predicted
    high, low = scratch.spare
    np.add(x, w, out=out)
    np.minimum(out, truth[2], out=out)
    np.maximum(x, truth[0], out=low)
    out -= low
    np.maximum(out, scratch.zeros, out=out)
    np.add(y, h, out=high)
    np.minimum(high, truth[3], out=high)
    np.maximum(y, truth[1], out=low)
    high -= low
    np.maximum(high, scratch.zeros, out=high)
    out *= high
    union = np.multiply(w, h, out=high)
    union += truth[4]
    union -= out
    out /= union
    np.fmax(out, scratch.zeros, out=out)  # no area at all is 0 / 0


def distances(
    predicted: np.ndarray, truth: np.ndarray, plain: np.ndarray, scaled: np.ndarray | None, scratch: Scratch
) -> None:
    """Write the distances of the centres in pixels, and in units of the true box's width and height.

    Args:
        predicted: (4, n) float64 x, y, w, h, finite.
        truth: (9, n) columns of `truth_columns`.
        plain: (n,) distances in pixels.
        scaled: (n,) distances in units across and down, inf or NaN where a unit is 0; None when not needed.
        scratch: of n frames.
    """
    across, down = scratch.spare
    for axis, step in enumerate((across, down)):
        np.multiply(predicted[axis + 2], 0.5, out=step)
        step += predicted[axis]
        step -= truth[axis + 5]
    if scaled is not None:
        np.divide(across, truth[7], out=scaled)
        scaled *= scaled
        np.divide(down, truth[8], out=plain)
        plain *= plain
        scaled += plain
        np.sqrt(scaled, out=scaled)
    across *= across
    down *= down
    np.add(across, down, out=plain)
    np.sqrt(plain, out=plain)


def place(values: np.ndarray, step: float, scratch: Scratch) -> np.ndarray:
    """Return how many of the thresholds 0, step, 2 step, ... lie strictly below each value, as whole float64 numbers.

    It is exactly what comparing with each threshold finds: the quotient, taken a little too low, can only be one
    short, and that is settled by comparing with the one threshold in question. A value is above threshold k if the
    count is greater than k, and at most threshold k otherwise: one number a frame serves a whole curve.

    Args:
        values: (n,) float64, neither negative nor NaN.
        step: distance of the thresholds.
        scratch: of n frames; the result lies in it.
    """
    count, threshold = scratch.spare
    np.multiply(values, (1 - 1e-9) / step, out=count)
    np.ceil(count, out=count)
    np.multiply(count, step, out=threshold)
    np.greater(values, threshold, out=scratch.flags)
    if scratch.flags.any():
        count += scratch.flags
    return count
