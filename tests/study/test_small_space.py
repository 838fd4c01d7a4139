"""A space that is small for its job: what is too much is told before training, and the rest is made do with."""

from __future__ import annotations

import pytest

from asymnas.core.errors import SearchSpaceExhausted
from asymnas.job import load_job
from asymnas.space import load_architecture
from asymnas.study import _run, run_job

SPACE = (
    "space={extends: tiny_asymmetric, name: sixteen, fix: {template.*: shuffle_3x3, search.stage*: shuffle_3x3, "
    "search.*.mixed: shuffle_3x3, search.mixer3.*: shuffle_3x3, search.mixer4.*: shuffle_3x3}}"
)


class Silent:
    """A reporter that says nothing."""

    def update(self, stage, done, total, text="", eta=None):
        pass


@pytest.fixture
def sixteen(small):
    """A job of seconds over 16 architectures: 8 evaluations and the default of 20 random architectures."""
    overrides = ["resources.engine=inprocess", "resources.workers=1", "training.workers=1", *small, SPACE]
    overrides += ["search.generations=2", "training.steps=3", "training.warmup_path_steps=0", "training.warmup_steps=0"]
    return load_job("vlt_scar", [*overrides, "~baselines.random_architectures"])


def test_random_architectures_are_all_that_there_are(sixteen, tmp_path):
    assert sixteen.baselines.random_architectures == 20
    random = run_job(sixteen, tmp_path / "run", progress=Silent()).test.random_architectures
    assert (random.n, random.asked) == (16, 20)


def test_the_architecture_is_written_before_the_test_stage(sixteen, tmp_path, monkeypatch):
    class PowerCut(Exception):
        pass

    def cut(*_, **__):
        raise PowerCut

    monkeypatch.setattr(_run, "final_requests", cut)
    run = tmp_path / "run"
    with pytest.raises(PowerCut):
        run_job(sixteen, run, progress=Silent())
    assert not (run / "summary.json").exists()
    found = load_architecture(run / "architecture.json").architecture.genes
    monkeypatch.undo()
    assert run_job(sixteen, run, resume=True, progress=Silent()).search.genes == found


def test_too_many_evaluations_are_told_before_training(sixteen, tmp_path):
    search = sixteen.search.model_copy(update={"generations": 5})
    with pytest.raises(SearchSpaceExhausted, match="'sixteen' has only 16"):
        run_job(sixteen.model_copy(update={"search": search}), tmp_path / "run", progress=Silent())
    assert not (tmp_path / "run" / "training.jsonl").exists()
