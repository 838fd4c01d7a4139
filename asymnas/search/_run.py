"""The search loop: ask, climb the ladder, log, tell; replaying the log is how a run resumes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from asymnas.core.errors import EvaluationError
from asymnas.core.runtime.pool import Pool
from asymnas.search._log import ResultLog
from asymnas.search._logged import evaluate_logged
from asymnas.search.estimator import Estimator
from asymnas.search.ladder import Rung, joined
from asymnas.search.limit import SearchLimit
from asymnas.search.results import Evaluation, Request, ScoreSettings
from asymnas.search.searcher import Searcher
from asymnas.space import Architecture
from asymnas.task import Reward


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Where a search is after each evaluation.

    Args:
        stage: name of the stage.
        generation: index of the current generation, from 0, of `generations`.
        done: evaluations finished, those from the log included, of `total`.
        evaluation: the one that just finished.
        best: the best so far on the last rung, None before any success.
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
        best: the architecture that the searcher ranks first.
        best_evaluation: what it scored by the reward of the highest rung that it reached, on all items of it.
        ranked: (architecture, worth) of all successes, best first.
        archive: (architecture, score) in the order told, score None for a failure.
        evaluations: all evaluations in the order asked.
        evaluated: scored in this run, failures included.
        from_log: taken from the log.
        failed: failures, old and new.
        seconds: wall time of this run.
    """

    best: Architecture
    best_evaluation: Evaluation
    ranked: list[tuple[Architecture, float]]
    archive: list[tuple[Architecture, float | None]]
    evaluations: list[Evaluation]
    evaluated: int
    from_log: int
    failed: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class Climb:
    """Measures architectures rung by rung, through the log, and tells an estimator what it finds.

    Args:
        pool, log, settings, stage, conditions, rungs, rewards, estimator: as for `run_search`.
        on_result: called with each evaluation once it is in the log, and whether it was computed now.
        evaluations: all that it has made, in the order asked.
    """

    pool: Pool[Request, Evaluation]
    log: ResultLog
    settings: ScoreSettings
    stage: str
    conditions: tuple[str, ...]
    rungs: Sequence[Rung]
    rewards: Mapping[str, Reward]
    estimator: Estimator | None
    on_result: Callable[[Evaluation, bool], None]
    evaluations: list[Evaluation] = field(default_factory=list)

    def __call__(self, asked: Sequence[Architecture], first: int) -> list[Evaluation]:
        """Measure architectures, of which `first` is the place of the first one in the order of the search.

        Returns:
            For each the evaluation on all its items of the highest rung that it reached, or its failure.
        """
        found: list[list[Evaluation]] = [[] for _ in asked]
        rest = list(range(len(asked)))
        for number, rung in enumerate(self.rungs):
            requests = [
                Request.of(asked[place], rung.split, self.conditions, reward=rung.reward, span=rung.span)
                for place in rest
            ]
            results = evaluate_logged(
                requests,
                self.pool,
                self.log,
                settings=self.settings,
                stage=self.stage,
                first_index=len(self.evaluations),
                marks=[{"candidate": first + place, "rung": number} for place in rest],
                on_result=self.on_result,
            )
            self.evaluations += results
            for place, result in zip(rest, results, strict=True):
                found[place].append(result)
                if self.estimator is not None and result.ok:
                    self.estimator.tell(asked[place], result.reward, result.items)
            if number + 1 < len(self.rungs):
                rest = self._survivors([place for place in rest if found[place][-1].ok], found, rung)
        return [joined(items, self.rewards) if items[-1].ok else items[-1] for items in found]

    def _survivors(self, rest: list[int], found: list[list[Evaluation]], rung: Rung) -> list[int]:
        """The best of this rung, in the order asked."""
        best = sorted(rest, key=lambda place: _rank(joined(found[place], self.rewards)), reverse=True)
        return sorted(best[: rung.survivors(len(rest))])


