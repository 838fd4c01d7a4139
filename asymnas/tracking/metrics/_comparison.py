"""Two trackers on the same videos: how far apart they are, how sure that is, and which videos make the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.statistics import Interval, bootstrap_ci
from asymnas.tracking.metrics._scores import Scores

__all__ = ["Comparison", "VideoDifference", "compare"]


class VideoDifference(NamedTuple):
    """One video: its name, the main measure of either tracker, and a - b."""

    name: str
    a: float
    b: float
    difference: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference a - b of two trackers.

    Args:
        protocol: name of the protocol.
        main: the measure of `videos`.
        differences: measure to a - b with its bootstrap interval over videos.
        videos: every video compared, the greatest absolute difference of the main measure first.
        left_out: videos that only one of the two has; they are not compared.
        level: coverage of the intervals.
    """

    protocol: str
    main: str
    differences: Mapping[str, Interval]
    videos: list[VideoDifference]
    left_out: tuple[str, ...]
    level: float

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values."""
        return {
            "protocol": self.protocol,
            "main": self.main,
            "level": self.level,
            "differences": {
                measure: {"value": found.value, "interval": [found.low, found.high], "clear": found.clear_of_zero}
                for measure, found in self.differences.items()
            },
            "videos": [item._asdict() for item in self.videos],
            "left_out": list(self.left_out),
        }


def compare(a: Scores, b: Scores, *, level: float = 0.95, samples: int = 4000, seed: int = 0) -> Comparison:
    """Return the paired difference a - b of two trackers scored under one protocol, by a bootstrap over videos.

    Args:
        a: scores of the first tracker.
        b: scores of the second.
        level: coverage of the intervals in (0, 1).
        samples: number of bootstrap samples.
        seed: of the resampling.

    Raises:
        DataError: two protocols, no video in common, or videos of which different frames were counted.
    """
    if a.protocol != b.protocol:
        value = f"{a.protocol} and {b.protocol}"
        raise DataError(Problem("comparison", "both trackers need scores of one protocol", value, "Score them alike."))
    names = [name for name in a.per_video if name in b.per_video]
    if not names:
        raise DataError(Problem("comparison", "the trackers must have videos in common", "none", "Use one data set."))
    rows_a, rows_b = _rows(a, names), _rows(b, names)
    differences = {}
    for measure in a.values:
        weights = a.weights[measure][rows_a]
        if not np.array_equal(weights, b.weights[measure][rows_b]):
            rule = "both trackers must be scored on the same frames of each video"
            raise DataError(Problem("comparison", rule, "different annotations", "Score them against one data set."))
        gap = a.of_videos(measure)[rows_a] - b.of_videos(measure)[rows_b]
        differences[measure] = bootstrap_ci(gap, weights=weights, level=level, samples=samples, seed=seed)
    videos = [
        VideoDifference(name, first, second, first - second)
        for name in names
        for first, second in [(a.per_video[name][a.main], b.per_video[name][a.main])]
    ]
    videos.sort(key=lambda item: (-abs(item.difference), item.name))
    left_out = tuple(sorted(set(a.per_video) ^ set(b.per_video)))
    return Comparison(a.protocol, a.main, differences, videos, left_out, level)


def _rows(scores: Scores, names: list[str]) -> np.ndarray:
    place = {name: index for index, name in enumerate(scores.per_video)}
    return np.array([place[name] for name in names])
