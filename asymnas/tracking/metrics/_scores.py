"""What a protocol says of one tracker, and the paired difference of two on the same videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.statistics import Interval, bootstrap_ci, weighted_se

__all__ = ["AttributeScores", "Comparison", "Curve", "Scores", "VideoDifference", "compare"]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A curve averaged as the protocol averages: (K,) thresholds and (K,) shares of frames in [0, 1]."""

    thresholds: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class AttributeScores:
    """The measures over the videos that have one attribute, and how many they are."""

    values: Mapping[str, float]
    videos: int


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of one tracker under one protocol. All shares are in [0, 1], not percent.

    Args:
        protocol: name of the protocol.
        main: the measure that ranks trackers under it.
        values: measure to score.
        per_video: video to measure to score, in the order of the annotations.
        curves: "success", "precision", "normalised precision" (those the protocol has) to the average curve.
        video_curves: the same kinds to (V, K), a row for each video of `per_video`.
        attributes: attribute to scores over its videos.
        ceiling: measure to the score of a perfect tracker, the ground truth itself, on the same videos.
        weights: measure to (V,) weights of the videos in the average: equal, or frames where the protocol pools frames.
        videos: number of videos that count.
        frames: number of frames in the denominators of these videos.
        missing: videos without predictions; left out, or misses throughout, as `missing_as` says.
        missing_as: "skip" or "zero", what `score` was asked to do with missing videos.
        short: video to (rows given, frames) where rows are missing; those rows are misses.
        long: video to (rows given, frames) where there are rows too many; they were cut.
        invalid: video to number of predicted rows without a finite box of positive size.
        extra: predicted videos that the annotations do not have; not looked at.
        notes: what the protocol had to assume.
    """

    protocol: str
    main: str
    values: Mapping[str, float]
    per_video: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, Curve]
    video_curves: Mapping[str, np.ndarray]
    attributes: Mapping[str, AttributeScores]
    ceiling: Mapping[str, float]
    weights: Mapping[str, np.ndarray]
    videos: int
    frames: int
    missing: tuple[str, ...] = ()
    missing_as: str = "error"
    short: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    long: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    invalid: Mapping[str, int] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of_videos(self, measure: str) -> np.ndarray:
        """Return one measure of all videos, (V,), in the order of `per_video`."""
        return np.array([values[measure] for values in self.per_video.values()])

    @property
    def se(self) -> dict[str, float]:
        """Standard error of each measure over videos, of a ratio of sums where frames are pooled; NaN for one video."""
        return {measure: weighted_se(self.of_videos(measure), self.weights[measure]) for measure in self.values}

    def intervals(self, level: float = 0.95, *, samples: int = 4000, seed: int = 0) -> dict[str, Interval]:
        """Return a percentile bootstrap interval over videos for each measure, its ends within [0, 1].

        `level` is its coverage in (0, 1), `samples` the number of bootstrap samples, `seed` that of the resampling.
        """
        found = {
            measure: bootstrap_ci(
                self.of_videos(measure), weights=self.weights[measure], level=level, samples=samples, seed=seed
            )
            for measure in self.values
        }
        # widened for few videos, an end may lie beyond what is possible; NaN of a single video stays
        return {
            measure: replace(item, low=float(np.maximum(item.low, 0)), high=float(np.minimum(item.high, 1)))
            for measure, item in found.items()
        }

    def to_dict(self, *, level: float = 0.95) -> dict[str, object]:
        """Return everything but the curves of single videos as JSON-able values, with SE and intervals."""
        intervals, errors = self.intervals(level), self.se
        return {
            "protocol": self.protocol,
            "main": self.main,
            "scores": {
                measure: {
                    "value": value,
                    "se": None if np.isnan(errors[measure]) else errors[measure],
                    "interval": [intervals[measure].low, intervals[measure].high],
                    "level": level,
                    "ceiling": self.ceiling[measure],
                }
                for measure, value in self.values.items()
            },
            "videos": self.videos,
            "frames": self.frames,
            "missing": list(self.missing),
            "missing_as": self.missing_as,
            "short": {name: list(rows) for name, rows in self.short.items()},
            "long": {name: list(rows) for name, rows in self.long.items()},
            "invalid": dict(self.invalid),
            "extra": list(self.extra),
            "notes": list(self.notes),
            "attributes": {name: asdict(scores) for name, scores in self.attributes.items()},
            "curves": {
                kind: {"thresholds": curve.thresholds.tolist(), "values": curve.values.tolist()}
                for kind, curve in self.curves.items()
            },
            "per_video": {name: dict(values) for name, values in self.per_video.items()},
        }


class VideoDifference(NamedTuple):
    """One video: its name, the main measure of either tracker, and a - b."""

    name: str
    a: float
    b: float
    difference: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference a - b of two trackers."""

    protocol: str
    main: str  # the measure of `videos`
    differences: Mapping[str, Interval]  # measure to a - b with its bootstrap interval over videos
    videos: list[VideoDifference]  # the greatest absolute difference first
    left_out: tuple[str, ...]  # videos that only one of the two has
    level: float  # coverage of the intervals

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

    `level`, `samples` and `seed` are those of `Scores.intervals`.

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
