"""What the final stage of a run says: parts, differences and the effect of conditions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asymnas.core.statistics import above_median
from asymnas.search import Evaluation
from asymnas.study._final import test_results as results_of
from asymnas.task import Reward, Split

JOB: Any = SimpleNamespace(seed=0, baselines=SimpleNamespace(random_architectures=3))


def _task(names, parts, whole=None) -> Any:
    return SimpleNamespace(
        reward=Reward("near", "nearness", whole),
        splits={"test": Split(tuple(names), "f", "images", parts)},
        conditions=("both", "left"),
        baselines=("half",),
    )


def _scored(task, values) -> Evaluation:
    items = dict(zip(task.splits["test"].items, map(float, values), strict=True))
    return Evaluation(value=task.reward.value(items), se=task.reward.se(items), items=items, facts={"images": 3})


def test_above_the_median_of_others():
    base = np.random.default_rng(0).random(30)
    rows = [{f"v{i}": float(value) for i, value in enumerate(base + shift)} for shift in (-0.02, 0.0, 0.02, 0.1)]
    clear = above_median(rows[3], rows[:3])
    assert clear.value == pytest.approx(0.1)
    assert clear.low > 0
    among = above_median(rows[1], rows[:3])
    assert among.low < 0 < among.high
    assert above_median(rows[3], rows[:3], rule=lambda values, items: float(values.mean())) == pytest.approx(clear)


@pytest.mark.parametrize("whole", [None, lambda values, items: float(values.mean())])
def test_the_effect_of_a_condition_is_paired_and_by_part(whole):
    names = [f"v{index}" for index in range(20)]
    task = _task(names, dict.fromkeys(names[:10], "critical"), whole)
    left = np.random.default_rng(1).random(20)
    both = _scored(task, left + np.repeat([0.2, 0.0], 10))
    found = results_of(task, JOB, {"best": both, "best both": both, "best left": _scored(task, left)})
    critical, everything = found.conditions
    assert (critical.reference, critical.other, critical.part, critical.n) == ("both", "left", "critical", 10)
    assert critical.difference.value == pytest.approx(0.2)
    assert critical.difference.low > 0
    assert (everything.part, everything.n) == ("all", 20)
    assert everything.difference.value == pytest.approx(0.1)
    assert found.parts["critical"].n == 10


def test_scores_have_errors_counts_and_what_failed():
    task = _task(["v0", "v1", "v2"], {"v0": "a", "v1": "a", "v2": "b"})
    results = {"best": _scored(task, [0.2, 0.4, 0.9]), "baseline half": _scored(task, [0.5] * 3)}
    results |= {"architecture 2": _scored(task, [0.1] * 3), "architecture 3": Evaluation(status="failed", error="NaN")}
    found = results_of(task, JOB, results)
    assert found.best.value == pytest.approx(0.5)
    assert found.best.se == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1) / np.sqrt(3))
    assert found.best.facts == {"images": 3}
    assert (found.parts["a"].n, found.parts["b"].n, found.parts["b"].se) == (2, 1, None)
    assert found.baselines["half"].difference.value == pytest.approx(0.0)
    assert (found.random_architectures.n, found.random_architectures.asked) == (1, 3)
    assert found.failed == {"architecture 3": "NaN"}
    assert results_of(task, JOB, {"best": Evaluation(status="failed", error="NaN")}).best is None
