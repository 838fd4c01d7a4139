"""What the final numbers of a run say: differences with confidence intervals, from per-video scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.core.statistics import Interval, mean_se, paired_difference, widened

__all__ = ["above_median", "as_dict", "language_effect", "parts_table", "score_table"]


def as_dict(interval: Interval) -> dict[str, float]:
    """Return an interval as the plain mapping that summaries hold."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def score_table(videos: Mapping[str, float], frames: int, **more: Any) -> dict[str, Any]:
    """Return mean SUC, its standard error (None for one video), the per-video scores and the frame count."""
    return {**_mean_se(list(videos.values())), "videos": dict(videos), "frames": frames, **more}


def _mean_se(scores: Sequence[float]) -> dict[str, float | None]:
    mean, se = mean_se(np.array(scores))
    return {"suc": mean, "se": se if len(scores) > 1 else None}


def above_median(
    best: Mapping[str, float],
    others: Sequence[Mapping[str, float]],
    *,
    level: float = 0.95,
    samples: int = 4000,
    seed: int = 0,
) -> Interval:
    """Return how far `best` is above the median of other architectures, with an interval over videos and architectures.

    Args:
        best: score by video.
        others: one mapping an architecture, of the same videos; both are resampled.
        level: coverage in (0, 1).
        samples: number of bootstrap samples.
        seed: of the resampling.
    """
    mine = np.array(list(best.values()))
    theirs = np.array([[scores[name] for name in best] for scores in others])
    rng = rng_for(seed, "above the median")
    drawn = np.empty(samples)
    for sample in range(samples):
        columns = rng.integers(0, len(mine), len(mine))
        rows = rng.integers(0, len(theirs), len(theirs))
        drawn[sample] = mine[columns].mean() - np.median(theirs[np.ix_(rows, columns)].mean(1))
    return widened(float(mine.mean() - np.median(theirs.mean(1))), drawn, len(mine), level)


def language_effect(
    with_sentences: Mapping[str, float], without: Mapping[str, float], parts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return, for each named part of the benchmark, the SUC with and without sentences and their paired difference.

    Args:
        with_sentences: score by video.
        without: score by video, of the same videos.
        parts: part by video; videos of part "" belong to no part. All videos together come last, as part "all".
    """
    rows = []
    for part in [*sorted({part for part in parts.values() if part}), "all"]:
        names = [name for name in with_sentences if part in ("all", parts[name])]
        if len(names) < 2:
            continue
        a = np.array([with_sentences[name] for name in names])
        b = np.array([without[name] for name in names])
        scores = {"with": float(a.mean()), "without": float(b.mean())}
        rows.append({"part": part, "n": len(names), **scores, "difference": as_dict(paired_difference(a, b))})
    return rows


def parts_table(videos: Mapping[str, float], parts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return SUC, standard error (None for one video) and number of videos of every named part."""
    table: dict[str, dict[str, Any]] = {}
    for part in sorted({parts[name] for name in videos if parts[name]}):
        scores = [score for name, score in videos.items() if parts[name] == part]
        table[part] = {**_mean_se(scores), "n": len(scores)}
    return table
