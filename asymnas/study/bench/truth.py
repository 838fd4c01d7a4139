"""What a table of the truth says: spread, seed noise, where differences come from, and whether asymmetry pays."""

from __future__ import annotations

import math

import numpy as np

from asymnas.core.models import Record
from asymnas.core.reliability import components, kendall_tau
from asymnas.core.statistics import Interval
from asymnas.study.bench.importance import Importance, importance
from asymnas.study.bench.table import TruthTable

SHARES = (0.25, 0.5, 1.0)
"""Budgets of multiply-accumulates at which symmetric and asymmetric architectures are compared: quantiles."""
Z = 1.96
"""Half the width of a 95 % interval, in standard errors."""


class Spread(Record):
    """Where the differences of one score come from.

    Args:
        split, condition, measure: what is scored.
        mean, low, high: over the architectures, of their means over seeds.
        architectures: standard deviation between architectures, without the noise of seeds.
        seeds: standard deviation between trainings of one architecture, but for what is common to all of a seed.
        common: standard deviation between seeds that is common to all architectures; it changes no order.
        reliability: of one training: the share of the variance between scores that is due to architectures.
        reliability_of_mean: of the mean over the table's seeds.
    """

    split: str
    condition: str
    measure: str
    mean: float
    low: float
    high: float
    architectures: float
    seeds: float
    common: float
    reliability: Interval
    reliability_of_mean: Interval


class Asymmetry(Record):
    """The best asymmetric against the best symmetric architecture of at most some cost.

    Each is chosen by the validation items of all seeds but one and scored by the test items of that one, for every
    seed in turn, so that luck that chose it does not count. The interval is over seeds, whose noise is that of all
    architectures together, and items.

    Args:
        budget: multiply-accumulates at most; `share` is the quantile of all architectures that they are.
        symmetric, asymmetric: how many architectures there are of either kind.
        best_symmetric, best_asymmetric: mean test score of the chosen ones.
        difference: asymmetric minus symmetric.
    """

    budget: int
    share: float
    symmetric: int
    asymmetric: int
    best_symmetric: float
    best_asymmetric: float
    difference: Interval


class Example(Record):
    """An architecture with its true value: the mean over seeds on the test items, and the standard error over seeds."""

    what: str
    genes: dict[str, str]
    value: float
    se: float
    macs: int


class TruthSummary(Record):
    """What a table says; see the classes of its parts. `tau` is Kendall's between validation and test means."""

    name: str
    space: str
    fingerprint: str
    architectures: int
    seeds: int
    items: dict[str, int]
    reward: str
    seconds: float
    tau: float
    item_noise: float
    spreads: list[Spread]
    importance: list[Importance]
    asymmetry: list[Asymmetry]
    examples: list[Example]


def summarise_truth(table: TruthTable) -> TruthSummary:
    """Return what a table of two seeds or more says.

    Raises:
        DataError: it has one seed.
    """
    header = table.header
    scores: list[tuple[str, str, str | None]] = [
        (split, condition, None) for split in header.splits for condition in header.conditions
    ]
    scores += [(split, header.conditions[0], measure) for split in header.splits for measure in header.measures]
    validation = table.value("validation").mean(1)
    return TruthSummary(
        name=header.name,
        space=table.space.name,
        fingerprint=header.fingerprint,
        architectures=len(table.architectures),
        seeds=header.seeds,
        items={split: len(names) for split, names in header.items.items()},
        reward=header.reward,
        seconds=header.seconds,
        tau=kendall_tau(validation, table.truth).value,
        item_noise=_item_noise(table),
        spreads=[_spread(table, *score) for score in scores],
        importance=importance(table.genes(), table.truth, _noise(table) / header.seeds, *_parts(table))
        if _whole(table)
        else [],
        asymmetry=_asymmetry(table),
        examples=_examples(table),
    )


def _spread(table: TruthTable, split: str, condition: str, measure: str | None) -> Spread:
    values = table.value(split, condition, measure)
    means, found = values.mean(1), components(values)
    return Spread(
        split=split,
        condition=condition,
        measure=measure or table.header.reward,
        mean=float(means.mean()),
        low=float(means.min()),
        high=float(means.max()),
        architectures=found.architecture.value**0.5,
        seeds=found.residual.value**0.5,
        common=found.item.value**0.5,
        reliability=found.reliability(1),
        reliability_of_mean=found.reliability(),
    )


