"""The candidate worker: a score is a function of the request, whatever the task."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from toy_task import Evaluation as ToyEvaluation
from toy_task import open_toy, toy_candidates

from asymnas.core.errors import EvaluationError, JobError
from asymnas.core.runtime.pool import InProcessPool
from asymnas.core.seeding import rng_for
from asymnas.nn import recalibrated, save_weights, statistics_of
from asymnas.search import (
    Request,
    ScoreSettings,
    candidate_worker,
    failed_evaluation,
)
from asymnas.search.results import cost_record
from asymnas.task import Measurement, Task


@pytest.fixture(scope="module")
def worker():
    return toy_candidates()


@pytest.fixture(scope="module")
def architectures(worker):
    return [worker.task.space.sample(rng_for(seed, "worker test")) for seed in range(2)]


def asked(architecture, split="validation", conditions=("both",), **more):
    return Request.of(architecture, split, conditions, **more)


def test_evaluation_holds_everything(worker, architectures):
    found = worker.handle(asked(architectures[0]))
    assert found.ok and found.genes == architectures[0].genes
    assert list(found.items) == ["validation/0", "validation/1", "validation/2"]
    values = np.array(list(found.items.values()))
    assert (found.value, found.se) == (values.mean(), values.std(ddof=1) / np.sqrt(3))
    assert found.by_condition == {"both": found.value}
    assert (found.split, found.conditions, found.reward, found.recalibration) == ("validation", ["both"], "near", 2)
    assert found.cost == cost_record(worker.task.space.cost(architectures[0]))
    assert found.facts == {"images": 3} and found.measures["error"] > 0 and found.seconds > 0
    assert found.kept is found.statistics is None


def test_no_candidate_leaves_a_trace(worker, architectures):
    before = {name: value.clone() for name, value in worker.model.state_dict().items()}
    one, two, again = (worker.handle(asked(architectures[index])) for index in (0, 1, 0))
    assert one.but(seconds=0) == again.but(seconds=0) == toy_candidates().handle(asked(architectures[0])).but(seconds=0)
    assert one.items != two.items
    assert all(torch.equal(value, before[name]) for name, value in worker.model.state_dict().items())


def test_conditions_are_joined_item_by_item(worker, architectures):
    both, left, joined = (
        worker.handle(asked(architectures[0], conditions=conditions))
        for conditions in (("both",), ("left",), ("both", "left"))
    )
    assert both.items != left.items
    assert joined.items == {name: np.mean([both.items[name], left.items[name]]) for name in both.items}
    assert joined.by_condition == {"both": both.value, "left": left.value}
    assert joined.measures["error"] == pytest.approx((both.measures["error"] + left.measures["error"]) / 2)


def test_what_is_kept_comes_with_the_statistics_it_was_made_with(worker, architectures):
    found = worker.handle(asked(architectures[0], conditions=("both", "left"), keep=True))
    assert {name: len(kept) for name, kept in found.kept.items()} == {"both": 3, "left": 3}
    path = architectures[0].genes
    with recalibrated(worker.model, lambda batch: worker.model(batch, path), worker.batches):
        expected = statistics_of(worker.model)
    assert all(np.array_equal(found.statistics[name], value) for name, value in expected.items())


def test_threads_are_set_and_restored(worker, architectures, monkeypatch):
    during, original = [], worker.model.forward

    def spy(batch, path):
        during.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return original(batch, path)

    monkeypatch.setattr(worker.model, "forward", spy)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        worker.handle(asked(architectures[0]))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(during) == {(1, True)}


def test_a_baseline_has_no_path_cost_or_condition(worker):
    found = worker.handle(Request(baseline="half", split="test", keep=True))
    assert (found.baseline, found.genes, found.cost, found.recalibration) == ("half", None, {}, 0)
    assert found.by_condition == {} and found.kept == {"": [0.5] * 5} and found.value > 0
    with pytest.raises(JobError, match="no baseline of this name"):
        Task.measure_baseline(worker.task, "x", "test", reward=worker.task.reward)


def test_a_reward_may_have_a_rule_of_its_own(architectures):
    worker = toy_candidates()
    rewards = worker.task.rewards
    worker.task.rewards = {"best": rewards["best"]}
    found = worker.handle(asked(architectures[0], conditions=("both", "left")))
    assert found.reward == "best" and found.value == max(found.items.values()) < max(found.by_condition.values()) + 1
    assert found.se > 0


def test_an_item_without_a_value_is_named(architectures, monkeypatch):
    worker = toy_candidates()
    monkeypatch.setattr(worker.task, "measure", lambda *_, **__: Measurement(values={"validation/0": 0.5}))
    with pytest.raises(EvaluationError, match="2 of 3 have no value, but got none for validation/1"):
        worker.handle(asked(architectures[0]))


def test_a_value_that_is_not_finite_names_the_item(architectures):
    worker = toy_candidates()
    with torch.no_grad():
        worker.model.head.bias.fill_(float("nan"))
    (found,) = InProcessPool(lambda: worker, failed=failed_evaluation).map([asked(architectures[0])])
    assert not found.ok and found.score is None
    assert "validation, both: the reward of every item must be finite, but 3 are not" in found.error
    assert "validation/0" in found.error


def test_facts_are_numbers_and_texts(worker, architectures, monkeypatch):
    split = worker.task.splits["validation"]
    measured = Measurement(values=dict.fromkeys(split.items, 0.5), facts={"frames": [1, 2]})
    monkeypatch.setattr(worker.task, "measure", lambda *given, **more: measured)
    (found,) = InProcessPool(lambda: worker, failed=failed_evaluation).map([asked(architectures[0])])
    assert not found.ok and "facts.frames" in found.error


def test_an_unknown_reward_is_named():
    with pytest.raises(JobError, match=r"evaluation.reward: .* Did you mean 'near'"):
        assert open_toy(evaluation=ToyEvaluation(reward="nearr")).reward


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"split": "validatoin"}, "Did you mean 'validation'"),
        ({"conditions": ("lefft",)}, "Did you mean 'left'"),
        ({"genes": (("left.stage1.block1", "shuffle_9x9"),)}, "9x9"),
    ],
)
def test_wrong_requests_fail_with_a_reason(worker, architectures, change, text):
    pool = InProcessPool(lambda: worker, failed=failed_evaluation)
    (found,) = pool.map([replace(asked(architectures[0]), **change)])
    assert text in found.error


def test_built_from_a_weight_file_it_gives_the_same(worker, architectures, tmp_path):
    save_weights(tmp_path / "w.safetensors", worker.model, {})
    again = candidate_worker(partial(open_toy), str(tmp_path / "w.safetensors"))
    assert again.handle(asked(architectures[0])).but(seconds=0) == worker.handle(asked(architectures[0])).but(seconds=0)


def test_settings_of_a_task_name_all_that_a_score_depends_on(architectures):
    settings = ScoreSettings.of(open_toy(), "w")
    assert settings.splits == {"validation": "validation", "test": "test"} and settings.reward == "near"
    assert settings.task == {"name": "toy", "head": 4}
    assert settings.recalibration == {"seed": 0, "batches": 2, "batch_size": 6}
    assert settings.key(asked(architectures[0])) != ScoreSettings.of(open_toy(seed=1), "w").key(asked(architectures[0]))
