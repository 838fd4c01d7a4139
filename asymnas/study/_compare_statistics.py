"""What a comparison says: paired differences between spaces over seeds and items, and whether they are noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, EvaluationError, Problem
from asymnas.core.statistics import Interval, crossed_bootstrap, crossed_gap
from asymnas.runs.summary import Difference, RunSummary, Score, SpaceResult, SpaceSeed

Arms = Mapping[str, Mapping[int, RunSummary]]
"""Summaries by space and seed."""

KINDS: dict[str, Callable[[RunSummary], Score | None]] = {
    "test": lambda run: run.test.best if run.test else None,
    "validation": lambda run: run.validation,
    "random_search": lambda run: run.test.random_search if run.test else None,
}
"""The kinds of scores that are compared."""


def compare_arms(
    arms: Arms, *, seeds: Sequence[int], level: float = 0.95, samples: int = 10_000
) -> tuple[dict[str, SpaceResult], list[Difference]]:
    """Compare the first space with each other one; `arms` have the same `seeds`, which are resampled as the items are.

    Returns:
        The results of each space, and a difference for each other space and kind ("test", "validation",
        "random_search") that all arms have, with interval and verdict.
    """
    unscored = [
        Problem(f"{space}-seed{seed}", "the best architecture must have a test score", _failures(by_seed[seed]))
        for space, by_seed in arms.items()
        for seed in seeds
        if KINDS["test"](by_seed[seed]) is None or by_seed[seed].validation is None
    ]
    if unscored:
        raise EvaluationError(unscored)
    settings: dict[str, Any] = {"level": level, "samples": samples}
    spaces = {space: _space_result(by_seed, seeds, **settings) for space, by_seed in arms.items()}
    first, *others = arms
    title = arms[first][seeds[0]].reward.title
    differences = []
    for other in others:
        for kind in KINDS:
            one, two = (_matrix(arms[space], seeds, kind) for space in (first, other))
            if one is None or two is None:
                continue
            _check_same_items(kind, first, other, one[0], two[0])
            paired = one[1] - two[1]
            interval = crossed_bootstrap(paired, **settings)
            differences.append(
                Difference(
                    kind=kind,
                    first=first,
                    other=other,
                    difference=interval,
                    per_seed=paired.mean(1).tolist(),
                    items=paired.shape[1],
                    verdict=verdict(first, other, interval, level, len(seeds), title),
                )
            )
    return spaces, differences


def verdict(first: str, other: str, difference: Interval, level: float, seeds: int, title: str) -> str:
    """Return one plain sentence on a difference of two spaces; `title` is the reward's."""
    size = f"{difference.value:+.4f} {title}, {100 * level:.6g}% interval"
    size += f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    if not difference.clear_of_zero:
        return f"{first} against {other}: {size}: the interval contains zero: the difference is noise at this budget."
    better = first if difference.value > 0 else other
    few = " One seed says nothing of other seeds." if seeds == 1 else ""
    return f"{first} against {other}: {size}: {better} is better at this budget.{few}"


def _failures(run: RunSummary) -> str:
    return ", ".join(f"{name}: {error}" for name, error in run.test.failed.items()) if run.test else "no test"


def _matrix(arms: Mapping[int, RunSummary], seeds: Sequence[int], kind: str) -> tuple[list[str], np.ndarray] | None:
    """Items and their scores, (seeds, items), of every seed the same items; None where a seed has no such score."""
    names: list[str] = []
    rows = []
    for seed in seeds:
        score = KINDS[kind](arms[seed])
        if score is None:
            return None
        names = names or sorted(score.items)
        if sorted(score.items) != names:
            raise DataError(f"{kind}: seeds {seeds[0]} and {seed} were scored on different items.")
        rows.append([score.items[name] for name in names])
    return names, np.array(rows)


def _check_same_items(kind: str, first: str, other: str, one: list[str], two: list[str]) -> None:
    """A data set that has changed between two arms would pair the scores of different items."""
    differing = sorted(set(one) ^ set(two))
    if differing:
        rule, value = f"{first} and {other} must be scored on the same items", ", ".join(differing[:5])
        way_out = "Has the data changed between the arms? Run them again with --fresh."
        raise DataError(Problem(kind, rule, f"{value} in one of them only", way_out))


def _space_result(by_seed: Mapping[int, RunSummary], seeds: Sequence[int], **settings: Any) -> SpaceResult:
    rows = [_seed_result(by_seed[seed], seed) for seed in seeds]
    values = [row.model_dump(exclude={"seed", "architecture"}) for row in rows]
    means = {
        key: float(np.mean([row[key] for row in values]))
        for key in values[0]
        if all(row[key] is not None for row in values)
    }
    scores = [_matrix(by_seed, seeds, kind) for kind in ("validation", "test")]
    gap = crossed_gap(*(score[1] for score in scores if score is not None), **settings)
    return SpaceResult(seeds=rows, mean=means, gap=gap)


def _seed_result(run: RunSummary, seed: int) -> SpaceSeed:
    assert run.validation is not None and run.test is not None and run.test.best is not None  # checked by the caller
    validation, test = run.validation.value, run.test.best.value
    random, median = run.test.random_search, run.test.random_architectures
    return SpaceSeed(
        seed=seed,
        architecture=run.architecture.key,
        validation=validation,
        test=test,
        gap=validation - test,
        random_search_test=random.value if random else None,
        random_median_test=median.median if median else None,
    )
