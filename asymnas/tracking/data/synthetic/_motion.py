"""Smooth curves through points in time, and the points themselves."""

from __future__ import annotations

import numpy as np

__all__ = ["curve", "knots", "wander"]


def knots(rng: np.random.Generator, last: float, low: float, high: float) -> np.ndarray:
    """Return rising times from 0 to at least `last`, `low` to `high` apart; at least three of them."""
    times = np.zeros(max(int(np.ceil(last / low)) + 1, 3))
    times[1:] = rng.uniform(low, high, len(times) - 1).cumsum()
    return times[: max(int(times.searchsorted(last)) + 1, 3)]


def curve(times: np.ndarray, points: np.ndarray, at: np.ndarray, *, rest: bool = False) -> np.ndarray:
    """Return (n, ...) values at the (n,) times `at` of a cubic through `points` (m, ...) at rising `times` (m,).

    With `rest` the speed is zero at each point, so that nothing before a point tells what follows it; else the curve
    passes smoothly through it (Catmull-Rom).
    """
    index = (times.searchsorted(at, side="right") - 1).clip(0, len(times) - 2)
    flat = points.reshape(len(points), -1)
    span = times[1:] - times[:-1]
    u = (at - times[index]) / span[index]
    weight = np.zeros((len(at), len(times)))
    rows = np.arange(len(at))
    square = u * u
    rise = square * (3 - 2 * u)
    weight[rows, index] = 1 - rise
    weight[rows, index + 1] = rise
    values = weight @ flat
    if not rest:
        slopes = np.zeros_like(flat)
        slopes[1:-1] = (flat[2:] - flat[:-2]) / (times[2:] - times[:-2])[:, None]
        weight[rows, index] = (square * u - 2 * square + u) * span[index]
        weight[rows, index + 1] = (square * u - square) * span[index]
        values += weight @ slopes
    return values.reshape(len(at), *points.shape[1:])


def wander(
    rng: np.random.Generator,
    start: np.ndarray,
    steps: tuple[float, float],
    count: int,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Return a walk (count, ..., 2) in random directions from `start` (..., 2), thrown back by the walls of a box.

    `steps` are the least and greatest length of a step, `low` and `high` (2,) the box's corners.
    """
    shape = (count - 1, *start.shape[:-1])
    turn = rng.uniform(0, 2 * np.pi, shape)
    reach = rng.uniform(*steps, shape)
    points = np.empty((count, *start.shape))
    points[0] = start - low
    points[1:, ..., 0] = np.cos(turn) * reach
    points[1:, ..., 1] = np.sin(turn) * reach
    room = high - low
    folded = np.mod(points.cumsum(axis=0), 2 * room)
    return low + room - np.abs(folded - room)
