"""The contract of a task: the toy keeps it, and it notices who does not."""

from __future__ import annotations

import pytest
import toy_task
from pydantic import BaseModel

from asymnas.core.seeding import rng_for
from asymnas.job import Job
from asymnas.testing import TaskContract


class TestToyTask(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def job(cls):
        return toy_task.ToyJob()


class Lax(BaseModel):
    size: int = 1


def test_sections_that_ignore_unknown_keys_are_noticed():
    class LaxJob(Job):
        data: Lax = Lax()

    TaskContract().test_unknown_keys_of_the_job_are_errors(Job(name="x", space="x"))
    with pytest.raises(AssertionError, match="Lax ignores unknown keys"):
        TaskContract().test_unknown_keys_of_the_job_are_errors(LaxJob(name="x", space="x"))


def test_batches_that_remember_are_noticed(monkeypatch):
    drawn, draw = [], toy_task.toy_batch

    def remembering(*args):
        drawn.append(args)
        return draw(*args, len(drawn))

    monkeypatch.setattr(toy_task, "toy_batch", remembering)
    task = toy_task.open_toy()
    with pytest.raises(AssertionError):
        TaskContract().test_batches_depend_on_step_and_shard_alone(task.job, task, "training")


def test_scores_that_depend_on_what_came_before_are_noticed(monkeypatch):
    task = toy_task.open_toy()
    worker, architecture = toy_task.toy_candidates(), task.space.sample(rng_for(0, "x"))
    measured, calls = worker.task._measured, []

    def drifting(batch, guess, keep):
        calls.append(keep)
        return measured(batch, guess + len(calls) / 1000, keep)

    monkeypatch.setattr(worker.task, "_measured", drifting)
    with pytest.raises(AssertionError):
        TaskContract().test_a_score_is_a_function_of_its_arguments(task.job, worker, architecture, task)
