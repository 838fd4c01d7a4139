"""The contracts of searchers and evaluators as test classes, with a worker whose score has a closed form."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from asymnas.core.errors import EvaluationError, SearchSpaceExhausted
from asymnas.search import Evaluation, Evaluator, Searcher, Task, WorkerFactory
from asymnas.space import SearchSpace, load_space

__all__ = ["EvaluatorContract", "SearcherContract", "ToyWorker", "toy_score", "toy_worker"]


def toy_score(genes: Iterable[tuple[str, str]]) -> float:
    """Return a score in [0, 1) that every gene adds to, a function of the genes alone."""
    words = [f"{name}={op}" for name, op in genes]
    return sum(zlib.crc32(word.encode()) % 997 for word in words) / (997 * len(words))


class ToyWorker:
    """Scores a task by `toy_score`; some architectures fail, some kill the process.

    Args:
        failing: scores below it raise.
        deadly: scores from it on kill the process, once each: a marker file in `deaths` is left behind.
        deaths: folder of the marker files; without one they kill every time.
    """

    def __init__(self, *, failing: float = 0.0, deadly: float = 1.0, deaths: Path | None = None) -> None:
        self.failing, self.deadly, self.deaths = failing, deadly, deaths

    def evaluate(self, task: Task) -> Evaluation:
        """Return the evaluation of a task."""
        score = toy_score(task.genes or ())
        if score < self.failing:
            raise ValueError(f"score {score} is too low for a toy")
        if score >= self.deadly:
            marker = None if self.deaths is None else self.deaths / f"{score}"
            if marker is None or not marker.exists():
                if marker is not None:
                    marker.touch()
                os._exit(1)
        spread = min(0.01, score, 1 - score)
        return Evaluation(
            genes=dict(task.genes or ()),
            video_set=task.videos,
            language=task.language,
            suc=score,
            se=0.01,
            videos={"toy/a": score - spread, "toy/b": score + spread},
            frames=2,
        )


def toy_worker(*, failing: float = 0.0, deadly: float = 1.0, deaths: Path | None = None) -> ToyWorker:
    """Build a toy worker; picklable with its arguments by `functools.partial`."""
    return ToyWorker(failing=failing, deadly=deadly, deaths=deaths)


class SearcherContract:
    """What every searcher must keep. Subclass it and override `searcher`, whose budget should be at least 12."""

    def space(self) -> SearchSpace:
        """Return a space with more points than the budget."""
        return load_space("tiny_asymmetric")

    def searcher(self, space: SearchSpace, seed: int) -> Searcher:
        """Return a new searcher."""
        raise NotImplementedError

    def run(self, searcher: Searcher, *, until: int | None = None, fail_every: int = 0) -> Searcher:
        """Ask and tell toy scores until the searcher is done or has so many results."""
        while not searcher.done and (until is None or len(searcher.archive) < until):
            asked = searcher.ask(None if until is None else until - len(searcher.archive))
            assert asked, "a searcher that is not done and waits for nothing must ask"
            for architecture in asked:
                failed = fail_every and len(searcher.archive) % fail_every == 0
                searcher.tell([(architecture, None if failed else toy_score(architecture.genes.items()))])
        return searcher

    def test_asks_its_budget_of_distinct_architectures(self) -> None:
        searcher = self.run(self.searcher(self.space(), 1))
        keys = [architecture.key for architecture, _ in searcher.archive]
        assert len(keys) == len(set(keys)) == searcher.total
        assert searcher.ask() == []

    def test_same_seed_same_archive_other_seed_another(self) -> None:
        first, again, other = (_archive(self.run(self.searcher(self.space(), seed))) for seed in (1, 1, 2))
        assert first == again
        assert first != other

    def test_asking_in_portions_changes_nothing(self) -> None:
        searcher = self.searcher(self.space(), 3)
        while not searcher.done:
            portion = [*searcher.ask(2), *searcher.ask(1)]
            searcher.tell([(item, toy_score(item.genes.items())) for item in portion])
        assert _archive(searcher) == _archive(self.run(self.searcher(self.space(), 3)))

    def test_state_goes_through_json_at_every_point(self) -> None:
        whole = self.run(self.searcher(self.space(), 4), fail_every=5)
        for point in range(0, whole.total + 1, max(1, whole.total // 7)):
            before = self.searcher(self.space(), 4)
            replay = iter(whole.archive[:point])
            while len(before.archive) < point:
                asked = before.ask(point - len(before.archive))
                before.tell([(item, next(replay)[1]) for item in asked])
            before.ask(1)  # asked and lost
            after = self.searcher(self.space(), 4)
            after.load_state_dict(json.loads(json.dumps(before.state_dict())))
            assert _archive(self.run(after, fail_every=5)) == _archive(whole)

    def test_best_is_the_first_told_of_the_highest(self) -> None:
        searcher = self.searcher(self.space(), 5)
        assert searcher.best is None
        asked = searcher.ask(3)
        searcher.tell(zip(asked, [None, 0.5, 0.5], strict=True))
        assert searcher.best == (asked[1], 0.5)

    def test_refuses_results_that_were_not_asked(self) -> None:
        searcher = self.searcher(self.space(), 6)
        first, second = searcher.ask(2)
        with pytest.raises(EvaluationError, match="not the next one asked"):
            searcher.tell([(second, 0.1)])
        with pytest.raises(EvaluationError, match="nan"):
            searcher.tell([(first, float("nan"))])

    def test_too_small_a_space_is_an_error(self) -> None:
        fixed = load_space({"extends": "tiny_asymmetric", "name": "one", "fix": {"*": "shuffle_3x3"}})
        with pytest.raises(SearchSpaceExhausted, match="has only 1"):
            self.searcher(fixed, 1)


class EvaluatorContract:
    """What every evaluator must keep. Subclass it and override `evaluator`."""

    def evaluator(self, factory: WorkerFactory) -> Evaluator:
        """Return a new evaluator."""
        raise NotImplementedError

    def tasks(self, count: int = 8) -> list[Task]:
        """Return tasks of distinct architectures."""
        space = load_space("tiny_asymmetric")
        path = {gene.id: gene.ops[0] for gene in space.genes}
        return [
            Task.of(item) for item, _ in zip(space.neighbours(space.architecture(path)), range(count), strict=False)
        ]

    def test_results_come_in_task_order_and_are_reported_once(self) -> None:
        tasks = self.tasks()
        reported: dict[int, Evaluation] = {}
        scores = sorted(toy_score(task.genes or ()) for task in tasks)
        with self.evaluator(partial(toy_worker, failing=scores[2])) as evaluator:
            found = evaluator.evaluate(tasks, on_result=reported.__setitem__)
            assert evaluator.evaluate([]) == []
        assert [item.genes for item in found] == [dict(task.genes or ()) for task in tasks]
        assert [item.score for item in found] == [_expected(task, scores[2]) for task in tasks]
        assert [reported[position] for position in range(len(tasks))] == found

    def test_failure_is_recorded_with_its_error(self) -> None:
        with self.evaluator(partial(toy_worker, failing=1.0)) as evaluator:
            (found,) = evaluator.evaluate(self.tasks(1))
        assert found.status == "failed"
        assert found.error.startswith("ValueError: score ")
        assert "evaluate" in found.traceback

    def test_error_of_the_caller_is_passed_on_and_the_evaluator_goes_on(self) -> None:
        def stop(position: int, evaluation: Evaluation) -> None:
            raise KeyboardInterrupt

        tasks = self.tasks(3)
        with self.evaluator(toy_worker) as evaluator:
            with pytest.raises(KeyboardInterrupt):
                evaluator.evaluate(tasks, on_result=stop)
            assert [item.score for item in evaluator.evaluate(tasks)] == [toy_score(task.genes or ()) for task in tasks]

    def test_worker_that_cannot_be_built_is_an_error(self) -> None:
        with self.evaluator(broken_worker) as evaluator, pytest.raises(EvaluationError, match="no weights"):
            evaluator.evaluate(self.tasks(1))


def broken_worker() -> ToyWorker:
    """Fail to build a worker."""
    raise EvaluationError("there are no weights")


def _expected(task: Task, failing: float) -> float | None:
    score = toy_score(task.genes or ())
    return score if score >= failing else None


def _archive(searcher: Searcher) -> list[tuple[str, float | None]]:
    return [(architecture.key, score) for architecture, score in searcher.archive]
