"""The search loop: ask, evaluate what the log does not know, log, tell; replaying the log is how a run resumes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from asymnas.core.errors import EvaluationError
from asymnas.core.runtime.pool import Pool
from asymnas.search._log import ResultLog
from asymnas.search._logged import evaluate_logged
from asymnas.search.results import Evaluation, Request, ScoreSettings
from asymnas.search.searcher import Searcher
from asymnas.space import Architecture


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Where a search is after each evaluation.

    Args:
        stage: name of the stage.
        generation: index of the current generation, from 0, of `generations`.
        done: evaluations finished, those from the log included, of `total`.
        evaluation: the one that just finished.
        best: the best so far, None before any success.
        seconds: wall time since the start of this process's part.
        eta: seconds still to go, None until something was evaluated.
    """

    stage: str
    generation: int
    generations: int
    done: int
    total: int
    evaluation: Evaluation
    best: Evaluation | None
    seconds: float
    eta: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The end of a search.

    Args:
        best: the architecture with the highest score, the first asked of equals.
        best_evaluation: its evaluation.
        archive: (architecture, score) in the order told, score None for a failure.
        evaluations: the evaluations in the same order.
        evaluated: scored in this run, failures included.
        from_log: taken from the log.
        failed: failures, old and new.
        seconds: wall time of this run.
    """

    best: Architecture
    best_evaluation: Evaluation
    archive: list[tuple[Architecture, float | None]]
    evaluations: list[Evaluation]
    evaluated: int
    from_log: int
    failed: int
    seconds: float


class _Progress:
    """Counts evaluations and turns them into progress events."""

    def __init__(
        self, searcher: Searcher, stage: str, started: float, on_progress: Callable[[SearchProgress], None] | None
    ) -> None:
        self.searcher, self.stage, self.started, self.on_progress = searcher, stage, started, on_progress
        self.done = self.evaluated = 0
        self.best: Evaluation | None = None

    def add(self, evaluation: Evaluation, fresh: bool) -> None:
        self.done += 1
        self.evaluated += fresh
        if evaluation.score is not None and (self.best is None or _rank(evaluation) > _rank(self.best)):
            self.best = evaluation
        if self.on_progress is None:
            return
        seconds, searcher = time.perf_counter() - self.started, self.searcher
        eta = seconds / self.evaluated * (searcher.total - self.done) if self.evaluated else None
        generations = (searcher.generation, searcher.generations)
        done = (self.done, searcher.total)
        self.on_progress(SearchProgress(self.stage, *generations, *done, evaluation, self.best, seconds, eta))


def _rank(evaluation: Evaluation) -> tuple[float, int]:
    """Higher is better: the score, then the place asked first, whatever completed first."""
    return (evaluation.value if evaluation.value is not None else float("-inf"), -evaluation.index)


def run_search(
    searcher: Searcher,
    pool: Pool[Request, Evaluation],
    log: ResultLog,
    *,
    settings: ScoreSettings,
    stage: str = "search",
    split: str = "validation",
    conditions: tuple[str, ...],
    on_progress: Callable[[SearchProgress], None] | None = None,
) -> SearchResult:
    """Run a search to its end; with a log of an earlier, interrupted run it goes on where that one stopped.

    Args:
        searcher: a new searcher; a resumed run replays the log into it.
        pool: scores the architectures.
        log: results so far, and where new ones go.
        settings: what the scores depend on.
        stage: name written to the log.
        split: name of the items whose reward is searched by.
        conditions: which inputs are given; the reward is the mean over them.
        on_progress: called after every evaluation.

    Raises:
        EvaluationError: three candidates in a row failed, or all of a smaller search did.
        SearchSpaceExhausted: the space is too small for the budget.
        RunFolderError: the log cannot be written.
    """
    started = time.perf_counter()
    evaluations: list[Evaluation] = []
    tally = _Progress(searcher, stage, started, on_progress)
    while not searcher.done:
        asked = searcher.ask()
        requests = [Request.of(architecture, split, conditions) for architecture in asked]
        first = len(evaluations)
        results = evaluate_logged(
            requests, pool, log, settings=settings, stage=stage, first_index=first, on_result=tally.add
        )
        evaluations += results
        searcher.tell([(architecture, item.score) for architecture, item in zip(asked, results, strict=True)])
    if searcher.best is None:
        raise EvaluationError(f"{stage}: no candidate could be scored. The last error was: {evaluations[-1].error}")
    best = searcher.best[0]
    place = next(i for i, (architecture, _) in enumerate(searcher.archive) if architecture.key == best.key)
    return SearchResult(
        best=best,
        best_evaluation=evaluations[place],
        archive=searcher.archive,
        evaluations=evaluations,
        evaluated=tally.evaluated,
        from_log=len(evaluations) - tally.evaluated,
        failed=sum(not item.ok for item in evaluations),
        seconds=time.perf_counter() - started,
    )
