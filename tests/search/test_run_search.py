"""The search loop: resume by replay, no evaluation twice, stop after three failures, progress."""

from __future__ import annotations

import pytest

from asymnas.core.errors import EvaluationError
from asymnas.core.runtime.pool import InProcessPool
from asymnas.search import (
    Evaluation,
    EvolutionSearcher,
    RandomSearcher,
    Request,
    ResultLog,
    ScoreSettings,
    SearchLimit,
    evaluate_logged,
    failed_evaluation,
    run_search,
)
from asymnas.space import load_space
from asymnas.testing._search import PoolContract, ToyWorker, toy_score

SETTINGS = ScoreSettings(space="s", weights="w", splits={"validation": "v", "test": "t"})


def in_process(factory, **options):
    return InProcessPool(factory, failed=failed_evaluation, **options)


def request_of(architecture, split="validation", **more):
    return Request.of(architecture, split, ("with",), **more)


class TestInProcessPoolContract(PoolContract):
    def pool(self, factory):
        return in_process(factory)


class Counting(ToyWorker):
    """Remembers what it was asked."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def handle(self, request):
        self.seen.append(request)
        return super().handle(request)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


def evolution(space, seed=7):
    return EvolutionSearcher(space, seed=seed, population=8, parents=3, mutants=3, children=3, generations=3)


def search(space, path, worker=None, on_progress=None, searcher=None):
    pool = in_process(lambda: worker or ToyWorker())
    chosen = searcher or evolution(space)
    return run_search(chosen, pool, ResultLog(path), settings=SETTINGS, conditions=("with",), on_progress=on_progress)


def scores(result):
    return [(architecture.key, score) for architecture, score in result.archive]


@pytest.fixture(scope="module")
def whole(space, tmp_path_factory):
    return search(space, tmp_path_factory.mktemp("whole") / "log", ToyWorker(failing=0.52))


def test_result_of_a_whole_search(space, tmp_path):
    worker, log = Counting(), tmp_path / "log"
    result = search(space, log, worker)
    assert result.evaluated == len(result.archive) == len(worker.seen) == 24
    assert result.from_log == result.failed == 0
    assert result.best_evaluation.genes == result.best.genes
    assert (
        result.best_evaluation.value
        == max(score for _, score in result.archive)
        == toy_score(result.best.genes.items())
    )
    assert [item.index for item in result.evaluations] == list(range(24))
    assert list(ResultLog(log)) == result.evaluations


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("every", [1, 3, 8])
def test_killed_after_every_kth_evaluation_and_resumed(space, tmp_path, whole, every, torn):
    path, runs, worker = tmp_path / "log", 0, Counting(failing=0.52)
    while True:
        before = len(worker.seen)

        def kill(progress, before=before):
            if len(worker.seen) - before >= every:
                raise Killed

        try:
            result = search(space, path, worker, kill)
            break
        except Killed:
            runs += 1
            if torn:
                path.write_bytes(path.read_bytes() + b'{"version":2,"key":"5e1')
    assert runs == 24 // every
    assert scores(result) == scores(whole)
    assert result.failed == whole.failed > 0
    assert len(worker.seen) == len(set(worker.seen)) == 24  # nothing was evaluated twice, failures included
    assert result.from_log == 24
    assert result.best == whole.best


def test_finished_search_is_replayed_without_building_a_worker(space, tmp_path):
    first = search(space, tmp_path / "log")

    def no_worker():
        raise AssertionError("a worker was built")

    log = ResultLog(tmp_path / "log")
    again = run_search(evolution(space), in_process(no_worker), log, settings=SETTINGS, conditions=("with",))
    assert scores(again) == scores(first)
    assert again.from_log == 24
    assert len(log) == 24


def test_three_failures_in_a_row_stop_and_are_tried_again_on_resume(space, tmp_path):
    path, worker = tmp_path / "log", Counting(failing=1.0)
    with pytest.raises(EvaluationError, match=r"1 to 3: 3 evaluations in a row failed.*ValueError: score .* too low"):
        search(space, path, worker)
    assert len(ResultLog(path)) == 3
    assert "Traceback" in ResultLog(path).at("search", 2).traceback
    mended = search(space, path)
    assert scores(mended) == scores(search(space, tmp_path / "other"))
    assert mended.failed == 0


def test_rows_of_failures_reach_over_generations(space, tmp_path):
    class Late(Counting):
        def handle(self, request):
            evaluation = super().handle(request)
            if len(self.seen) in (7, 8, 9):
                raise MemoryError
            return evaluation

    with pytest.raises(EvaluationError, match=r"7 to 9: .*MemoryError"):
        search(space, tmp_path / "log", Late())


def test_two_failures_in_a_row_do_not_stop(space, tmp_path):
    class Pairs(Counting):
        def handle(self, request):
            evaluation = super().handle(request)
            if len(self.seen) % 3:
                raise ValueError("odd one")
            return evaluation

    result = search(space, tmp_path / "log", Pairs())
    assert (result.failed, result.evaluated) == (16, 24)
    assert result.best == result.archive[2][0] or result.best_evaluation.ok


def test_other_stages_take_known_scores_and_say_so(space, tmp_path):
    worker, log = Counting(), ResultLog(tmp_path / "log")
    pool = in_process(lambda: worker)
    searched = run_search(
        RandomSearcher(space, seed=1, budget=6), pool, log, settings=SETTINGS, conditions=("with",), stage="search"
    )
    again = run_search(
        RandomSearcher(space, seed=1, budget=6), pool, log, settings=SETTINGS, conditions=("with",), stage="random"
    )
    assert scores(again) == scores(searched)
    assert len(worker.seen) == 6
    assert (again.evaluated, again.from_log) == (0, 6)
    assert [log.at("random", index).cached for index in range(6)] == [True] * 6
    assert len(ResultLog(tmp_path / "log")) == 12
    evaluate_logged([request_of(searched.best, "test")], pool, log, settings=SETTINGS, stage="test")
    assert len(worker.seen) == 7  # other videos are another score


def test_equal_tasks_are_evaluated_once(space, tmp_path):
    worker, log = Counting(), ResultLog(tmp_path / "log")
    one, two = (request_of(item) for item in RandomSearcher(space, seed=1, budget=2).ask())
    told = []
    found = evaluate_logged(
        [one, two, one],
        in_process(lambda: worker),
        log,
        settings=SETTINGS,
        stage="x",
        on_result=lambda item, fresh: told.append(item),
    )
    assert told == found
    assert worker.seen == [one, two]
    assert [item.value for item in found] == [toy_score(task.genes) for task in (one, two, one)]
    assert [item.cached for item in found] == [False, False, True]
    assert [item.index for item in found] == [0, 1, 2]


def test_boxes_are_computed_again_but_logged_once(space, tmp_path):
    worker, log = Counting(), ResultLog(tmp_path / "log")
    (architecture,) = RandomSearcher(space, seed=1, budget=1).ask()
    task = request_of(architecture, keep=True)
    for runs in (1, 2):
        (found,) = evaluate_logged([task], in_process(lambda: worker), log, settings=SETTINGS, stage="final")
        assert found.kept == {"with": "kept"}
        assert (len(worker.seen), len(log)) == (runs, 1)


@pytest.mark.parametrize("wanted", [(False, True), (True, False), (True, True), (False, False)])
def test_equal_tasks_are_computed_once_with_boxes_if_one_wants_them(space, tmp_path, wanted):
    worker, log = Counting(), ResultLog(tmp_path / "log")
    (architecture,) = RandomSearcher(space, seed=1, budget=1).ask()
    tasks = [request_of(architecture, keep=keep) for keep in wanted]
    kept = {"with": "kept"} if any(wanted) else None
    told = []
    for runs in (1, 2):  # the second run is for the boxes alone, and adds no line
        found = evaluate_logged(
            tasks,
            in_process(lambda: worker),
            log,
            settings=SETTINGS,
            stage="final",
            on_result=lambda item, fresh: told.append(item),
        )
        assert [item.cached for item in log] == [False, True]  # whoever wants boxes: no line of the log changes
        assert [item.kept for item, keep in zip(found, wanted, strict=True) if keep] == [kept] * sum(wanted)
        assert len(worker.seen) == (runs if any(wanted) else 1)
        assert told[0].kept == kept  # at once, and not when the others are done
        assert all(item.kept is None and item.statistics is None for item in log)


def test_a_line_of_a_twin_is_the_same_whether_its_boxes_were_lost_or_not(space, tmp_path):
    worker, log = Counting(), ResultLog(tmp_path / "log")
    (architecture,) = RandomSearcher(space, seed=1, budget=1).ask()
    task = request_of(architecture, keep=True)
    evaluate_logged([request_of(architecture)], in_process(lambda: worker), log, settings=SETTINGS, stage="final")
    evaluate_logged(  # as if the run had been killed before its second line and its boxes were written
        [request_of(architecture), task], in_process(lambda: worker), log, settings=SETTINGS, stage="final"
    )
    assert [(item.index, item.cached) for item in log] == [(0, False), (1, True)] and len(worker.seen) == 2


def test_a_failure_is_not_tried_again_for_its_boxes(space, tmp_path):
    class Failing(Counting):
        def handle(self, request):
            self.seen.append(request)
            raise ValueError("no such box")

    worker, log = Failing(), ResultLog(tmp_path / "log")
    task = Request(baseline="static", split="test", keep=True)
    for _ in range(2):
        (found,) = evaluate_logged([task], in_process(lambda: worker), log, settings=SETTINGS, stage="final")
        assert found.error == "ValueError: no such box" and found.kept is None
    assert (len(worker.seen), len(log)) == (1, 1)


def test_progress_says_what_is_done_best_and_left(space, tmp_path):
    events = []
    search(space, tmp_path / "log", ToyWorker(failing=0.52), events.append)
    assert [event.done for event in events] == list(range(1, 25))
    assert [event.generation for event in events] == [0] * 8 + [1] * 8 + [2] * 8
    assert {(event.total, event.generations, event.stage) for event in events} == {(24, 3, "search")}
    best = [event.best.value for event in events if event.best]
    assert best == sorted(best)
    assert events[-1].eta == 0
    assert all(event.eta > 0 for event in events[:-1])


def test_no_success_at_all_is_an_error(space, tmp_path):
    small = RandomSearcher(space, seed=0, budget=2)
    with pytest.raises(EvaluationError, match=r"no candidate could be scored.*too low"):
        search(space, tmp_path / "log", ToyWorker(failing=1.0), searcher=small)


@pytest.mark.parametrize("limit", [SearchLimit(items=17), SearchLimit(seconds=8.5)])
def test_a_limit_ends_the_search_with_its_generation(space, tmp_path, limit):
    """Two items and a second each: 17 items, and 8.5 s, are used up in the second generation of eight."""

    class Slow(Counting):
        def handle(self, request):
            return super().handle(request).but(seconds=1.0)

    worker = Slow()
    pool, log = in_process(lambda: worker), ResultLog(tmp_path / "log")
    given = {"settings": SETTINGS, "conditions": ("with",)}
    found = run_search(evolution(space), pool, log, limit=limit, **given)
    assert len(found.archive) == 16 and log.at("search", 16) is None
    again = run_search(evolution(space), pool, ResultLog(tmp_path / "log"), limit=limit, **given)
    assert scores(again) == scores(found) and len(worker.seen) == 16
    assert limit.spent(found.evaluations) in (SearchLimit(items=32), SearchLimit(seconds=16.0))
    assert len(run_search(evolution(space), pool, log, limit=SearchLimit(), **given).archive) == 24


def test_in_process_pool_sets_threads(space):
    worker = ToyWorker()
    with in_process(lambda: worker, threads=3) as pool:
        assert isinstance(pool.map([Request(genes=(("a", "x"),))])[0], Evaluation)
    assert worker.threads == 3
