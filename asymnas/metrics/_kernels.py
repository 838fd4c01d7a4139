"""Vector kernels over columns of boxes: overlap, centre distance, and the place of each value among thresholds."""

from __future__ import annotations

import numpy as np

__all__ = ["BLOCK", "below", "distances", "overlaps", "spread", "truth_columns"]

BLOCK = 8192
"""Frames worked on at once: the columns of a block and their intermediates stay in a core's cache."""


def truth_columns(boxes: np.ndarray, least_side: float) -> np.ndarray:
    """Return what comparing needs of the true boxes, worked out once for all trackers.

    Args:
        boxes: (4, n) x, y, w, h.
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


def overlaps(predicted: np.ndarray, truth: np.ndarray, out: np.ndarray) -> None:
    """Write the intersection over union of each pair of boxes; -1 where it is not defined (NaN, no area at all).

    Args:
        predicted: (4, n) float64 x, y, w, h.
        truth: (9, n) columns of `truth_columns`.
        out: (n,) float64.
    """
    x, y, w, h = predicted
    high = np.minimum(y + h, truth[3])
    np.minimum(x + w, truth[2], out=out)
    out -= np.maximum(x, truth[0])
    high -= np.maximum(y, truth[1])
    np.maximum(out, 0, out=out)
    np.maximum(high, 0, out=high)
    out *= high
    union = np.multiply(w, h, out=high)
    union += truth[4]
    union -= out
    with np.errstate(divide="ignore", invalid="ignore"):
        out /= union
    np.fmax(out, -1.0, out=out)


def distances(predicted: np.ndarray, truth: np.ndarray, plain: np.ndarray, scaled: np.ndarray | None) -> None:
    """Write the distances of the centres, and those in units of the true box's width and height; NaN as inf.

    Args:
        predicted: (4, n) float64 x, y, w, h.
        truth: (9, n) columns of `truth_columns`.
        plain: (n,) distances in pixels.
        scaled: (n,) distances across the true width and down the true height; None when not needed.
    """
    across = _centre_step(predicted, truth, 0)
    down = _centre_step(predicted, truth, 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scaled is not None:
            step = down / truth[8]
            step *= step
            np.divide(across, truth[7], out=scaled)
            np.multiply(scaled, scaled, out=scaled)
            scaled += step
            np.sqrt(scaled, out=scaled)
            np.fmin(scaled, np.inf, out=scaled)
        np.multiply(across, across, out=plain)
        down *= down
        plain += down
        np.sqrt(plain, out=plain)
        np.fmin(plain, np.inf, out=plain)


def _centre_step(predicted: np.ndarray, truth: np.ndarray, axis: int) -> np.ndarray:
    step = predicted[axis + 2] * 0.5
    step += predicted[axis]
    step -= truth[axis + 5]
    return step


def below(values: np.ndarray, thresholds: np.ndarray, out: np.ndarray) -> None:
    """Write how many thresholds lie strictly below each value, exactly as comparing with each of them would find.

    A value is above threshold k if k < count, and at most threshold k if k >= count; so one count a frame serves all
    thresholds of a curve. The thresholds being evenly spaced, the count is computed and then settled by comparing
    with the one threshold that rounding could confuse.

    Args:
        values: (n,) float64, no NaN; changed.
        thresholds: (K,) evenly spaced from 0, rising.
        out: (n,) intp, in [0, K].
    """
    last = len(thresholds) - 1
    scale = last / thresholds[-1] * (1 - 1e-9)
    positive = values > 0
    place = values * scale
    np.maximum(place, 0, out=place)
    np.minimum(place, last, out=place)
    np.copyto(out, place, casting="unsafe")
    following = np.append(thresholds[1:], np.inf)
    more = values > following.take(out)
    out += positive
    out += more


def spread(counts: np.ndarray, *, rising: bool) -> np.ndarray:
    """Return the number of hits at each threshold from the histogram of `below`.

    Args:
        counts: (videos, K + 1) frames with 0, 1, ..., K thresholds below their value.
        rising: hits are the values at most the threshold (distances); otherwise those above it (overlaps).

    Returns:
        (videos, K) float64.
    """
    if rising:
        return np.cumsum(counts[:, :-1], axis=1, dtype=np.float64)
    return np.cumsum(counts[:, :0:-1], axis=1, dtype=np.float64)[:, ::-1]
