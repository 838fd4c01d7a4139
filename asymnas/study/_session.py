"""What the stages of a run share: run folder, task, pool of workers and progress."""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from asymnas.core.runtime.actors import ActorPool
from asymnas.core.runtime.pool import InProcessPool, Pool
from asymnas.job import Job, Resources
from asymnas.runs.folder import RunFolder
from asymnas.runs.statistics import STATISTICS, save_statistics, statistics_key
from asymnas.runs.times import Reporter, StageTimes
from asymnas.search import (
    Evaluation,
    Request,
    ResultLog,
    ScoreSettings,
    candidate_worker,
    evaluate_logged,
    failed_evaluation,
)
from asymnas.space import Architecture
from asymnas.task import Task
from asymnas.training import TrainingConfig, TrainingProgress, TrainingResult, TrainingSetup

logger = logging.getLogger("asymnas.study")

OnEvaluation = Callable[[Evaluation], None]
"""Called with each evaluation once it is in the log, those of an earlier process included."""


class Session:
    """One run of a job: the objects that its stages share."""

    def __init__(
        self, job: Job, run: RunFolder, progress: Reporter | None, on_evaluation: OnEvaluation | None = None
    ) -> None:
        self.job, self.run, self.on_evaluation = job, run, on_evaluation
        self.times = self.progress = StageTimes(run, progress)
        self.task = job.open()
        self.space, self.reward = self.task.space, self.task.reward
        run.write_json("space.json", self.space.to_dict())
        self.task.load()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and note its beginning and end."""
        began = time.perf_counter()
        logger.info("%s: begins", name)
        with self.times.stage(name):
            yield
        logger.info("%s: %.1f s", name, time.perf_counter() - began)

    def train(self, trainer: Callable[..., TrainingResult], *given: Any, **options: Any) -> TrainingResult:
        """Prepare the data, then train by `train_supernet` or `train_subnet`, whose first settings are `given`."""
        with self.stage("preparation"):
            self.task.prepare(lambda done, total: self.progress.update("preparation", done, total))
        resources = self.job.resources
        with self.stage("training"):
            return trainer(
                partial(training_setup, self.job),
                *given,
                training_config(self.job),
                self.run.folder,
                engine=resources.engine,
                resume=True,
                on_progress=self._trained,
                address=resources.address,
                cpus=self._cpus,
                **options,
            )

    def _trained(self, state: TrainingProgress) -> None:
        text = f"loss {state.losses['total']:.3f}, {state.samples_per_second:.0f} samples/s"
        self.progress.update("training", state.step, state.steps, text, state.eta_seconds)

    @property
    def _cpus(self) -> int:
        """Logical CPUs that Ray on this machine must offer: the first stage starts it for all of them."""
        resources = self.job.resources
        wanted = max(resources.workers * resources.cpus_per_worker, self.job.training.workers * resources.torch_threads)
        return max(os.cpu_count() or 1, math.ceil(wanted))

    def pool(
        self, open_task: Callable[[], Task] | None = None, weights: Path | None = None
    ) -> Pool[Request, Evaluation]:
        """Return what scores candidates, in this process or on Ray; task and weights are the run's own by default."""
        resources = self.job.resources
        device = "cuda" if resources.gpus_per_worker else "cpu"
        file = str((weights or self.run.weights).resolve())
        factory = partial(candidate_worker, open_task or self.job.open, file, device, resources.torch_threads)
        return worker_pool(resources, factory, failed_evaluation, gpus=resources.gpus_per_worker)

    def counter(self, stage: str, total: int) -> Callable[[Evaluation, bool], None]:
        """Return what is called with each evaluation of a stage: it shows how many there are, and passes them on."""
        count = itertools.count(1)

        def add(evaluation: Evaluation, fresh: bool) -> None:
            if self.on_evaluation is not None:
                self.on_evaluation(evaluation)
            self.progress.update(stage, next(count), total)

        return add

    def evaluated(
        self,
        requests: Mapping[str, Request],
        architecture: Architecture,
        *,
        pool: Pool[Request, Evaluation],
        log: ResultLog,
        settings: ScoreSettings,
    ) -> dict[str, Evaluation]:
        """Evaluate the requests of the last stage, by name; what the task keeps of them is written as they complete.

        `architecture` is the found one; `settings` give the requests' keys.
        """
        keeper = None
        if any(request.split == "test" for request in requests.values()):
            keeper = self.task.keeper(self.run.folder, architecture, settings.weights)
        asked, wanted = dict(requests), set()
        for name, request in requests.items():
            if keeper is not None and request.split == "test" and keeper.wants(name, settings.key(request)):
                wanted.add(name)
            if name in wanted or (name == "best" and not (self.run.folder / STATISTICS).is_file()):
                asked[name] = replace(request, keep=True)
        statistics = statistics_key(self.job, architecture, settings.weights, **self.task.model_fingerprint())
        names, count = list(asked), self.counter("test", len(asked))

        def finished(evaluation: Evaluation, fresh: bool) -> None:
            name = names[evaluation.index]
            if name == "best" and evaluation.statistics is not None:
                save_statistics(self.run.folder, statistics, evaluation.statistics)
            if keeper is not None and name in wanted and evaluation.kept is not None:
                keeper.add(name, evaluation)
            count(evaluation, fresh)

        with self.stage("test"):
            results = evaluate_logged(
                list(asked.values()), pool, log, settings=settings, stage="test", on_result=finished
            )
            named = dict(zip(names, results, strict=True))
            if keeper is not None:
                keeper.finish(named)
        return named


def worker_pool(resources: Resources, factory: Callable[[], Any], failed: Any, *, gpus: float = 0.0) -> Pool[Any, Any]:
    """Return the pool of a job's workers, in this process or on Ray; `factory` and `failed` as for `ActorPool`."""
    shared: dict[str, Any] = {"failed": failed, "threads": resources.torch_threads}
    if resources.engine == "inprocess":
        return InProcessPool(factory, **shared)
    return ActorPool(
        factory,
        workers=resources.workers,
        address=resources.address,
        cpus_per_worker=resources.cpus_per_worker,
        gpus_per_worker=gpus,
        **shared,
    )


def training_setup(job: Job) -> TrainingSetup:
    """Return the model and the batches of a job's training; each worker makes its own."""
    task = job.open()
    metadata = {"space": task.space.hash, "task": job.task}
    return TrainingSetup(model=task.model(), batches=task.batches("training"), metadata=metadata)


def training_config(job: Job) -> TrainingConfig:
    """Return the settings of a job's training."""
    return TrainingConfig(**job.training.model_dump(), seed=job.seed, threads=job.resources.torch_threads)
