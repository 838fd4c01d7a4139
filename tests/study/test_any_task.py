"""A study of a task that is not tracking: jobs of its own model, a whole run, its log and its summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_task import BRANCHES, ToyTask, toy_space

from asymnas.core.errors import JobError, Problem
from asymnas.job import Job, load_job, validate_file
from asymnas.runs import read_run
from asymnas.space import load_architecture
from asymnas.study import dry_run, retrain, run_job
from asymnas.task import TASKS, TaskPlugin


class GuessJob(Job):
    """A job of the toy task with a key of its own."""

    level: float = 0.5


class GuessTask(ToyTask):
    """The toy task over the job's space, opened as jobs open it."""

    def keeper(self, run: Path, architecture: Any, weights: str) -> Any:
        return Keeper(run)


class Keeper:
    """Counts what it is given."""

    def __init__(self, run: Path) -> None:
        self.run, self.given = run, []

    def wants(self, name: str, key: str) -> bool:
        return name == "best left"

    def add(self, name: str, evaluation: Any) -> None:
        self.given.append(name)
        assert list(evaluation.kept) == ["left"] and len(evaluation.kept["left"]) == 5

    def finish(self, results: Any) -> None:
        (self.run / "kept.txt").write_text(" ".join(self.given))


class GuessPlugin(TaskPlugin):
    name = "guess"
    summary = "the toy task"
    places = ("level",)

    def schema(self) -> type[Job]:
        return GuessJob

    def open(self, job: Any) -> GuessTask:
        return GuessTask(job)

    def check(self, document: Any, job: Any, dropped: Any) -> Any:
        if job is not None and job.level > 1:
            yield Problem(document.where(("level",)), "must be at most 1", str(job.level))


@pytest.fixture(autouse=True)
def guess():
    """Register the task for a test."""
    TASKS.register("guess", GuessPlugin(), replace=True)
    yield
    del TASKS._objects["guess"]


def _job(**values: Any) -> dict[str, Any]:
    return {
        "task": "guess",
        "name": "g",
        "space": toy_space(2, BRANCHES).to_dict(),
        "training": {"steps": 4, "batch_size": 12, "shards": 2},
        "search": {"population": 3, "parents": 2, "mutants": 1, "children": 1, "generations": 2},
        "baselines": {"random_architectures": 2},
        "evaluation": {"recalibration": {"batches": 2, "batch_size": 6}},
        "resources": {"engine": "inprocess"},
    } | values


def test_a_whole_run_of_another_task(tmp_path: Path) -> None:
    job = load_job(_job())
    assert isinstance(job, GuessJob)
    summary = run_job(job, tmp_path / "run")
    assert (summary.task, summary.noun, summary.reward.title) == ("guess", "images", "nearness")
    assert summary.validation.facts == {"images": 3} and set(summary.validation.by_condition) == {"both", "left"}
    assert set(summary.test.baselines) == {"half"} and summary.test.baselines["half"].difference is not None
    (effect,) = summary.test.conditions
    assert (effect.reference, effect.other, effect.n) == ("both", "left", 5)
    assert (tmp_path / "run" / "kept.txt").read_text() == "best left"
    run = read_run(tmp_path / "run")
    assert run.summary == summary and run.so_far.evaluated == 6
    score = load_architecture(tmp_path / "run" / "architecture.json").score
    assert (score["metric"], score["images"], score["conditions"]) == ("nearness", 3, ["both", "left"])
    again = retrain(tmp_path / "run" / "architecture.json", job, tmp_path / "again")
    assert again.kind == "retrain" and again.architecture == summary.architecture and again.search is None


def test_a_dry_run_of_another_task() -> None:
    found = dry_run(load_job(_job()))
    assert found["training_step"]["samples"] == 6 and found["candidate"]["images"] == 3
    assert found["stand_ins"] == []


def test_the_model_and_the_rules_of_a_task_count(tmp_path: Path) -> None:
    assert load_job(_job(level=0.25)).hash == load_job(_job()).hash
    for values, told in (({"levle": 1}, "Did you mean 'level'"), ({"level": 2.0}, "level: must be at most 1")):
        with pytest.raises(JobError, match=told):
            load_job(_job(**values))
    with pytest.raises(JobError, match=r"search\.temperature: unknown key"):
        load_job(_job(), ["search.temperature=1"])
    file = tmp_path / "x.yaml"
    file.write_text("extends: vlt_scar\nname: x\ntask: trakcing\n")
    (problem,) = validate_file(file)
    assert problem.where == f"{file}:3: task" and problem.way_out == "Did you mean 'tracking'?"
