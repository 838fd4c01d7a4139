"""The main job: train the supernet, search it, compare the best with baselines on held-out videos, export it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from asymnas.core.errors import RunFolderError
from asymnas.core.seeding import rng_for
from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.nn import weights_hash
from asymnas.runs.folder import RunFolder
from asymnas.search import EvolutionSearcher, RandomSearcher, ResultLog, Searcher, SearchResult, run_search
from asymnas.search import Progress as SearchProgress
from asymnas.study._session import Reporter, Session
from asymnas.study._summary import search_summary, write_architecture
from asymnas.tracking.metrics import main_measure
from asymnas.tracking.task.final import final_tasks, final_tests, random_architectures
from asymnas.tracking.task.workers import training_config, training_setup
from asymnas.training import TrainingResult, train_supernet

__all__ = ["run_job"]


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


class _Run(Session):
    """A search from beginning to end."""

    def complete(self) -> dict[str, Any]:
        """Run all stages, each of which continues where it stopped."""
        job, run = self.job, self.run
        # a space that is too small for a search is told here, and not after hours of training
        searcher = self._searcher()
        random_searcher = self._random_searcher("random search") if job.baselines.random_search else None
        others = random_architectures(job, self.space) if "test" in self.sets else []
        with self.stage("sentences"):
            self.prepare_sentences()
        with self.stage("training"):
            training = self._train()
        log = ResultLog(run.evaluations)
        settings = self.settings(training.weights_hash)
        with self.evaluator() as evaluator:
            shared: dict[str, Any] = {"evaluator": evaluator, "log": log, "settings": settings}
            with self.stage("search"):
                found = self._search(searcher, "search", **shared)
            write_architecture(run.architecture, job, found, training)
            random: SearchResult | None = None
            if random_searcher is not None:
                with self.stage("random search"):
                    random = self._search(random_searcher, "random", **shared)
            tests: dict[str, Any] = {}
            if "test" in self.sets:
                with self.stage("test"):
                    best = None if random is None else random.best
                    tasks = final_tasks(job, found.best, best, others)
                    tests = final_tests(job, self.sets["test"][0], self.evaluated(tasks, found.best, **shared))
        summary = search_summary(job, self.space, training, found, random, tests) | {
            "seconds": self.seconds,
            "versions": versions(),
        }
        run.write_json("summary.json", summary)
        self.report()
        return summary

    def _train(self) -> TrainingResult:
        job, run = self.job, self.run
        config = training_config(job)
        result = train_supernet(
            partial(training_setup, job),
            config,
            run.path,
            engine=job.resources.engine,
            resume=True,
            on_progress=self.trained,
            address=job.resources.address,
            cpus=self.cpus,
        )
        if weights_hash(run.weights) != result.weights_hash:
            raise RunFolderError(f"{run.weights} is not the file that training wrote. Start anew with --fresh.")
        return result

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
        from asymnas.search.nni import NNISearcher

        return NNISearcher(
            self.space,
            seed=seed,
            budget=search.evaluations,
            algorithm="tpe" if search.algorithm == "nni_tpe" else "evolution",
            batch=search.population,
        )

    def _random_searcher(self, purpose: str) -> RandomSearcher:
        """The baseline draws by a seed of its own: the evolution's first generation is not its beginning."""
        seed = int(rng_for(self.job.seed, purpose).integers(2**31))
        return RandomSearcher(
            self.space, seed=seed, budget=self.job.search.evaluations, batch=self.job.search.population
        )

    def _search(self, searcher: Searcher, stage: str, **shared: Any) -> SearchResult:
        label = {"search": "search", "random": "random search"}[stage]
        measure = main_measure(self.job.evaluation.protocol)

        def show(state: SearchProgress) -> None:
            text = f"generation {state.generation + 1}/{state.generations}"
            if state.best is not None:
                text += f", best {measure} {state.best.suc:.4f} ± {state.best.se or 0:.4f}"
            self.progress.update(label, state.done, state.total, text, state.eta)

        return run_search(
            searcher,
            stage=stage,
            videos="validation",
            language=self.job.evaluation.language,
            on_progress=show,
            **shared,
        )
