"""Dry runs build the real thing, say what stands in, and do not pass over what is wrong with a job."""

from __future__ import annotations

import pytest

from asymnas.core.errors import JobError, WeightsError
from asymnas.job import Job, load_job
from asymnas.study import dry_run

SMALL = (
    "resources.engine=inprocess",
    "resources.workers=1",
    "training.workers=1",
    "data.train.sources=[{dataset: synthetic, split: train, videos: 3, frames: 4}]",
    "data.validation.sources=[{dataset: synthetic, split: val, videos: 2, frames: 4}]",
    "tracker.channels=8",
    "tracker.head_depth=1",
    "search={population: 4, parents: 2, mutants: 2, children: 2, generations: 3}",
    "training.batch_size=4",
)


class Silent:
    def update(self, *given, **named) -> None:
        """Show nothing."""


def job(*overrides: str) -> Job:
    return load_job("vlt_scar", [*SMALL, *overrides])


def test_a_step_of_fair_sampling_counts_all_its_paths(monkeypatch):
    monkeypatch.delenv("ASYMNAS_DATA", raising=False)
    missing = "data.validation.sources=[{dataset: got10k, split: val}]"
    found = dry_run(job("training.sampling=fair", "training.optimizer=sgd", missing), Silent())
    step, whole = found["training_step"], found["whole_training"]
    assert (step["samples"], step["paths_a_step"]) == (2, 4)  # one of two shards
    assert whole["hours_here_estimated"] == pytest.approx(whole["samples"] / step["samples_per_second"] / 3600)
    assert ["ASYMNAS_DATA" in note for note in found["stand_ins"]] == [True]
    assert 0 < found["path_parameters"] < found["parameters"]
    assert found["whole_search"] == {"evaluations": 12, "random_search": 12}


def test_weights_and_patterns_that_do_not_fit_are_told(tmp_path):
    with pytest.raises(JobError, match=r"training\.initial_weights"):
        job(f"training.initial_weights={tmp_path / 'none.safetensors'}")
    (tmp_path / "empty.safetensors").touch()
    with pytest.raises(WeightsError, match=r"empty\.safetensors"):
        dry_run(job(f"training.initial_weights={tmp_path / 'empty.safetensors'}"), Silent())
    with pytest.raises(JobError, match="must match a parameter's name"):
        dry_run(job('training.lr_scale={"*.steem.*": 0.1}'), Silent())
