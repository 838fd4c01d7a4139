"""Searches of a table: an evaluation is looked up, the choice is judged by the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from asymnas.core.errors import JobError, Problem, nearest
from asymnas.core.seeding import rng_for
from asymnas.job import Job, load_job
from asymnas.search import SEARCHERS, Estimator, Evaluation, Searcher
from asymnas.search.nsga2 import NSGA2Searcher
from asymnas.space import Architecture
from asymnas.study.bench.table import TruthTable

Noise = Literal["seed", "items", "none"]
LOW, KEEP = 5, 4
"""The ladder's first rung has a LOW-th of the items, and one of KEEP candidates goes on to the rest."""
ADDITIONS = ("ladder", "estimator")


@dataclass(frozen=True, slots=True)
class BenchArm:
    """A way to search: a registered searcher, with or without ladder and estimator; written `evolution+ladder`."""

    name: str
    searcher: str
    ladder: bool = False
    estimator: bool = False

    @staticmethod
    def of(text: str) -> BenchArm:
        """Read the text of an arm.

        Raises:
            JobError: no such searcher, or no such addition.
        """
        searcher, *additions = text.split("+")
        if searcher not in SEARCHERS:
            rule = "an arm must begin with a registered searcher"
            raise JobError(Problem("arm", rule, repr(text), nearest(searcher, SEARCHERS)))
        for addition in additions:
            if addition not in ADDITIONS:
                rule = "a searcher can have +ladder, +estimator or both"
                raise JobError(Problem("arm", rule, repr(text), nearest(addition, ADDITIONS)))
        return BenchArm(text, searcher, "ladder" in additions, "estimator" in additions)

    def rungs(self, items: int) -> list[tuple[int, int]]:
        """Return (first, last) item of each rung."""
        low = max(1, items // LOW)
        return [(0, low), (low, items)] if self.ladder and low < items else [(0, items)]

    def price(self, candidates: int, items: int) -> int:
        """Return the items that a generation of so many candidates costs."""
        first, *rest = self.rungs(items)
        left = max(1, -(-candidates // KEEP))
        return candidates * first[1] + sum(left * (stop - start) for start, stop in rest)


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What all arms of a bench have in common.

    Args:
        budget: in evaluations of `items` items each: all arms may spend budget * items.
        items: of validation that an evaluation has, drawn once a search; all arms of a seed see the same ones.
        noise: `seed`: one of each architecture's trainings, drawn once a search, without what is common to all
            trainings of a seed; `items`: the mean over its trainings; `none`: the truth itself.
        population: architectures a generation.
        screen: proposals for each architecture that is measured, in arms with an estimator.
    """

    budget: int = 64
    items: int = 50
    noise: Noise = "seed"
    population: int = 16
    screen: int = 4


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """One search: after each generation the items spent so far, and the place in the table of what it would choose.

    `asked` architectures were measured in all.
    """

    asked: int
    spent: tuple[int, ...]
    chosen: tuple[int, ...]


def arm_section(
    arm: BenchArm, table: TruthTable, settings: BenchSettings, source: Any, overrides: Sequence[str]
) -> Any:
    """Return the `search` section of an arm: as many generations as its budget allows and the space has.

    Raises:
        JobError: the searcher refuses its options, or the budget does not pay one generation.
    """
    price = arm.price(settings.population, settings.items)
    generations = settings.budget * settings.items // price
    if not generations:
        rule = f"must pay one generation of {arm.name}: {settings.population} architectures, {price} items"
        raise JobError(Problem("--budget", rule, str(settings.budget), "Raise it, or lower --population."))
    generations = min(generations, len(table.architectures) // settings.population)
    half = settings.population // 2
    shape: dict[str, Any] = {
        "space": table.header.space,
        "search.algorithm": arm.searcher,
        "search.population": settings.population,
        "search.generations": max(1, generations),
        "search.mutants": half,
        "search.children": half,
        "search.parents": max(2, settings.population // 3),
    }
    _check_overrides(overrides, shape)
    job: Job = load_job(source, overrides, shape)
    return job.search


def _check_overrides(overrides: Sequence[str], shape: Mapping[str, Any]) -> None:
    """What the bench decides itself would be overridden without a word."""
    known = {*shape, *(f"search.{key}" for key in ("estimator", "screen", "budget", "budget_items", "budget_seconds"))}
    for text in overrides:
        key = text.removeprefix("~").partition("=")[0].strip()
        if key in known or key == "search":
            way_out = (
                "Use --population, --budget, and arms such as evolution+estimator; --set is for other `search` keys."
            )
            raise JobError(Problem("--set", "the bench gives all arms their own", key, way_out))


def simulate(table: TruthTable, arm: BenchArm, section: Any, settings: BenchSettings, seed: int) -> SearchTrace:
    """Run one search of a table; a function of the arguments.

    Args:
        table: the truth.
        arm: how to search.
        section: the arm's `search` section, see `arm_section`.
        settings: what an evaluation is.
        seed: of the searcher, and of the items and trainings that it sees.
    """
    searcher = SEARCHERS.get(arm.searcher).build(table.space, seed, section)
    if isinstance(searcher, NSGA2Searcher):
        raise JobError(Problem("arm", "a search of several objectives has no regret", repr(arm.name)))
    if arm.estimator:
        searcher.estimator = Estimator(table.space, [table.header.reward], table.header.reward)
        searcher.screen = settings.screen
    measured = _measured(table, settings, seed)
    spent, budget = 0, settings.budget * settings.items
    costs: list[int] = []
    chosen: list[int] = []
    while not searcher.done:
        asked = searcher.ask()
        if spent + arm.price(len(asked), settings.items) > budget:
            break
        spent += _generation(searcher, asked, table, arm, measured)
        costs.append(spent)
        chosen.append(table.index(searcher.ranked()[0][0]))
    return SearchTrace(len(searcher.archive), tuple(costs), tuple(chosen))


def _measured(table: TruthTable, settings: BenchSettings, seed: int) -> np.ndarray:
    """Return what can be seen of each architecture: (architectures, items), in the order in which rungs take them."""
    if settings.noise == "none":
        truth = table.truth
        return np.repeat(truth[:, None], settings.items, 1)
    there = len(table.header.items["validation"])
    if not 1 <= settings.items <= there:
        rule = f"must be 1 to {there}, the validation items of the table"
        raise JobError(Problem("--items", rule, str(settings.items)))
    order = rng_for(seed, "bench", "items").permutation(there)[: settings.items]
    seen = table.items("validation", order)  # (architectures, seeds, items)
    if settings.noise == "items":
        return seen.mean(1)
    trained = rng_for(seed, "bench", "trainings").integers(seen.shape[1], size=len(seen))
    common = seen.mean((0, 2)) - seen.mean()  # what all architectures share of a seed: a search trains all with one
    return seen[np.arange(len(seen)), trained] - common[trained][:, None]


def _generation(
    searcher: Searcher, asked: Sequence[Architecture], table: TruthTable, arm: BenchArm, measured: np.ndarray
) -> int:
    """Measure a generation rung by rung, tell the searcher, and return the items that it cost."""
    places = np.array([table.index(architecture) for architecture in asked])
    scores, spent, rest = np.zeros(len(asked)), 0, np.arange(len(asked))
    for number, (start, stop) in enumerate(arm.rungs(measured.shape[1])):
        if start:
            rest = np.sort(np.argsort(-scores, kind="stable")[: max(1, -(-len(asked) // KEEP))])
        spent += len(rest) * (stop - start)
        scores[rest] = measured[places[rest], :stop].mean(1)
        searcher.reached |= {asked[place].key: number for place in rest.tolist()}
        if searcher.estimator is not None:
            for place in rest.tolist():
                values = measured[places[place], start:stop].tolist()
                told: Mapping[str, float] = {str(start + n): value for n, value in enumerate(values)}
                searcher.estimator.tell(asked[place], table.header.reward, told)
    if searcher.estimator is not None:
        searcher.estimator.fit()
    reached = np.isin(np.arange(len(asked)), rest)
    rungs = [Evaluation(reward=table.header.reward, rung=int(there)) for there in reached]
    searcher.tell(zip(asked, scores.tolist(), strict=True), rungs)
    return spent
