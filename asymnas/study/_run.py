"""The main job: train the supernet, search it, compare the best with baselines on held-out items, export it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asymnas.core.errors import JobError, RunFolderError
from asymnas.core.seeding import rng_for
from asymnas.job import Job
from asymnas.nn import weights_hash
from asymnas.runs.folder import RunFolder
from asymnas.runs.latency import latency_of
from asymnas.runs.pareto import PARETO, ParetoFile, ParetoPoint
from asymnas.runs.summary import RunSummary
from asymnas.runs.times import Reporter
from asymnas.search import (
    SEARCHERS,
    Climb,
    Estimator,
    Finalist,
    RandomSearcher,
    ResultLog,
    ScoreSettings,
    Searcher,
    SearchLimit,
    SearchProgress,
    run_finals,
    run_search,
)
from asymnas.search.nsga2 import NSGA2Searcher
from asymnas.study._final import final_requests, random_architectures, test_results
from asymnas.study._plan import Plan, SearchOutcome
from asymnas.study._session import OnEvaluation, Session
from asymnas.study._summary import search_counts, summarised, write_architecture
from asymnas.study.diagnosis.diagnose import diagnose
from asymnas.training import train_supernet


def run_job(
    job: Job,
    folder: Path | str,
    *,
    resume: bool = False,
    fresh: bool = False,
    progress: Reporter | None = None,
    on_evaluation: OnEvaluation | None = None,
) -> RunSummary:
    """Run a search job from its beginning, or from where an interrupted run of it stopped.

    Args:
        job: the job.
        folder: the run folder.
        resume: go on with the run that the folder holds; its end is that of an uninterrupted run.
        fresh: move the run that the folder holds aside.
        progress: gets every step.
        on_evaluation: called with each evaluation once it is in the log, those of an earlier process included.

    Returns:
        The summary, also written to summary.json.

    Raises:
        AsymNASError: what is wrong with the job, data, run folder, or why the search had to stop.
    """
    with RunFolder.open(folder, job, resume=resume, fresh=fresh) as run:
        return _Run(job, run, progress, on_evaluation).complete()


class _Run(Session):
    """A search from beginning to end."""

    def complete(self) -> RunSummary:
        """Run all stages, each of which continues where it stopped."""
        job, run, task = self.job, self.run, self.task
        # a space that is too small for a search is reported here, and not after hours of training
        searcher = SEARCHERS.get(job.search.algorithm).build(self.space, job.seed, job.search)
        baseline = self._random_searcher() if job.baselines.random_search else None
        others = random_architectures(job, self.space) if "test" in task.splits else []
        plan = Plan.of(task)
        check_objectives(searcher, task.scored)
        training = self.train(train_supernet)
        if isinstance(searcher, NSGA2Searcher) and searcher.objectives.timed:
            table = latency_of(run.folder, self.space, job.resources.torch_threads)
            searcher.objectives.latency = table.milliseconds
        if weights_hash(run.weights) != training.weights_hash:
            raise RunFolderError(f"{run.weights} is not the file that training wrote. Start anew with --fresh.")
        random = tests = None
        with self.pool() as pool:
            log, settings = ResultLog(run.evaluations), ScoreSettings.of(task, training.weights_hash)
            shared: dict[str, Any] = {"pool": pool, "log": log, "settings": settings}
            limit = SearchLimit(job.search.budget_items, job.search.budget_seconds)
            found = self._search(searcher, plan, limit, "search", "finals", "search", **shared)
            if isinstance(searcher, NSGA2Searcher):
                write_front(run.folder / PARETO, searcher)
            write_architecture(run.architecture, job, task, found, training.weights_hash)
            if baseline is not None:
                limit = limit.spent(found.result.evaluations)
                random = self._search(baseline, plan, limit, "random", "random finals", "random search", **shared)
            if "test" in task.splits:
                requests = final_requests(task, found.best, random.best if random else None, others)
                tests = test_results(task, job, self.evaluated(requests, found.best, **shared))
        summary = summarised(
            self,
            found.best,
            training,
            climbed=plan.climbed(task),
            validation=found.best_evaluation,
            search=search_counts(found, job.search.algorithm, searcher.generation_size),
            random_search=search_counts(random, "random", job.search.population) if random else None,
            test=tests,
        )
        summary.write(run.summary)
        diagnose(run.folder)
        return summary

    def _random_searcher(self) -> RandomSearcher:
        """The baseline draws by a seed of its own: the evolution's first generation is not its beginning."""
        search, seed = self.job.search, int(rng_for(self.job.seed, "random search").integers(2**31))
        return RandomSearcher(self.space, seed=seed, budget=search.evaluations, batch=search.population)

    def _search(
        self, searcher: Searcher, plan: Plan, limit: SearchLimit, stage: str, finals: str, label: str, **shared: Any
    ) -> SearchOutcome:
        """Search, and let the best climb the finals; random search does the same, by an estimator of its own."""
        task, search = self.task, self.job.search
        if search.estimator:
            searcher.estimator, searcher.screen = Estimator(self.space, plan.measures, plan.measures[-1]), search.screen
        given: dict[str, Any] = {"conditions": task.scored, "rewards": task.rewards, **shared}
        title = plan.climbed(task).title

        def show(state: SearchProgress) -> None:
            text = f"generation {state.generation + 1}/{state.generations}"
            if state.best is not None:
                text += f", best {title} {state.best.value:.4f} ± {state.best.se or 0:.4f}"
            self.progress.update(label, state.done, state.total, text, state.eta)
            if self.on_evaluation is not None:
                self.on_evaluation(state.evaluation)

        with self.stage(label):
            found = run_search(searcher, stage=stage, rungs=plan.ladder, limit=limit, on_progress=show, **given)
        finalists: list[Finalist] = []
        if plan.finals:
            total, going = 0, min(search.finalists, len(found.ranked))
            for rung in plan.finals:
                total, going = total + going, rung.survivors(going)
            shown = self.counter(finals, total)
            climb = Climb(stage=finals, rungs=plan.finals, estimator=searcher.estimator, on_result=shown, **given)
            with self.stage(finals):
                found, finalists = run_finals(found, search.finalists, climb, seed=self.job.seed)
        return SearchOutcome(found, finalists, searcher.estimator)


def check_objectives(searcher: Searcher, scored: Sequence[str]) -> None:
    """Raise a JobError where a searcher has objectives of conditions that are not scored."""
    problems = searcher.objectives.conditions(scored) if isinstance(searcher, NSGA2Searcher) else []
    if problems:
        raise JobError(problems)


def write_front(file: Path, searcher: NSGA2Searcher) -> None:
    """Write what a search of several objectives found as pareto.json."""
    found, values = searcher.measured()
    names, place = searcher.objectives.names, {item.key: n for n, (item, _) in enumerate(searcher.archive)}
    rows = [
        ParetoPoint(
            key=item.key,
            genes=dict(item.genes),
            generation=place[item.key] // searcher.generation_size,
            values=dict(zip(names, row, strict=True)),
        )
        for item, row in zip(found, values.tolist(), strict=True)
    ]
    ParetoFile.of(names, rows).write(file)
