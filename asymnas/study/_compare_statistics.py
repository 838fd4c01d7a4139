"""What a comparison says: paired differences between spaces over seeds and videos, and whether they are noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, EvaluationError, Problem
from asymnas.core.statistics import Interval, crossed_bootstrap, crossed_gap
from asymnas.tracking.metrics import main_measure
from asymnas.tracking.task.statistics import as_dict

__all__ = ["compare_arms", "verdict"]


def _matrix(summaries: Mapping[int, Mapping[str, Any]], seeds: Sequence[int], where: tuple[str, ...]) -> np.ndarray:
    """Per-video scores, (seeds, videos); every seed must have been scored on the same videos."""
    rows = []
    names: list[str] | None = None
    for seed in seeds:
        node: Any = summaries[seed]
        for key in where:
            node = node[key]
        names = names or sorted(node["videos"])
        if sorted(node["videos"]) != names:
            raise DataError(f"{'.'.join(where)}: seeds {seeds[0]} and {seed} were scored on different videos.")
        rows.append([node["videos"][name] for name in names])
    return np.array(rows)


def _check_same_videos(summaries: Mapping[str, Mapping[int, Mapping[str, Any]]], seeds: Sequence[int]) -> None:
    """A data set that has changed between two arms would pair the scores of different videos."""
    first, *others = summaries
    for where in (("validation",), ("test", "best")):
        for other in others:
            one, two = (_names(summaries[space][seeds[0]], where) for space in (first, other))
            if one != two:
                rule = f"{first} and {other} must be scored on the same videos"
                value = ", ".join(sorted(one ^ two)[:5])
                way_out = "Has the data changed between the arms? Run them again with --fresh."
                raise DataError(Problem(".".join(where), rule, f"{value} in one of them only", way_out))


def _names(summary: Mapping[str, Any], where: tuple[str, ...]) -> set[str]:
    node: Any = summary
    for key in where:
        node = node[key]
    return set(node["videos"])


def verdict(first: str, other: str, difference: Interval, level: float, seeds: int, measure: str) -> str:
    """Return one plain sentence on a difference of two spaces."""
    size = f"{difference.value:+.4f} {measure}, {100 * level:.6g}% interval"
    size += f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    if not difference.clear_of_zero:
        return f"{first} against {other}: {size}: the interval contains zero: the difference is noise at this budget."
    better = first if difference.value > 0 else other
    few = " One seed says nothing of other seeds." if seeds == 1 else ""
    return f"{first} against {other}: {size}: {better} is better at this budget.{few}"


def compare_arms(
    summaries: Mapping[str, Mapping[int, Mapping[str, Any]]],
    *,
    seeds: Sequence[int],
    level: float = 0.95,
    samples: int = 10_000,
) -> dict[str, Any]:
    """Compare the first space with each other one.

    Args:
        summaries: by space and seed, the summary of the run.
        seeds: the seeds, the same for every space.
        level: of the intervals.
        samples: bootstrap samples; seeds and videos are both resampled.

    Returns:
        "spaces": by space, per-seed rows (validation, test, gap, random search), their means, and the gap of validation
        and test with its interval over seeds and both sets of videos; "differences": one
        a pair of spaces and kind ("test", "validation", "random_search"), with interval and verdict.

    Raises:
        EvaluationError: the best architecture of an arm could not be scored on the test videos.
        DataError: arms were scored on different videos.
    """
    unscored = [
        Problem(f"{space}-seed{seed}", "the best architecture must have a test score", str(by_seed[seed]["test"]))
        for space, by_seed in summaries.items()
        for seed in seeds
        if not _has(by_seed[seed], ("test", "best"))
    ]
    if unscored:
        raise EvaluationError(unscored)
    spaces: dict[str, Any] = {}
    for space, by_seed in summaries.items():
        rows = [_row(by_seed[seed], seed) for seed in seeds]
        means = {
            key: float(np.mean([row[key] for row in rows]))
            for key in rows[0]
            if key not in ("seed", "architecture") and all(row[key] is not None for row in rows)
        }
        scores = [_matrix(by_seed, seeds, where) for where in (("validation",), ("test", "best"))]
        gap = crossed_gap(*scores, level=level, samples=samples)
        spaces[space] = {"seeds": rows, "mean": means, "gap": as_dict(gap)}
    first, *others = summaries
    _check_same_videos(summaries, seeds)
    measure = main_measure(summaries[first][seeds[0]].get("protocol", "lasot"))
    differences = []
    for other in others:
        for kind, where in (
            ("test", ("test", "best")),
            ("validation", ("validation",)),
            ("random_search", ("test", "random_search")),
        ):
            if not all(_has(summaries[space][seed], where) for space in (first, other) for seed in seeds):
                continue
            paired = _matrix(summaries[first], seeds, where) - _matrix(summaries[other], seeds, where)
            interval = crossed_bootstrap(paired, level=level, samples=samples)
            differences.append(
                {
                    "kind": kind,
                    "first": first,
                    "other": other,
                    "difference": as_dict(interval),
                    "per_seed": paired.mean(1).tolist(),
                    "videos": paired.shape[1],
                    "noise": not interval.clear_of_zero,
                    "verdict": verdict(first, other, interval, level, len(seeds), measure),
                }
            )
    return {"level": level, "samples": samples, "seeds": list(seeds), "spaces": spaces, "differences": differences}


def _has(summary: Mapping[str, Any], where: tuple[str, ...]) -> bool:
    node: Any = summary
    for key in where:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node is not None


def _row(summary: Mapping[str, Any], seed: int) -> dict[str, Any]:
    validation, test = summary["validation"]["suc"], summary["test"]["best"]["suc"]
    random = summary["test"].get("random_search")
    median = summary["test"].get("random_architectures")
    return {
        "seed": seed,
        "architecture": summary["architecture"]["key"],
        "validation": validation,
        "test": test,
        "gap": validation - test,
        "random_search_test": random["suc"] if random else None,
        "random_median_test": median["median"] if median else None,
    }
