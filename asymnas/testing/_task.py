"""The contract of a task as a test class that its author subclasses."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel

from asymnas.core.seeding import rng_for
from asymnas.search import CandidateWorker, Evaluation, Request, ScoreSettings
from asymnas.space import Architecture
from asymnas.task import TASKS, Reward, Task, TaskModel


class TaskContract:
    """What every task must keep: subclass it and override the fixture `job` with a small job of the task.

    Example:
        class TestMine(TaskContract):
            @pytest.fixture(scope="class")
            @classmethod
            def job(cls):
                return load_job("mine_small.yaml")
    """

    shards = 2
    """Parts that the job's batch size can be shared out in."""

    @pytest.fixture(scope="class")
    @classmethod
    def job(cls) -> Any:
        """The job under test, of the task's own schema."""
        raise pytest.UsageError("A subclass of TaskContract must override the fixture `job`.")

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, job: Any) -> Task:
        """The task, opened and loaded once a class."""
        return cls.opened(job)

    @staticmethod
    def opened(job: Any) -> Task:
        """Open and load the task of a job as a run does."""
        task = TASKS.get(job.task).open(job)
        task.load()
        task.prepare(lambda done, total: None)
        return task

    @pytest.fixture(scope="class")
    @classmethod
    def architecture(cls, task: Task) -> Architecture:
        """Some architecture of the space."""
        return task.space.sample(rng_for(0, "contract"))

    @pytest.fixture(scope="class")
    @classmethod
    def worker(cls, task: Task) -> CandidateWorker:
        """What a search scores candidates with, over untrained weights and two recalibration batches."""
        return cls.scoring(task)

    @staticmethod
    def scoring(task: Task) -> CandidateWorker:
        """Build the worker of a task."""
        source = task.batches("recalibration")
        return CandidateWorker(task, task.model(), [source.batch(step) for step in range(2)])

    def test_it_is_registered_and_describes_itself(self, job, task) -> None:
        plugin = TASKS.get(job.task)
        assert plugin.summary
        assert isinstance(job, plugin.schema())
        assert task.conditions and set(task.scored) <= set(task.conditions) and task.scored
        assert all(reward.name == name and reward.title for name, reward in task.rewards.items())
        assert task.reward in task.rewards.values()

    def test_unknown_keys_of_the_job_are_errors(self, job) -> None:
        for section in _sections([job]):
            kept = section.model_config.get("extra", "ignore") != "ignore"
            assert kept, f"{type(section).__name__} ignores unknown keys: derive it from asymnas.job.JobModel"

    def test_splits_have_items_of_their_own(self, task) -> None:
        assert "validation" in task.splits
        for split in task.splits.values():
            assert split.items and len(set(split.items)) == len(split.items)
            assert split.noun and set(split.parts) <= set(split.items)
        assert len({split.fingerprint for split in task.splits.values()}) == len(task.splits)

    def test_scores_have_the_same_keys_wherever_it_is_opened(self, job, task) -> None:
        """Workers open the job that was sent to them; fingerprints are JSON."""
        again = self.opened(pickle.loads(pickle.dumps(job)))
        assert again.space.hash == task.space.hash
        assert dict(again.splits) == dict(task.splits)
        assert ScoreSettings.of(again, "weights") == ScoreSettings.of(task, "weights")
        request = Request(genes=(("a", "b"),), conditions=("x",))
        assert ScoreSettings.of(task, "weights").key(request) != ScoreSettings.of(task, "others").key(request)

    @pytest.mark.parametrize("purpose", ["training", "recalibration"])
    def test_batches_depend_on_step_and_shard_alone(self, job, task, purpose) -> None:
        source, again = task.batches(purpose), self.opened(job).batches(purpose)
        parts = [source.batch(1, shard, self.shards) for shard in range(self.shards)]
        source.batch(0)
        for shard, part in enumerate(parts):
            assert _same(part, again.batch(1, shard, self.shards))
            assert len(part) == len(part.names) == source.batch_size // self.shards
        whole = source.batch(1)
        assert [name for part in parts for name in part.names] == list(whole.names)
        assert not _same(whole, source.batch(2))

    def test_purposes_draw_different_batches(self, task) -> None:
        training, recalibration = (task.batches(purpose).batch(0) for purpose in ("training", "recalibration"))
        assert not _same(training, recalibration)

    def test_weights_depend_on_the_seed_alone(self, job, task) -> None:
        one, two = task.model().state_dict(), self.opened(job).model().state_dict()
        assert one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())

    def test_the_loss_reaches_active_parameters_alone(self, task, architecture) -> None:
        model, path = _model(task), architecture.genes
        batch = task.batches("training").batch(0).to("cpu")
        losses = model.train().loss(batch, path)
        assert "total" in losses
        assert all(value.ndim == 0 and torch.isfinite(value) for value in losses.values())
        losses["total"].backward()
        named = dict(model.named_parameters())
        reached = {name for name, value in named.items() if value.grad is not None}
        active = model.active_parameters(path)
        assert reached and reached <= set(active) <= set(named)
        assert active == model.active_parameters(path)

    def test_the_path_is_an_argument(self, task, architecture) -> None:
        model, batch = _model(task).train(), task.batches("training").batch(0).to("cpu")
        other = next(iter(task.space.neighbours(architecture)))
        totals = []
        for path in (architecture.genes, other.genes, architecture.genes):
            torch.manual_seed(0)
            with torch.no_grad():
                totals.append(float(model.loss(batch, path)["total"]))
                model(batch, path)
        assert totals[0] == totals[2] != totals[1]

    def test_every_item_is_measured_under_every_condition(self, task, worker, architecture) -> None:
        before = {name: value.clone() for name, value in worker.model.state_dict().items()}
        for name, split in task.splits.items():
            measured = [reward for reward in task.rewards.values() if reward.split == name] or [task.reward]
            for reward, condition in itertools.product(measured, task.conditions):
                found = worker.handle(Request.of(architecture, name, (condition,), reward=reward.name))
                assert list(found.items) == list(split.items)
                _check_score(found, reward)
                assert found.by_condition == {condition: found.value}
        assert all(torch.equal(value, before[name]) for name, value in worker.model.state_dict().items())

    def test_a_rung_measures_the_first_items_of_the_nested_order(self, task, worker, architecture) -> None:
        for reward in task.rewards.values():
            split = task.splits[reward.split]
            assert sorted(split.nested) == sorted(split.items)
            request = Request.of(architecture, reward.split, task.scored, reward=reward.name)
            whole, part = worker.handle(request), worker.handle(replace(request, span=(0, 2)))
            assert list(part.items) == list(split.nested[:2])
            assert part.items == pytest.approx({item: whole.items[item] for item in part.items}, abs=0.05)

    def test_a_score_is_a_function_of_its_arguments(self, job, worker, architecture, task) -> None:
        request = Request.of(architecture, "validation", task.scored)
        first = worker.handle(request)
        worker.handle(Request.of(task.space.sample(rng_for(1, "contract")), "validation", task.scored))
        elsewhere = self.scoring(self.opened(pickle.loads(pickle.dumps(job))))
        for again in (worker.handle(request), elsewhere.handle(request)):
            assert again.but(seconds=0.0) == first.but(seconds=0.0)
        kept = worker.handle(Request.of(architecture, "validation", task.scored, keep=True))
        assert (kept.items, kept.value) == (first.items, first.value)
        assert kept.kept is not None and set(kept.kept) == set(task.scored)

    def test_every_reward_has_values_and_a_whole(self, task, worker, architecture) -> None:
        path = architecture.genes
        for reward in task.rewards.values():
            items, given = task.splits[reward.split].items, {"reward": reward, "condition": task.conditions[0]}
            with torch.inference_mode():
                found = task.measure(worker.model, path, reward.split, items=items, **given)
                few = task.measure(worker.model, path, reward.split, items=items[1::2], **given).values
            values = {item: found.values[item] for item in items}
            assert len(found.values) == len(values)
            assert few == pytest.approx({item: values[item] for item in items[1::2]}, abs=0.05)
            whole, se = reward.value(values), reward.se(values)
            assert reward.low <= whole <= reward.high
            assert se is None if len(values) == 1 else se is not None and se >= 0

    def test_baselines_are_measured(self, task, worker) -> None:
        for name in task.baselines:
            found = worker.handle(Request(baseline=name, split="validation"))
            assert list(found.items) == list(task.splits["validation"].items)
            _check_score(found, task.reward)

    def test_a_rehearsal_is_a_task_and_says_what_is_made_up(self, task) -> None:
        rehearsal, made_up = task.rehearsal()
        assert isinstance(rehearsal, Task) and all(isinstance(line, str) for line in made_up)


def _sections(part: Any) -> Iterator[BaseModel]:
    """All models inside a part of a job."""
    if isinstance(part, BaseModel):
        part = [value for _, value in part]
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else ():
        if isinstance(value, BaseModel):
            yield value
        yield from _sections(value)


def _model(task: Task) -> Any:
    model = task.model()
    assert isinstance(model, TaskModel) and isinstance(model, torch.nn.Module)
    assert model.space.hash == task.space.hash
    return model


def _same(one: Any, other: Any) -> bool:
    """Whether two batches hold the same names and numbers."""
    return list(one.names) == list(other.names) and _equal(one.to("cpu"), other.to("cpu"))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor | np.ndarray):
        a, b = np.asarray(one), np.asarray(other)
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    fields = [*slots, *getattr(one, "__dict__", ())]
    if fields:
        return all(_equal(getattr(one, name), getattr(other, name)) for name in fields)
    return bool(one == other)


def _check_score(found: Evaluation, reward: Reward) -> None:
    assert found.ok and found.value is not None
    assert all(reward.low <= value <= reward.high and math.isfinite(value) for value in found.items.values())
    assert found.value == reward.value(found.items) and found.se == reward.se(found.items)
    found.to_json()
