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
    """Return the cubic curve through `points` at the times `at`.

    Args:
        times: (m,) rising, m >= 2.
        points: (m, ...) values.
        at: (n,) times within [times[0], times[-1]].
        rest: with True the speed is zero at each point, so that nothing before a point tells what follows it;
            with False the curve passes smoothly through it (Catmull-Rom).

    Returns:
        (n, ...) values.
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
    """Return a walk in random directions that the walls of a box throw back.

    Args:
        rng: random stream.
        start: (..., 2) first points, inside the box.
        steps: least and greatest length of a step.
        count: number of points.
        low: (2,) corner of the box.
        high: (2,) opposite corner.

    Returns:
        (count, ..., 2) points.
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
