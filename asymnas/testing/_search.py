"""The contracts of searchers and pools of workers as test classes, with a worker whose score has a closed form."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from asymnas.core.errors import EvaluationError, SearchSpaceExhausted
from asymnas.core.runtime.pool import Pool
from asymnas.search import Evaluation, Request, Searcher
from asymnas.space import SearchSpace, load_space


def toy_score(genes: Iterable[tuple[str, str]]) -> float:
    """Return a score in [0, 1) that every gene adds to, a function of the genes alone."""
    words = [f"{name}={op}" for name, op in genes]
    return sum(zlib.crc32(word.encode()) % 997 for word in words) / (997 * len(words))


class ToyWorker:
    """Scores a request by `toy_score`; some architectures fail, some kill the process. Picklable by `partial`.

    Args:
        failing: scores below it raise.
        deadly: scores from it on kill the process, once each: a marker file in `deaths` is left behind.
        deaths: folder of the marker files; without one they kill every time.
    """

    def __init__(self, *, failing: float = 0.0, deadly: float = 1.0, deaths: Path | None = None) -> None:
        self.failing, self.deadly, self.deaths = failing, deadly, deaths

    def handle(self, request: Request) -> Evaluation:
        """Return the evaluation of a request."""
        score = toy_score(request.genes or ())
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
            genes=dict(request.genes or ()),
            split=request.split,
            conditions=list(request.conditions),
            value=score,
            se=0.01,
            items={"toy/a": score - spread, "toy/b": score + spread},
            kept={"with": "kept"} if request.keep else None,
        )


class SearcherContract:
    """What every searcher must keep. Subclass it and override `searcher`, whose budget should be at least 12.

    Example:
        class TestMine(SearcherContract):
            def searcher(self, space, seed):
                return Mine(space, seed=seed, total=13, generation_size=4)
    """

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

    def test_told_the_same_a_new_one_goes_on_at_every_point(self) -> None:
        whole = self.run(self.searcher(self.space(), 4), fail_every=5)
        for point in range(0, whole.total + 1, max(1, whole.total // 7)):
            again = self.searcher(self.space(), 4)
            results = iter(whole.archive[:point])
            while len(again.archive) < point:
                again.tell([(item, next(results)[1]) for item in again.ask(point - len(again.archive))])
            assert _archive(self.run(again, fail_every=5)) == _archive(whole)

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


class PoolContract:
    """What every pool of workers must keep. Subclass it and override `pool`."""

    def pool(self, factory: Callable[[], ToyWorker]) -> Pool[Request, Evaluation]:
        """Return a new pool, whose `failed` is `asymnas.search.failed_evaluation`."""
        raise NotImplementedError

    def requests(self, count: int = 8) -> list[Request]:
        """Return requests of distinct architectures."""
        space = load_space("tiny_asymmetric")
        first = space.architecture({gene.id: gene.ops[0] for gene in space.genes})
        near = zip(space.neighbours(first), range(count), strict=False)
        return [Request.of(item, "validation", ("with",)) for item, _ in near]

    def test_answers_come_in_order_and_are_reported_once(self) -> None:
        requests = self.requests()
        reported: dict[int, Evaluation] = {}
        scores = sorted(toy_score(request.genes or ()) for request in requests)
        with self.pool(partial(ToyWorker, failing=scores[2])) as pool:
            found = pool.map(requests, reported.__setitem__)
            assert pool.map([]) == []
        assert [item.genes for item in found] == [dict(request.genes or ()) for request in requests]
        assert [item.score for item in found] == [_expected(request, scores[2]) for request in requests]
        assert [reported[position] for position in range(len(requests))] == found

    def test_failure_is_recorded_with_its_error(self) -> None:
        with self.pool(partial(ToyWorker, failing=1.0)) as pool:
            (found,) = pool.map(self.requests(1))
        assert found.status == "failed"
        assert found.error.startswith("ValueError: score ")
        assert "handle" in found.traceback

    def test_error_of_the_caller_is_passed_on_and_the_pool_goes_on(self) -> None:
        def stop(position: int, evaluation: Evaluation) -> None:
            raise KeyboardInterrupt

        requests = self.requests(3)
        with self.pool(ToyWorker) as pool:
            with pytest.raises(KeyboardInterrupt):
                pool.map(requests, stop)
            expected = [toy_score(request.genes or ()) for request in requests]
            assert [item.score for item in pool.map(requests)] == expected

    def test_worker_that_cannot_be_built_is_an_error(self) -> None:
        with self.pool(broken_worker) as pool, pytest.raises(EvaluationError, match="no weights"):
            pool.map(self.requests(1))


def broken_worker() -> ToyWorker:
    """Fail to build a worker."""
    raise EvaluationError("there are no weights")


def _expected(request: Request, failing: float) -> float | None:
    score = toy_score(request.genes or ())
    return score if score >= failing else None


def _archive(searcher: Searcher) -> list[tuple[str, float | None]]:
    return [(architecture.key, score) for architecture, score in searcher.archive]
