"""What a comparison says: paired differences between arms over seeds and items, and what they allow to conclude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from asymnas.core.errors import DataError, EvaluationError, Problem
from asymnas.core.power import CrossedVariance, crossed_interval, crossed_variance, expected, seeds_needed
from asymnas.core.statistics import Interval, crossed_gap
from asymnas.runs.summary import ArmResult, ArmSeed, Difference, Outlook, Prospect, RunSummary, Score

Arms = Mapping[str, Mapping[int, RunSummary]]
"""Summaries by arm and seed."""

Rule = Callable[[np.ndarray, Sequence[str]], float]
"""The score of a whole from those of its items, `rule(values (n,), items)`; a reward's `whole`."""

KINDS: dict[str, Callable[[RunSummary], Score | None]] = {
    "test": lambda run: run.test.best if run.test else None,
    "validation": lambda run: run.validation,
    "random_search": lambda run: run.test.random_search if run.test else None,
}
"""The kinds of scores that are compared; "test PART" are those of a named part of the test items."""


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """How arms are compared.

    Args:
        seeds: the seeds that all arms have.
        level: coverage of the intervals.
        margin: smaller differences make arms equivalent.
        samples: bootstrap samples of the gap between validation and test.
        rule: the reward's rule of the whole; None is the mean. Validation scores of another reward are means.
        parts: by test item the named part that it belongs to, each of which is compared too.
    """

    seeds: Sequence[int]
    level: float = 0.95
    margin: float = 0.01
    samples: int = 10_000
    rule: Rule | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """The kinds of scores that are compared; one part alone is all of the test."""
        parts = sorted(set(self.parts.values()))
        test, *others = KINDS
        return [test, *(f"{test} {part}" for part in parts if len(parts) > 1), *others]


@dataclass(frozen=True, slots=True)
class _Scores:
    """One kind of an arm's scores: names of the items, what each adds (seeds, items), the whole of each seed (seeds,).

    With a rule of the whole, what an item adds is its jackknife pseudo-value.
    """

    items: list[str]
    values: np.ndarray
    wholes: np.ndarray


def compare_arms(arms: Arms, settings: CompareSettings) -> tuple[dict[str, ArmResult], list[Difference]]:
    """Compare the first arm with each other one.

    Returns:
        The results of each arm, and a difference for each other arm and kind of score that all arms have, with
        interval, variances and verdict.

    Raises:
        EvaluationError: a best architecture has no test score.
        DataError: scores are of different items, or were measured by other rules.
    """
    unscored = [
        Problem(f"{arm}-seed{seed}", "the best architecture must have a test score", _failures(by_seed[seed]))
        for arm, by_seed in arms.items()
        for seed in settings.seeds
        if KINDS["test"](by_seed[seed]) is None or by_seed[seed].validation is None
    ]
    if unscored:
        raise EvaluationError(unscored)
    results = {arm: _arm_result(by_seed, settings) for arm, by_seed in arms.items()}
    first, *others = arms
    differences = []
    for kind in settings.kinds:
        scores = {arm: _scores(by_seed, kind, settings) for arm, by_seed in arms.items()}
        one = scores[first]
        for other in others:
            two = scores[other]
            if one is None or two is None:
                continue
            _check_alike(kind, first, other, arms, settings.seeds[0])
            differences.append(_difference(kind, (first, one), (other, two), arms, settings))
    return results, sorted(differences, key=lambda row: others.index(row.other))


def _difference(
    kind: str, first: tuple[str, _Scores], other: tuple[str, _Scores], arms: Arms, settings: CompareSettings
) -> Difference:
    (name, one), (against, two) = first, other
    paired, per_seed = one.values - two.values, one.wholes - two.wholes
    interval = crossed_interval(paired, level=settings.level, value=float(per_seed.mean()))
    variance, (seeds, items) = crossed_variance(paired), paired.shape
    run = arms[name][settings.seeds[0]]
    title = (run.climbed if kind == "validation" else run.reward).title
    return Difference(
        kind=kind,
        first=name,
        other=against,
        difference=interval,
        per_seed=per_seed.tolist(),
        items=items,
        equivalent=max(abs(interval.low), abs(interval.high)) < settings.margin,
        verdict=verdict(name, against, interval, settings, title),
        outlook=outlook(variance, seeds, items, level=settings.level, margin=settings.margin),
    )


def verdict(first: str, other: str, difference: Interval, settings: CompareSettings, title: str) -> str:
    """Return one plain sentence on a difference of two arms; `title` is the reward's."""
    size = f"{difference.value:+.4f} {title}, {100 * settings.level:.6g}% interval"
    size += f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    equivalent = max(abs(difference.low), abs(difference.high)) < settings.margin
    margin = f"smaller than {settings.margin:g} either way"
    if difference.clear_of_zero:
        said = f"{first if difference.value > 0 else other} is better at this budget"
        said += f", and the difference is {margin}." if equivalent else "."
    elif equivalent:
        said = f"equivalent: the difference is {margin}."
    else:
        said = (
            "the interval contains zero: the difference is noise at this budget, "
            f"and may be larger than {settings.margin:g}: undecided."
        )
    few = " One seed says nothing of other seeds." if len(settings.seeds) == 1 else ""
    return f"{first} against {other}: {size}: {said}{few}"


