"""Smooth curves through points in time, and the points themselves."""

from __future__ import annotations

import numpy as np

__all__ = ["curve", "knots", "wander"]


def knots(rng: np.random.Generator, last: float, low: float, high: float) -> np.ndarray:
    """Return rising times from 0 to at least `last`, `low` to `high` apart."""
    count = int(np.ceil(last / low)) + 1
    times = np.concatenate([[0.0], np.cumsum(rng.uniform(low, high, count))])
    return times[: int(np.searchsorted(times, last)) + 1]


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
    index = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    extra = (1,) * (points.ndim - 1)
    span = (times[index + 1] - times[index]).reshape(-1, *extra)
    u = ((at - times[index]) / (times[index + 1] - times[index])).reshape(-1, *extra)
    start, end = points[index], points[index + 1]
    if rest:
        return start + (end - start) * (u * u * (3 - 2 * u))
    slopes = np.zeros_like(points)
    wide = (times[2:] - times[:-2]).reshape(-1, *extra)
    slopes[1:-1] = (points[2:] - points[:-2]) / wide
    square, cube = u * u, u * u * u
    return (
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + u) * span * slopes[index]
        + (3 * square - 2 * cube) * end
        + (cube - square) * span * slopes[index + 1]
    )


def wander(
    rng: np.random.Generator, start: np.ndarray, steps: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return (m + 1, 2) points from `start`, each about `steps[i]` from the one before, inside the box [low, high]."""
    choices = rng.uniform(low, high, (len(steps), 6, 2))
    points = np.empty((len(steps) + 1, 2))
    points[0] = start
    for index, step in enumerate(steps):
        away = choices[index] - points[index]
        error = np.abs(np.sqrt((away * away).sum(1)) - step)
        points[index + 1] = choices[index, int(error.argmin())]
    return points
