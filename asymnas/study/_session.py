"""What the stages of a run share: run folder, videos, sentences, evaluator and progress."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from asymnas.core.errors import DataError, Problem
from asymnas.job import Job
from asymnas.language import SentenceTable
from asymnas.runs.folder import RunFolder
from asymnas.runs.times import Reporter, StageTimes, TimedReporter
from asymnas.search import (
    Evaluation,
    Evaluator,
    InProcessEvaluator,
    RayEvaluator,
    ResultLog,
    ScoreSettings,
    Task,
    evaluate_logged,
)
from asymnas.space import Architecture, SearchSpace
from asymnas.tracking.data import Video
from asymnas.tracking.data.lazy import described_by, suspects
from asymnas.tracking.task.data import check_held_out, options_of, sentences_of, space_of, train_datasets, video_set
from asymnas.tracking.task.kept import Keepsakes
from asymnas.tracking.task.workers import candidate_worker, threads_of, training_config
from asymnas.training import TrainingProgress

__all__ = ["Reporter", "Session"]

logger = logging.getLogger("asymnas.study")


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        problems += error.problems


class Session:
    """One run of a job: the objects that its stages share.

    Args:
        job: the job.
        run: its open run folder.
        progress: told of every step.
    """

    def __init__(self, job: Job, run: RunFolder, progress: Reporter) -> None:
        self.job = job
        self.run = run
        self.times = StageTimes(run)
        self.progress: Reporter = TimedReporter(progress, self.times)
        self.space: SearchSpace = space_of(job)
        options_of(job)
        run.write_json("space.json", self.space.to_dict())
        self._load()
        if "test" in self.sets:
            test = self.sets["test"][0]
            trained = [video for dataset in self.train for video in suspects(dataset.videos, test)]
            check_held_out(test, {"data.validation": self.sets["validation"][0], "data.train": trained})
        self.sentences: SentenceTable = sentences_of(job)

    def _load(self) -> None:
        """Load all videos; what is wrong with any of them is told at once."""
        problems: list[Problem] = []
        self.sets: dict[str, tuple[list[Video], str]] = {}
        for name in ("validation", "test"):
            if getattr(self.job.data, name):
                with _collected(problems):
                    self.sets[name] = video_set(self.job, name)
        with _collected(problems):
            self.train = train_datasets(self.job)
        if problems:
            raise DataError(list(dict.fromkeys(problems)))

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage, those of earlier processes included."""
        return self.times.seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and note its beginning and end."""
        began = time.perf_counter()
        logger.info("%s: begins", name)
        with self.times.stage(name):
            yield
        logger.info("%s: %.1f s", name, time.perf_counter() - began)

    def prepare_sentences(self) -> None:
        """Embed every sentence once, before workers need them."""
        wanted = {video.sentence for videos, _ in self.sets.values() for video in videos if video.sentence}
        wanted = wanted.union(*(described_by(dataset.videos) for dataset in self.train))
        self.sentences.prepare(
            sorted(wanted), on_progress=lambda done, total: self.progress.update("sentences", done, total)
        )

    def trained(self, state: TrainingProgress) -> None:
        """Show how far training is."""
        text = f"loss {state.losses['total']:.3f}, {state.pairs_per_second:.0f} pairs/s"
        self.progress.update("training", state.step, state.steps, text, state.eta_seconds)

    def settings(self, weights: str) -> ScoreSettings:
        """Return all that a score depends on, for a supernet of that weights hash."""
        job = self.job
        return ScoreSettings(
            space=self.space.hash,
            weights=weights,
            videos={name: fingerprint for name, (_, fingerprint) in self.sets.items()},
            recalibration=job.evaluation.recalibration.model_dump()
            | {
                "seed": job.seed,
                "train": job.data.train.model_dump(mode="json"),
                "videos": [dataset.fingerprint for dataset in self.train],
            },
            tracker=job.tracker.model_dump(mode="json"),
            sentences=f"{self.sentences.name}-{self.sentences.fingerprint}",
            protocol=job.evaluation.protocol,
        )

    @property
    def cpus(self) -> int:
        """Logical CPUs that Ray on this machine must offer: the first stage starts it for all of them."""
        resources, training = self.job.resources, training_config(self.job)
        wanted = max(resources.workers * resources.cpus_per_worker, training.workers * training.threads)
        return max(os.cpu_count() or 1, math.ceil(wanted))

    def evaluator(self) -> Evaluator:
        """Return what scores candidates, in this process or on Ray."""
        resources = self.job.resources
        factory = partial(candidate_worker, self.job, str(self.run.weights.resolve()), tuple(self.sets))
        threads = threads_of(resources)
        if resources.engine == "inprocess":
            return InProcessEvaluator(factory, threads=threads)
        return RayEvaluator(
            factory,
            workers=resources.workers,
            address=resources.address,
            cpus_per_worker=resources.cpus_per_worker,
            gpus_per_worker=resources.gpus_per_worker,
            threads=threads,
        )

    def counter(self, stage: str, total: int) -> Callable[[Any], None]:
        """Return a callback that counts the finished tasks of a stage."""
        done = 0

        def count(_: Any) -> None:
            nonlocal done
            done += 1
            self.progress.update(stage, done, total)

        return count

    def evaluated(
        self,
        tasks: Mapping[str, Task],
        architecture: Architecture,
        *,
        evaluator: Evaluator,
        log: ResultLog,
        settings: ScoreSettings,
    ) -> dict[str, Evaluation]:
        """Evaluate the tasks of the last stage; what the run keeps of them is written as they complete.

        Args:
            tasks: by name, those of `final_tasks` if the job has test videos.
            architecture: the found one.
            evaluator: who evaluates.
            log: the log.
            settings: give the tasks' keys.

        Returns:
            The evaluations by the tasks' names.
        """
        count = self.counter("test", len(tasks))
        kept = None
        if "test" in self.sets:
            kept = Keepsakes(self.run.path, self.job, self.sets["test"][0], architecture, settings, self.sentences)
            tasks = kept.asking(tasks)

        def done(evaluation: Evaluation) -> None:
            if kept is not None:
                kept.add(evaluation)
            count(evaluation)

        wanted = list(tasks.values())
        results = evaluate_logged(wanted, evaluator, log, settings=settings, stage="test", on_result=done)
        named = dict(zip(tasks, results, strict=True))
        if kept is not None:
            kept.draw(named)
        return named

    def report(self) -> None:
        """Write report.html."""
        from asymnas.report import write_report  # matplotlib is only needed here

        write_report(self.run.path)
