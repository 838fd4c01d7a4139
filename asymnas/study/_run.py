"""The main job: train the supernet, search it, compare the best with baselines on held-out videos, export it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from asymnas.errors import RunFolderError
from asymnas.job import Job, RunFolder
from asymnas.language import SentenceTable
from asymnas.nn import weights_hash
from asymnas.search import (
    Evaluator,
    EvolutionSearcher,
    InProcessEvaluator,
    RandomSearcher,
    RayEvaluator,
    ResultLog,
    ScoreSettings,
    Searcher,
    SearchResult,
    evaluate_logged,
    run_search,
)
from asymnas.search import Progress as SearchProgress
from asymnas.space import SearchSpace
from asymnas.study._build import options_of, sentences_of, space_of, train_sentences, video_set
from asymnas.study._final import final_tasks, final_tests
from asymnas.study._summary import search_summary, versions, write_architecture
from asymnas.study._workers import candidate_worker, threads_of, training_config, training_setup
from asymnas.training import TrainingProgress, TrainingResult, train_supernet

__all__ = ["Reporter", "run_job"]

logger = logging.getLogger("asymnas.study")


class Reporter(Protocol):
    """What shows progress to the user."""

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Say that `done` of `total` of a stage is finished; `eta` in seconds."""


def run_job(job: Job, folder: Path, *, resume: bool = False, fresh: bool = False, progress: Reporter) -> dict[str, Any]:
    """Run a search job from its beginning, or from where an interrupted run of it stopped.

    Args:
        job: the job.
        folder: the run folder.
        resume: go on with the run that the folder holds; its end is that of an uninterrupted run.
        fresh: delete the run that the folder holds.
        progress: told of every step.

    Returns:
        The summary, also written to summary.json.

    Raises:
        AsymNASError: what is wrong with the job, data, run folder, or why the search had to stop.
    """
    with RunFolder.open(folder, job, resume=resume, fresh=fresh) as run:
        return _Run(job, run, progress).complete()


class _Run:
    """One run: the objects that its stages share."""

    def __init__(self, job: Job, run: RunFolder, progress: Reporter) -> None:
        self.job = job
        self.run = run
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.space: SearchSpace = space_of(job)
        options_of(job)
        run.write_json("space.json", self.space.to_dict())
        self.sets = {name: video_set(job, name) for name in ("validation", "test") if getattr(job.data, name)}
        self.sentences: SentenceTable = sentences_of(job)

    def complete(self) -> dict[str, Any]:
        """Run all stages, each of which continues where it stopped."""
        job, run = self.job, self.run
        with self._stage("sentences"):
            self._prepare_sentences()
        with self._stage("training"):
            training = self._train()
        log = ResultLog(run.evaluations)
        settings = self._settings(training.weights_hash)
        with self._evaluator() as evaluator:
            shared = {"evaluator": evaluator, "log": log, "settings": settings}
            with self._stage("search"):
                found = self._search(self._searcher(), "search", **shared)
            random: SearchResult | None = None
            if job.baselines.random_search:
                with self._stage("random search"):
                    random = self._search(self._random_searcher("random search"), "random", **shared)
            tests: dict[str, Any] = {}
            if "test" in self.sets:
                with self._stage("test"):
                    tasks = final_tasks(job, self.space, found, random)
                    results = evaluate_logged(
                        list(tasks.values()),
                        evaluator,
                        log,
                        settings=settings,
                        stage="test",
                        on_result=self._counter("test", len(tasks)),
                    )
                    tests = final_tests(job, self.sets["test"][0], dict(zip(tasks, results, strict=True)))
        summary = search_summary(job, self.space, training, found, random, tests) | {
            "seconds": self.seconds,
            "versions": versions(),
        }
        write_architecture(run.architecture, job, found, training, self.seconds)
        run.write_json("summary.json", summary)
        self._report()
        return summary

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        logger.info("%s: begins", name)
        yield
        self.seconds[name] = time.perf_counter() - began
        logger.info("%s: %.1f s", name, self.seconds[name])

    def _prepare_sentences(self) -> None:
        """Embed every sentence once, before workers need them."""
        wanted = {video.sentence for videos, _ in self.sets.values() for video in videos if video.sentence}
        wanted.update(train_sentences(self.job))
        self.sentences.prepare(
            sorted(wanted), on_progress=lambda done, total: self.progress.update("sentences", done, total)
        )

    def _train(self) -> TrainingResult:
        job, run = self.job, self.run
        config = training_config(job)
        result = train_supernet(
            partial(training_setup, job),
            config,
            run.path,
            engine=job.resources.engine,
            resume=True,
            on_progress=self._trained,
            address=job.resources.address,
        )
        if weights_hash(run.weights) != result.weights_hash:
            raise RunFolderError(f"{run.weights} is not the file that training wrote. Start anew with --fresh.")
        return result

    def _trained(self, state: TrainingProgress) -> None:
        text = f"loss {state.losses['total']:.3f}, {state.pairs_per_second:.0f} pairs/s"
        self.progress.update("training", state.step, state.steps, text, state.eta_seconds)

    def _settings(self, weights: str) -> ScoreSettings:
        job = self.job
        return ScoreSettings(
            space=self.space.hash,
            weights=weights,
            videos={name: fingerprint for name, (_, fingerprint) in self.sets.items()},
            recalibration=job.evaluation.recalibration.model_dump()
            | {"seed": job.seed, "train": job.data.train.model_dump(mode="json")},
            tracker=job.tracker.model_dump(mode="json"),
            sentences=f"{self.sentences.name}-{self.sentences.fingerprint}",
            protocol=job.evaluation.protocol,
        )

    def _evaluator(self) -> Evaluator:
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

    def _searcher(self) -> Searcher:
        search, seed = self.job.search, self.job.seed
        if search.algorithm == "evolution":
            return EvolutionSearcher(
                self.space,
                seed=seed,
                population=search.population,
                parents=search.parents,
                mutants=search.mutants,
                children=search.children,
                mutation_prob=search.mutation_prob,
                generations=search.generations,
                crossover=search.crossover,
            )
        if search.algorithm == "random":
            return self._random_searcher("search")
        from asymnas.interop.nni import NNISearcher

        return NNISearcher(
            self.space,
            seed=seed,
            budget=search.evaluations,
            algorithm=search.algorithm.removeprefix("nni_"),
            batch=search.population,
        )

    def _random_searcher(self, purpose: str) -> RandomSearcher:
        """The baseline draws by a seed of its own: the evolution's first generation is not its beginning."""
        from asymnas.seeding import rng_for

        seed = int(rng_for(self.job.seed, purpose).integers(2**31))
        return RandomSearcher(
            self.space, seed=seed, budget=self.job.search.evaluations, batch=self.job.search.population
        )

    def _search(self, searcher: Searcher, stage: str, **shared: Any) -> SearchResult:
        label = {"search": "search", "random": "random search"}[stage]

        def show(state: SearchProgress) -> None:
            text = f"generation {state.generation + 1}/{state.generations}"
            if state.best is not None:
                text += f", best SUC {state.best.suc:.4f} ± {state.best.se or 0:.4f}"
            self.progress.update(label, state.done, state.total, text, state.eta)

        return run_search(
            searcher,
            stage=stage,
            videos="validation",
            language=self.job.evaluation.language,
            on_progress=show,
            **shared,
        )

    def _counter(self, stage: str, total: int):
        done = 0

        def count(_: Any) -> None:
            nonlocal done
            done += 1
            self.progress.update(stage, done, total)

        return count

    def _report(self) -> None:
        from asymnas.report import write_report  # matplotlib is only needed here

        write_report(self.run.path)