def outlook(variance: CrossedVariance, seeds: int, items: int, *, level: float, margin: float) -> Outlook:
    """Return what this budget and larger ones see: up to four times the seeds, and four times the items.

    Where nothing is known of seeds (one seed was run), nothing is said of more of them.
    """
    blind = seeds == 1 and not variance.seed
    parts = variance.parts(seeds, items)
    whole = sum(parts.values())
    found = []
    more = [] if blind else [count for count in (3, 5, 8, 12, 20) if seeds < count <= max(8, 4 * seeds)]
    for some in [seeds, *more]:
        for count in (items, 4 * items) if items > 1 else ():
            seen = expected(variance, some, count, level=level)
            found.append(Prospect(seeds=some, items=count, half_width=seen.half_width, detectable=seen.detectable))
    return Outlook(
        sd={name: sqrt(getattr(variance, name)) for name in parts},
        share={name: part / whole if whole else 0.0 for name, part in parts.items()},
        prospects=found,
        seeds_needed=seeds_needed(variance, items, margin, level=level) if items > 1 and not blind else None,
    )


def _failures(run: RunSummary) -> str:
    return ", ".join(f"{name}: {error}" for name, error in run.test.failed.items()) if run.test else "no test"


def _scores(by_seed: Mapping[int, RunSummary], kind: str, settings: CompareSettings) -> _Scores | None:
    """The scores of every seed on the same items; None where a seed has none of this kind."""
    names: list[str] = []
    rows = []
    main, _, part = kind.partition(" ")
    for seed in settings.seeds:
        score = KINDS[main](by_seed[seed])
        found = sorted(name for name in (score.items if score else ()) if part in ("", settings.parts.get(name)))
        if score is None or not found:
            return None
        names = names or found
        if found != names:
            raise DataError(f"{kind}: seeds {settings.seeds[0]} and {seed} were scored on different items.")
        rows.append([score.items[name] for name in names])
    table = np.array(rows)
    run = by_seed[settings.seeds[0]]
    if settings.rule is None or (main == "validation" and run.climbed.name != run.reward.name):
        return _Scores(names, table, table.mean(1))
    jackknifed = [_pseudo_values(row, names, settings.rule) for row in table]
    return _Scores(names, np.array([values for values, _ in jackknifed]), np.array([whole for _, whole in jackknifed]))


def _pseudo_values(row: np.ndarray, items: list[str], rule: Rule) -> tuple[np.ndarray, float]:
    """The jackknife pseudo-values (n,) of a rule, whose mean is near the whole's value, and that value."""
    whole, count = float(rule(row, items)), len(row)
    if count == 1:
        return np.array([whole]), whole
    left_out = np.array([rule(np.delete(row, i), items[:i] + items[i + 1 :]) for i in range(count)])
    return count * whole - (count - 1) * left_out, whole


def _check_alike(kind: str, first: str, other: str, arms: Arms, seed: int) -> None:
    """Two arms must have been scored on the same items by the same rules, such as the protocol."""
    one, two = (KINDS[kind.partition(" ")[0]](arms[arm][seed]) for arm in (first, other))
    assert one is not None and two is not None  # the caller has their scores
    differing = sorted(set(one.items) ^ set(two.items))
    if differing:  # a data set that has changed between two arms would pair the scores of different items
        rule, value = f"{first} and {other} must be scored on the same items", ", ".join(differing[:5])
        way_out = "Has the data changed between the arms? Run them again with --fresh."
        raise DataError(Problem(kind, rule, f"{value} in one of them only", way_out))
    rules = [{name: fact for name, fact in score.facts.items() if isinstance(fact, str)} for score in (one, two)]
    if rules[0] != rules[1]:
        rule = f"{first} and {other} must be scored by the same rules, {rules[0]}"
        raise DataError(Problem(kind, rule, str(rules[1]), "Arms must not change how a score is made."))


def _arm_result(by_seed: Mapping[int, RunSummary], settings: CompareSettings) -> ArmResult:
    rows = [_seed_result(by_seed[seed], seed) for seed in settings.seeds]
    values = [row.model_dump(exclude={"seed", "architecture"}) for row in rows]
    means = {
        key: float(np.mean([row[key] for row in values]))
        for key in values[0]
        if all(row[key] is not None for row in values)
    }
    first = by_seed[settings.seeds[0]]
    gap = None
    if first.climbed.name == first.reward.name:
        scores = [_scores(by_seed, kind, settings) for kind in ("validation", "test")]
        tables = [score.values for score in scores if score is not None]
        gap = crossed_gap(*tables, level=settings.level, samples=settings.samples)
    return ArmResult(
        seeds=rows,
        mean=means,
        gap=gap,
        budget=first.search.budget if first.search else 0,
        seconds=float(np.mean([sum(by_seed[seed].seconds.values()) for seed in settings.seeds])),
    )


def _seed_result(run: RunSummary, seed: int) -> ArmSeed:
    assert run.validation is not None and run.test is not None and run.test.best is not None  # checked by the caller
    validation, test = run.validation.value, run.test.best.value
    random, median = run.test.random_search, run.test.random_architectures
    return ArmSeed(
        seed=seed,
        architecture=run.architecture.key,
        validation=validation,
        test=test,
        gap=validation - test if run.climbed.name == run.reward.name else None,
        random_search_test=random.value if random else None,
        random_median_test=median.median if median else None,
    )
