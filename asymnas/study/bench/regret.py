"""How good searchers are on a table of the truth: regret over cost, and ratios of regrets, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asymnas.core.errors import JobError, Problem
from asymnas.core.models import Record
from asymnas.core.seeding import rng_for
from asymnas.core.statistics import Interval, bootstrap_ci
from asymnas.runs.times import Reporter
from asymnas.study.bench.simulate import BenchArm, BenchSettings, SearchTrace, arm_section, simulate
from asymnas.study.bench.table import TruthTable

SAMPLES = 4000
POINTS = 40
"""Points of a regret curve."""


class ArmRegret(Record):
    """What an arm found.

    Args:
        name: as it was asked for.
        architectures: measured at most, in one search.
        regret: of the last choice, how far its true value is below the best of the table; mean over seeds.
        found: the true value of the last choice; mean over seeds.
        rank: place of the last choice in the true order, the best being 1; median over seeds.
        curve: mean regret over seeds at each cost of the bench, None before an arm has a choice in every seed.
        finals: regret of the last choice by seed.
    """

    name: str
    architectures: int
    regret: Interval
    found: float
    rank: float
    curve: list[Interval | None]
    finals: list[float]


class RegretRatio(Record):
    """Final regret of `arm` divided by that of `other`; below 1 the arm is better. Seeds are resampled together."""

    arm: str
    other: str
    ratio: Interval


class BenchResult(Record):
    """Searches of a table.

    Args:
        table: fingerprint of the table; `space` is the name of its space.
        seeds: searches of each arm.
        budget: in evaluations of `items` items each.
        noise: what an evaluation sees, see `BenchSettings`.
        best: highest true value of the table.
        chance: expected regret of one architecture drawn at random.
        costs: items at each point of the curves.
        arms, ratios: the results; ratios are of every arm to the last one.
    """

    table: str
    space: str
    seeds: int
    budget: int
    items: int
    noise: str
    best: float
    chance: float
    costs: list[int]
    arms: list[ArmRegret]
    ratios: list[RegretRatio]


def run_bench(
    table: TruthTable,
    arms: Sequence[str],
    *,
    job: Any,
    overrides: Sequence[str] = (),
    settings: BenchSettings | None = None,
    seeds: int = 100,
    progress: Reporter | None = None,
) -> BenchResult:
    """Search a table with several arms at equal cost, each with seeds 0 to `seeds` - 1.

    Args:
        table: the truth.
        arms: texts such as "evolution+ladder+estimator"; ratios are to the last one.
        job: a job, or its name, whose `search` section has the searchers' own options.
        overrides: of the job.
        settings: what an evaluation is and how many an arm may spend.
        seeds: searches of each arm, at least 2.
        progress: gets every search.

    Raises:
        JobError: an arm, an option or the budget makes no sense.
    """
    settings = settings or BenchSettings()
    if len(set(arms)) < len(arms) or not arms:
        raise JobError(Problem("arm", "arms must be named, each once", " ".join(arms)))
    read = [BenchArm.of(text) for text in arms]
    sections = [arm_section(arm, table, settings, job, overrides) for arm in read]
    traces: list[list[SearchTrace]] = []
    for arm, section in zip(read, sections, strict=True):
        traces.append([])
        for seed in range(seeds):
            traces[-1].append(simulate(table, arm, section, settings, seed))
            if progress is not None:
                progress.update(arm.name, seed + 1, seeds)
    total = settings.budget * settings.items
    costs = np.unique(np.linspace(0, total, POINTS + 1).astype(int)[1:])
    results = [_arm(table, arm, found, costs) for arm, found in zip(read, traces, strict=True)]
    last = results[-1]
    return BenchResult(
        table=table.header.fingerprint,
        space=table.space.name,
        seeds=seeds,
        budget=settings.budget,
        items=settings.items,
        noise=settings.noise,
        best=float(table.truth.max()),
        chance=float(table.truth.max() - table.truth.mean()),
        costs=costs.tolist(),
        arms=results,
        ratios=[
            RegretRatio(
                arm=one.name, other=last.name, ratio=ratio_of_means(np.array(one.finals), np.array(last.finals))
            )
            for one in results[:-1]
        ],
    )


def _arm(table: TruthTable, arm: BenchArm, traces: Sequence[SearchTrace], costs: np.ndarray) -> ArmRegret:
    truth = table.truth
    regret = truth.max() - truth
    rows = np.full((len(traces), len(costs)), np.nan)
    for row, trace in zip(rows, traces, strict=True):
        done = np.searchsorted(trace.spent, costs, side="right") - 1  # the generation that is complete by then
        row[done >= 0] = regret[np.array(trace.chosen)[done[done >= 0]]]
    last = np.array([trace.chosen[-1] for trace in traces])
    finals = regret[last]
    return ArmRegret(
        name=arm.name,
        architectures=max(trace.asked for trace in traces),
        regret=_mean(finals),
        found=float(truth[last].mean()),
        rank=float(np.median([(truth > truth[place]).sum() + 1 for place in last])),
        curve=[None if np.isnan(column).any() else _mean(column) for column in rows.T],
        finals=finals.tolist(),
    )


def _mean(values: np.ndarray) -> Interval:
    return bootstrap_ci(values, samples=1000)


def ratio_of_means(a: np.ndarray, b: np.ndarray, *, samples: int = SAMPLES, seed: int = 0) -> Interval:
    """Return mean(a) / mean(b) of (n,) pairs with its bootstrap interval over the pairs; NaN where b is all 0."""
    if not b.any():
        return Interval(*[float("nan")] * 3)
    index = rng_for(seed, "ratio").integers(0, len(a), (samples, len(a)))
    above, below = a[index].mean(1), b[index].mean(1)
    ratios = np.divide(above, below, out=np.full(samples, np.inf), where=below > 0)
    low, high = np.quantile(ratios, [0.025, 0.975], method="nearest")
    return Interval(float(a.mean() / b.mean()), float(low), float(high))
