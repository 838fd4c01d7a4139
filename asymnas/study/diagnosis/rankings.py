"""Scores of a log as tables (architectures x items), and what the tables say of the ranking."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import DataError
from asymnas.core.reliability import (
    VarianceComponents,
    complete_block,
    components,
    corrected_interval,
    cross_half_tau,
    items_needed,
    kendall_tau,
    split_half_tau,
)
from asymnas.core.statistics import Interval
from asymnas.core.winner import chance_of_best_share, not_worse_than_best, winners_shrinkage
from asymnas.runs.diagnosis import ItemsNeeded, RankAgreement, Ranking
from asymnas.search import Evaluation

Genes = tuple[tuple[str, str], ...]

TARGETS = (0.8, 0.9)
"""Reliabilities that items are counted for."""


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Values of architectures on items by one reward.

    Args:
        stage: what it is of.
        reward: name of the reward.
        noun: what the items are.
        rows: values by item, by architecture.
        rung: number of the rung; None without.
        failed: architectures without a score.
        seconds: mean time of scoring one architecture; None where nothing was computed.
        label: its name where reward and number of items do not tell it from another.
    """

    stage: str
    reward: str
    noun: str
    rows: Mapping[Genes, Mapping[str, float]]
    rung: int | None = None
    failed: int = 0
    seconds: float | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """The label, else reward and items, such as `suc, 20 videos`."""
        return self.label or f"{self.reward}, {len(self.block()[1]):,} {self.noun}"

    def block(self, among: Iterable[Genes] | None = None) -> tuple[list[Genes], list[str]]:
        """Return the architectures and the items that are analysed; DataError where there are not two of each."""
        keys = list(self.rows if among is None else among)
        names = list(dict.fromkeys(item for key in keys for item in self.rows[key]))
        found = complete_block(self.array(keys, names))
        return [keys[row] for row in found.rows], [names[column] for column in found.columns]

    def array(self, keys: Sequence[Genes], items: Sequence[str]) -> np.ndarray:
        """Return the values (architectures, items), NaN where there is none."""
        return np.array([[self.rows[key].get(item, np.nan) for item in items] for key in keys], float).reshape(
            len(keys), len(items)
        )


def tables_of(evaluations: Sequence[Evaluation], stages: Sequence[str], nouns: Mapping[str, str]) -> list[ScoreTable]:
    """Return the tables of some stages of a log, in the order of the rungs.

    The lines of one architecture by one reward are joined, those of lower rungs into the higher ones; copies of another
    line count as the scores that they are, but not as time.

    Args:
        evaluations: the log.
        stages: names of stages; what they have is put together.
        nouns: what the items of a split are, by the split's name; others are called by the name.
    """
    lines = [item for item in evaluations if item.stage in stages and item.genes is not None]
    kinds = dict.fromkeys((item.rung, item.reward, item.split) for item in lines if item.ok)
    found = []
    for rung, reward, split in sorted(kinds, key=lambda kind: -1 if kind[0] is None else kind[0]):
        mine = [item for item in lines if (item.reward, item.split) == (reward, split) and item.ok]
        mine = [item for item in mine if rung is None or (item.rung or 0) <= rung]
        here = {_key(item) for item in mine if item.rung == rung}
        rows: dict[Genes, dict[str, float]] = {}
        for item in mine:
            if _key(item) in here:
                rows.setdefault(_key(item), {}).update(item.items)
        timed = [item for item in mine if _key(item) in here and not item.cached]
        failed = {_key(item) for item in lines if not item.ok and item.rung == rung} - here
        found.append(
            ScoreTable(
                stage=" and ".join(stages),
                reward=reward,
                noun=nouns.get(split, split),
                rows=rows,
                rung=rung,
                failed=len(failed),
                seconds=sum(item.seconds for item in timed) / len({_key(item) for item in timed}) if timed else None,
            )
        )
    return found


def _key(evaluation: Evaluation) -> Genes:
    return tuple(sorted((evaluation.genes or {}).items()))