class _Progress:
    """Counts evaluations and turns them into progress events."""

    def __init__(
        self,
        searcher: Searcher,
        stage: str,
        started: float,
        rungs: Sequence[Rung],
        on_progress: Callable[[SearchProgress], None] | None,
    ) -> None:
        self.searcher, self.stage, self.started, self.on_progress = searcher, stage, started, on_progress
        self.done = self.evaluated = 0
        self.top, self.total, going = len(rungs) - 1, 0, searcher.generation_size
        for rung in rungs:  # of equal generations
            self.total += going * searcher.total // searcher.generation_size
            going = rung.survivors(going)
        self.best: Evaluation | None = None

    def add(self, evaluation: Evaluation, fresh: bool) -> None:
        self.done += 1
        self.evaluated += fresh
        last = evaluation.score is not None and evaluation.rung == self.top
        if last and (self.best is None or _rank(evaluation) > _rank(self.best)):
            self.best = evaluation
        if self.on_progress is None:
            return
        seconds, searcher = time.perf_counter() - self.started, self.searcher
        self.total = max(self.total, self.done)
        eta = seconds / self.evaluated * (self.total - self.done) if self.evaluated else None
        generations = (searcher.generation, searcher.generations)
        done = (self.done, self.total)
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
    rungs: Sequence[Rung] = (Rung(),),
    rewards: Mapping[str, Reward] = MappingProxyType({}),
    conditions: tuple[str, ...],
    limit: SearchLimit | None = None,
    on_progress: Callable[[SearchProgress], None] | None = None,
) -> SearchResult:
    """Run a search to its end; with a log of an earlier, interrupted run it goes on where that one stopped.

    Args:
        searcher: a new searcher; a resumed run replays the log into it. Its estimator is told every value, and fitted
            before the scores of a generation are told.
        pool: scores the architectures.
        log: results so far, and where new ones go.
        settings: what the scores depend on.
        stage: name written to the log.
        rungs: what is measured, cheap first; the candidates of a generation climb together, those that a rung leaves
            behind have the value of that rung (and, without an estimator, rank below those that went on).
        rewards: the task's, by name; needed where two rungs share one.
        conditions: which inputs are given; the reward is the mean over them.
        limit: ends the search before its last generation; None for none.
        on_progress: called after every evaluation.

    Raises:
        EvaluationError: three candidates in a row failed, or all of a smaller search did.
        SearchSpaceExhausted: the space is too small for the budget.
        RunFolderError: the log cannot be written.
    """
    started = time.perf_counter()
    tally = _Progress(searcher, stage, started, rungs, on_progress)
    climb = Climb(
        pool=pool,
        log=log,
        settings=settings,
        stage=stage,
        conditions=conditions,
        rungs=rungs,
        rewards=rewards,
        estimator=searcher.estimator,
        on_result=tally.add,
    )
    reached: list[Evaluation] = []
    while not searcher.done and not (limit is not None and limit.reached(climb.evaluations)):
        asked = searcher.ask()
        results = climb(asked, len(reached))
        reached += results
        if searcher.estimator is not None and any(item.ok for item in reached):
            searcher.estimator.fit()
        searcher.tell([(one, item.score) for one, item in zip(asked, results, strict=True)], results)
    ranked = searcher.ranked()
    if not ranked:
        raise EvaluationError(f"{stage}: no candidate could be scored. The last error was: {reached[-1].error}")
    best = ranked[0][0]
    place = next(i for i, (architecture, _) in enumerate(searcher.archive) if architecture.key == best.key)
    return SearchResult(
        best=best,
        best_evaluation=reached[place],
        ranked=ranked,
        archive=searcher.archive,
        evaluations=climb.evaluations,
        evaluated=tally.evaluated,
        from_log=len(climb.evaluations) - tally.evaluated,
        failed=sum(not item.ok for item in reached),
        seconds=time.perf_counter() - started,
    )
