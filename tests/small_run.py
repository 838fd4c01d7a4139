"""Fixtures: a main job that takes seconds, and the command line as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = (
    "data.train.sources=[{dataset: synthetic, split: train, videos: 6, frames: 8, frame_range: 4}]",
    "data.validation.sources=[{dataset: synthetic, split: val, videos: 5, frames: 6}]",
    "data.test.sources=[{dataset: synthetic, split: test, videos: 4, frames: 6}]",
    "tracker.channels=16",
    "tracker.head_depth=1",
    "training.steps=8",
    "training.batch_size=8",
    "training.warmup_steps=2",
    "training.warmup_path_steps=2",
    "training.checkpoint_every=2",
    "training.log_every=1",
    "search.population=4",
    "search.parents=2",
    "search.mutants=2",
    "search.children=1",
    "search.generations=3",
    "baselines.random_architectures=2",
    "evaluation.pairs.items=24",
    "evaluation.ladder=[{reward: pair_loss, items: 12}, {reward: suc, items: 3}]",
    "evaluation.finals=[{reward: pair_loss, items: 8}, {reward: suc, items: 2}]",
    "search.estimator=true",
    "search.finalists=2",
    "evaluation.recalibration={batches: 2, batch_size: 8}",
)


INPROCESS = ("resources.engine=inprocess", "resources.workers=1", "training.workers=1")


class Silent:
    """A reporter that only remembers the stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def update(self, stage, done, total, text="", eta=None):
        if not self.stages or self.stages[-1] != stage:
            self.stages.append(stage)


@pytest.fixture(scope="session")
def silent() -> type[Silent]:
    """A reporter that shows nothing."""
    return Silent


@pytest.fixture(scope="session")
def inprocess() -> tuple[str, ...]:
    """Overrides that run a job in this process."""
    return INPROCESS


@pytest.fixture(scope="session")
def reference(small, tmp_path_factory):
    """An uninterrupted in-process run: folder, summary and stages."""
    from asymnas.job import load_job
    from asymnas.study import run_job

    folder = tmp_path_factory.mktemp("reference") / "run"
    reporter = Silent()
    job = load_job("vlt_scar", [*INPROCESS, *small])
    return folder, run_job(job, folder, progress=reporter), reporter.stages


@pytest.fixture(scope="session")
def small() -> list[str]:
    """Overrides that make the embedded job take seconds."""
    return list(SMALL)


@pytest.fixture(scope="session")
def command():
    """Return a function that starts `asymnas` with arguments in a folder."""
    program = Path(sys.executable).parent / "asymnas"

    def start(*arguments: str, folder: Path) -> subprocess.Popen:
        environment = dict(os.environ, OMP_NUM_THREADS="1", ASYMNAS_CACHE=str(folder.parent / "cache"))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([str(program), *arguments], cwd=folder, env=environment, text=True, **pipes)

    return start


@pytest.fixture(scope="session")
def sets(small) -> list[str]:
    """The overrides as command-line arguments."""
    return [word for override in small for word in ("--set", override)]