def ranking(table: ScoreTable) -> Ranking:
    """Return how well a table ranks; DataError where no two architectures have two items in common."""
    keys, items = table.block()
    values = table.array(keys, items)
    found, means = components(values), values.mean(1)
    trust = found.reliability()
    chance = [chance_of_best_share(means, end) for end in (trust.value, trust.low, trust.high)]
    shrinkage = winners_shrinkage(means, trust.value)
    return Ranking(
        stage=table.stage,
        reward=table.reward,
        rung=table.rung,
        noun=table.noun,
        items=len(items),
        architectures=len(keys),
        scored=len(table.rows),
        failed=table.failed,
        architecture=found.architecture,
        item=found.item,
        residual=found.residual,
        reliability=trust,
        split_half_tau=_known(split_half_tau(values)),
        needed={f"{target:g}": _needed(found, target) for target in TARGETS},
        best_tenth=Interval(chance[0], min(chance), max(chance)),
        lead=shrinkage.lead,
        shrinkage=shrinkage.expected,
        shrinkage_by_order=shrinkage.by_order,
        not_worse=not_worse_than_best(values),
        seconds=table.seconds,
    )


def _needed(found: VarianceComponents, target: float) -> ItemsNeeded:
    needed = items_needed(found, target)
    ends = {"value": needed.value, "low": needed.low, "high": needed.high}
    return ItemsNeeded(**{name: int(end) if math.isfinite(end) else None for name, end in ends.items()})


def _known(interval: Interval) -> Interval | None:
    return None if math.isnan(interval.value) else interval


def agreements(tables: Sequence[ScoreTable]) -> list[RankAgreement]:
    """Return the agreement of each pair of tables, where there is one."""
    pairs = [(first, other) for place, other in enumerate(tables) for first in tables[:place]]
    return [found for pair in pairs if (found := agreement(*pair)) is not None]


def agreement(first: ScoreTable, other: ScoreTable) -> RankAgreement | None:
    """Return how alike two tables rank the architectures that both have; None for too few of them or of items, or for
    equal scores.

    Two sides never share the noise of an item: a rung is compared with the items that the higher one adds, and two
    measures of the same items on different halves of them.
    """
    keys = [key for key in first.rows if key in other.rows]
    if len(keys) < 4:
        return None
    try:
        (_, a_items), (_, b_items) = first.block(keys), other.block(keys)
    except DataError:  # one of them has single items
        return None
    shared = [item for item in a_items if item in set(b_items)] if first.noun == other.noun else []
    rest = [item for item in b_items if item not in set(shared)]
    if shared and len(rest) < 2:
        a, b = first.array(keys, shared), other.array(keys, shared)
        if np.isnan(a).any() or np.isnan(b).any() or len(shared) < 4:
            return None
        tau, count = cross_half_tau(a, b), len(shared) // 2
        trust = [components(side).reliability(count).value for side in (a, b)]
        how = f"on different halves of the same {len(shared)} {first.noun}"
    else:
        keys, a_items = first.block(keys)
        a, b = first.array(keys, a_items), other.array(keys, rest)
        if len(keys) < 4 or np.isnan(b).any():
            return None
        tau = kendall_tau(a.mean(1), b.mean(1))
        trust = [components(side).reliability().value for side in (a, b)]
        alike = " further" if shared else "" if first.noun == other.noun else f" {other.noun}"
        how = f"{len(a_items):,} {first.noun} against {len(rest):,}{alike}"
    if math.isnan(tau.value):
        return None
    return _agreement(first, other, (a, b), tau, (trust[0], trust[1]), how)


def agreement_as_is(
    first: ScoreTable, other: ScoreTable, keys: Sequence[Genes], items: Sequence[str]
) -> RankAgreement | None:
    """Return how alike two tables rank architectures by the same items, whose noise is no part of the question.

    None where scores are all equal.
    """
    sides = first.array(keys, items), other.array(keys, items)
    tau = kendall_tau(sides[0].mean(1), sides[1].mean(1))
    if math.isnan(tau.value):
        return None
    return _agreement(first, other, sides, tau, (1.0, 1.0), f"on the same {len(items)} {first.noun}")


def _agreement(
    first: ScoreTable,
    other: ScoreTable,
    sides: tuple[np.ndarray, np.ndarray],
    tau: Interval,
    trust: tuple[float, float],
    how: str,
) -> RankAgreement:
    a, b = sides
    return RankAgreement(
        first=first.name,
        other=other.name,
        architectures=len(a),
        tau=tau,
        corrected=corrected_interval(tau, *trust),
        first_reliability=trust[0],
        other_reliability=trust[1],
        how=how,
        x=a.mean(1).tolist(),
        y=b.mean(1).tolist(),
        x_se=_noise(a),
        y_se=_noise(b),
    )


def _noise(values: np.ndarray) -> float:
    return float(np.sqrt(components(values).residual.value / values.shape[1]))