def reliability_of_truth(table: TruthTable) -> float:
    """Return the share of the variance between true values that is not the noise of their few seeds."""
    return components(table.value("test")).reliability().value


def _item_noise(table: TruthTable) -> float:
    """The standard deviation of one item's value around the sum of training and item, on the validation items."""
    values = table.items("validation")
    return components(values.reshape(-1, values.shape[2])).residual.value ** 0.5


def _noise(table: TruthTable) -> float:
    """The variance of one training's test score that is neither the architecture's nor common to all of its seed."""
    return components(table.value("test")).residual.value


def _training_noise(table: TruthTable) -> float:
    """The same without the noise of the test's items, which would be there if one training were measured again."""
    items = table.items("test")
    count = items.shape[2]
    of_item = (items.var(1, ddof=1).mean() - items.mean(2).var(1, ddof=1).mean()) / (
        count - 1
    )  # in a mean of all items
    return max(0.0, _noise(table) - float(of_item))


def _whole(table: TruthTable) -> bool:
    """Whether every combination of ops is there, so that effects are orthogonal."""
    return len(table.architectures) == table.space.size


def _parts(table: TruthTable) -> tuple[list[str], list[str], list[list[str]]]:
    """Return the free genes, the part of each (its branch, or the mixers of its branch), and the ops of each."""
    place = {gene.id: gene for gene in table.space.genes}
    free = table.space.free_genes
    parts = [place[gene.id].branch + (" mixers" if place[gene.id].mixer else "") for gene in free]
    return [gene.id for gene in free], parts, [list(gene.ops) for gene in free]


def symmetric(table: TruthTable) -> np.ndarray:
    """Return (architectures,) bool: whether all branches chose alike wherever they have the same place."""
    found = []
    for architecture in table.architectures:
        chosen: dict[str, set[str]] = {}
        for gene, op in architecture.genes.items():
            chosen.setdefault(gene.partition(".")[2], set()).add(op)
        found.append(all(len(ops) == 1 for ops in chosen.values()))
    return np.array(found)


def _asymmetry(table: TruthTable) -> list[Asymmetry]:
    alike, macs = symmetric(table), table.arrays["cost"][:, :, 0].sum(1)
    if alike.all() or not alike.any():
        return []
    rows = []
    for share in SHARES:
        budget = int(np.quantile(macs, share))
        kinds = [np.flatnonzero(mask & (macs <= budget)) for mask in (alike, ~alike)]
        if all(len(kind) for kind in kinds):
            rows.append(_compared(table, budget, share, *kinds))
    return rows


def _compared(table: TruthTable, budget: int, share: float, alike: np.ndarray, others: np.ndarray) -> Asymmetry:
    seen, items = table.value("validation"), table.items("test")
    scores = []
    for seed in range(table.header.seeds):
        by_others = np.delete(seen, seed, axis=1).mean(1)
        chosen = [int(kind[by_others[kind].argmax()]) for kind in (alike, others)]
        scores.append(items[chosen, seed])  # (2, items)
    found = np.array(scores)  # (seeds, 2, items)
    by_item, count = (found[:, 1] - found[:, 0]).mean(0), table.header.seeds
    se = math.sqrt(2 * _training_noise(table) / count + by_item.var(ddof=1) / len(by_item))
    value, means = float(by_item.mean()), found.mean((0, 2))
    return Asymmetry(
        budget=budget,
        share=share,
        symmetric=len(alike),
        asymmetric=len(others),
        best_symmetric=float(means[0]),
        best_asymmetric=float(means[1]),
        difference=Interval(value, value - Z * se, value + Z * se),
    )


def _examples(table: TruthTable) -> list[Example]:
    alike, values = symmetric(table), table.value("test")
    macs = table.arrays["cost"][:, :, 0].sum(1)
    masks = {"best": np.ones(len(alike), bool), "best symmetric": alike, "worst": np.ones(len(alike), bool)}
    rows = []
    for what, mask in masks.items():
        places = np.flatnonzero(mask)
        if len(places) == 0:
            continue
        order = -table.truth[places] if what != "worst" else table.truth[places]
        place = int(places[order.argmin()])
        own = values[place]
        se = float(own.std(ddof=1) / len(own) ** 0.5)
        genes = table.architectures[place].free
        rows.append(Example(what=what, genes=genes, value=float(own.mean()), se=se, macs=int(macs[place])))
    return rows
