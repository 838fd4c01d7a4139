"""What a table of the truth says: spread, seed noise, where differences come from, and whether asymmetry pays."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from asymnas.study._bench import Band
from asymnas.study.table import TruthTable

SHARES = (0.25, 0.5, 1.0)
"""Budgets of multiply-accumulates at which symmetric and asymmetric architectures are compared: quantiles."""
Z = 1.96
"""Half the width of a 95 % interval, in standard errors."""


class Spread(BaseModel):
    """Where the differences of one score come from.

    Args:
        split, condition, measure: what is scored.
        mean, low, high: over the architectures, of their means over seeds.
        architectures: standard deviation between architectures, without the noise of seeds.
        seeds: standard deviation between trainings of one architecture.
        reliability: of one training: the share of the variance between scores that is due to architectures.
        reliability_of_mean: of the mean over the table's seeds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str
    condition: str
    measure: str
    mean: float
    low: float
    high: float
    architectures: float
    seeds: float
    reliability: float
    reliability_of_mean: float


class Importance(BaseModel):
    """Share of the variance between architectures that some genes explain, the noise of seeds taken out.

    Args:
        name: a gene, a branch, the mixers of a branch, or "between them": interactions of different branches or mixers.
        kind: "gene" (its main effect alone) or "part" (all main effects and interactions within it); parts sum to 1.
        share: may be slightly negative where there is nothing.
        best: for a gene, the op with the highest mean; and `gain`, that mean over the mean of all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    share: float
    best: str = ""
    gain: float | None = None


class Asymmetry(BaseModel):
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

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget: int
    share: float
    symmetric: int
    asymmetric: int
    best_symmetric: float
    best_asymmetric: float
    difference: Band


class Example(BaseModel):
    """An architecture with its true value: the mean over seeds on the test items, and the standard error over seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    genes: dict[str, str]
    value: float
    se: float
    macs: int


class TruthSummary(BaseModel):
    """What a table says; see the classes of its parts. `tau` is Kendall's between validation and test means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    """Return what a table says. Deterministic."""
    from scipy.stats import kendalltau

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
        tau=float(kendalltau(validation, table.truth).statistic),
        item_noise=_item_noise(table),
        spreads=[_spread(table, *score) for score in scores],
        importance=importance(table.genes(), table.truth, _noise(table), *_parts(table)) if _whole(table) else [],
        asymmetry=_asymmetry(table),
        examples=_examples(table),
    )


def _variances(values: np.ndarray) -> tuple[float, float]:
    """Return the variances between architectures and between trainings of (architectures, seeds) scores."""
    seeds = values.shape[1]
    within = float(values.var(1, ddof=1).mean()) if seeds > 1 else float("nan")
    between = float(values.mean(1).var(ddof=1)) - (within / seeds if seeds > 1 else 0.0)
    return max(between, 0.0), within


def _spread(table: TruthTable, split: str, condition: str, measure: str | None) -> Spread:
    values = table.value(split, condition, measure)
    means, seeds = values.mean(1), values.shape[1]
    between, within = _variances(values)
    within = 0.0 if np.isnan(within) else within
    return Spread(
        split=split,
        condition=condition,
        measure=measure or table.header.reward,
        mean=float(means.mean()),
        low=float(means.min()),
        high=float(means.max()),
        architectures=between**0.5,
        seeds=within**0.5,
        reliability=between / (between + within) if between + within else 0.0,
        reliability_of_mean=between / (between + within / seeds) if between + within else 0.0,
    )


def _item_noise(table: TruthTable) -> float:
    """The standard deviation of one item's value around architecture, seed and item, on the validation items."""
    values = table.items("validation").reshape(-1, len(table.header.items["validation"]))
    centred = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    return float(np.sqrt((centred**2).sum() / ((values.shape[0] - 1) * (values.shape[1] - 1))))


def _noise(table: TruthTable) -> float:
    """The variance of a true value that is due to its few seeds."""
    within = _variances(table.value("test"))[1]
    return 0.0 if np.isnan(within) else within / table.header.seeds


def _whole(table: TruthTable) -> bool:
    """Whether every combination of ops is there, so that effects are orthogonal."""
    return len(table.architectures) == table.space.size


def _parts(table: TruthTable) -> tuple[list[str], list[str], list[list[str]]]:
    """Return the free genes, the part of each (its branch, or the mixers of its branch), and the ops of each."""
    place = {gene.id: gene for gene in table.space.genes}
    free = table.space.free_genes
    parts = [place[gene.id].branch + (" mixers" if place[gene.id].mixer else "") for gene in free]
    return [gene.id for gene in free], parts, [list(gene.ops) for gene in free]


def importance(
    genes: np.ndarray, values: np.ndarray, noise: float, names: Sequence[str], parts: Sequence[str],
    ops: Sequence[Sequence[str]],
) -> list[Importance]:  # fmt: skip
    """Decompose the variance of a full factorial (functional ANOVA), the noise taken out.

    Args:
        genes: (architectures, genes), the number of each op.
        values: (architectures,).
        noise: variance of the error of one value.
        names, parts, ops: of each gene.
    """
    count = len(values)

    def explained(columns: Sequence[int]) -> float:
        _, cell = np.unique(genes[:, list(columns)], axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        means = np.bincount(cell, values) / np.bincount(cell)
        return float(means.var() - (len(means) - 1) / count * noise)

    total = float(values.var() - (count - 1) / count * noise)
    rows = []
    for column, name in enumerate(names):
        means = np.array([values[genes[:, column] == op].mean() for op in range(len(ops[column]))])
        best, gain = ops[column][int(means.argmax())], float(means.max() - values.mean())
        rows.append(Importance(name=name, kind="gene", share=explained([column]) / total, best=best, gain=gain))
    shares = {
        part: explained([n for n, other in enumerate(parts) if other == part]) / total for part in dict.fromkeys(parts)
    }
    rows += [Importance(name=part, kind="part", share=share) for part, share in shares.items()]
    rows.append(Importance(name="between them", kind="part", share=1 - sum(shares.values())))
    return rows


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
    if table.header.seeds < 2 or alike.all() or not alike.any():
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
    se = math.sqrt(2 * _variances(table.value("test"))[1] / count + by_item.var(ddof=1) / len(by_item))
    value, means = float(by_item.mean()), found.mean((0, 2))
    return Asymmetry(
        budget=budget,
        share=share,
        symmetric=len(alike),
        asymmetric=len(others),
        best_symmetric=float(means[0]),
        best_asymmetric=float(means[1]),
        difference=Band(value=value, low=value - Z * se, high=value + Z * se),
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
        se = float(own.std(ddof=1) / len(own) ** 0.5) if len(own) > 1 else 0.0
        genes = table.architectures[place].free
        rows.append(Example(what=what, genes=genes, value=float(own.mean()), se=se, macs=int(macs[place])))
    return rows
