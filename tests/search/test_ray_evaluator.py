"""Ray actors: the same archive as in-process, dead workers replaced, clear errors."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import test_worker

from asymnas.core.errors import EvaluationError, JobError
from asymnas.search import (
    Evaluation,
    EvolutionSearcher,
    InProcessEvaluator,
    RandomSearcher,
    RayEvaluator,
    ResultLog,
    ScoreSettings,
    Task,
    run_search,
    start_ray,
)
from asymnas.search import _ray as module
from asymnas.space import load_space
from asymnas.testing import _search as contracts
from asymnas.testing._search import EvaluatorContract, ToyWorker, toy_score, toy_worker

SETTINGS = ScoreSettings(space="s", weights="w", videos={"val": "v"})


@pytest.mark.parametrize("running", [False, True])
def test_ray_is_started_once_with_enough_cpus(running, monkeypatch):
    calls = []
    fake = SimpleNamespace(is_initialized=lambda: running, init=lambda **given: calls.append(given))
    monkeypatch.setitem(sys.modules, "ray", fake)
    assert start_ray(None, cpus=1000.5) is not running
    assert [given["num_cpus"] for given in calls] == ([] if running else [1001])


@pytest.fixture(scope="module")
def local_ray():
    """One Ray for all tests of the room."""
    ray = pytest.importorskip("ray")
    for toys in (
        contracts,
        test_worker,
        sys.modules[__name__],
    ):  # shipped by value, so that actors start without pytest and torch
        ray.cloudpickle.register_pickle_by_value(toys)
    module._connect(ray, None, 2)
    yield ray
    ray.shutdown()


@pytest.mark.usefixtures("local_ray")
class TestRayEvaluatorContract(EvaluatorContract):
    def evaluator(self, factory):
        return RayEvaluator(factory, workers=1)


def archive(evaluator, path):
    space = load_space("tiny_asymmetric")
    searcher = EvolutionSearcher(space, seed=3, population=8, parents=3, mutants=3, children=3, generations=3)
    with evaluator:
        result = run_search(searcher, evaluator, ResultLog(path), settings=SETTINGS)
    logged = sorted((item.index, item.key, item.suc) for item in ResultLog(path))
    return [(item.key, score) for item, score in result.archive], logged


def test_same_archive_in_process_with_one_and_two_workers_and_deaths(local_ray, tmp_path):
    """Also with a worker that dies on its way: every score from 0.64 on kills its process once."""
    deadly = partial(toy_worker, failing=0.525, deadly=0.64, deaths=tmp_path / "deaths")
    (tmp_path / "deaths").mkdir()
    kinds = {
        "process": InProcessEvaluator(partial(toy_worker, failing=0.525)),
        "one": RayEvaluator(partial(toy_worker, failing=0.525), workers=1),
        "two": RayEvaluator(deadly, workers=2),
    }
    found = [archive(evaluator, tmp_path / name) for name, evaluator in kinds.items()]
    assert found[0] == found[1] == found[2]
    assert len(list((tmp_path / "deaths").iterdir())) == 2
    assert any(score is None for _, score in found[0][0])


def test_candidate_that_always_kills_its_worker_is_recorded(local_ray):
    space = load_space("tiny_asymmetric")
    tasks = [Task.of(item) for item in RandomSearcher(space, seed=1, budget=3).ask()]
    highest = max(toy_score(task.genes) for task in tasks)
    with RayEvaluator(partial(toy_worker, deadly=highest), workers=1) as evaluator:
        found = evaluator.evaluate(tasks)
    for task, item in zip(tasks, found, strict=True):
        dead = toy_score(task.genes) == highest
        assert item.ok != dead
        assert ("died 3 times" in item.error) == dead


class SlowWorker(ToyWorker):
    """Tells its process id and takes its time."""

    def evaluate(self, task):
        time.sleep(0.3)
        evaluation = super().evaluate(task)
        evaluation.error = str(os.getpid())
        return evaluation


def test_actor_killed_from_outside_is_replaced_and_actors_are_reused(local_ray):
    space = load_space("tiny_asymmetric")
    tasks = [Task.of(item) for item in RandomSearcher(space, seed=1, budget=3).ask()]
    with RayEvaluator(SlowWorker, workers=1) as evaluator:
        (first,) = evaluator.evaluate(tasks[:1])

        def kill_next(position: int, evaluation: Evaluation) -> None:
            if position == 0:
                os.kill(int(first.error), signal.SIGKILL)

        found = evaluator.evaluate(tasks, on_result=kill_next)
        assert found[0].error == first.error
        assert {item.error for item in found[1:]} == {evaluator.evaluate(tasks[:1])[0].error} != {first.error}
    assert [item.suc for item in found] == [toy_score(task.genes) for task in tasks]


def test_real_worker_gives_the_same_numbers_as_in_process(local_ray):
    space = load_space("tiny_asymmetric")
    tasks = [Task.of(item, language="both") for item in RandomSearcher(space, seed=1, budget=2).ask()]
    with RayEvaluator(test_worker.build, workers=1, threads=1) as evaluator:
        remote = evaluator.evaluate(tasks)
    here = InProcessEvaluator(test_worker.build, threads=1).evaluate(tasks)
    assert all(item.ok for item in here)
    assert [replace(item, seconds=0.0) for item in remote] == [replace(item, seconds=0.0) for item in here]


def test_modules_beside_the_driver_are_found_by_its_actors(local_ray, tmp_path, monkeypatch):
    (tmp_path / "users_own.py").write_text(
        "import os\nfrom asymnas.search import Evaluation\n"
        "class Mine:\n    def evaluate(self, task):\n        return Evaluation(suc=0.5, error=os.getcwd())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import users_own

    with RayEvaluator(users_own.Mine) as evaluator:
        (found,) = evaluator.evaluate([Task(genes=(("a", "x"),))])
    assert (found.suc, found.error) == (0.5, str(tmp_path))


def test_too_many_workers_for_the_cluster(local_ray):
    many = int(local_ray.cluster_resources()["CPU"]) + 1
    with pytest.raises(EvaluationError, match=f"{many} workers with 1 CPU each need {many} CPU"):
        RayEvaluator(toy_worker, workers=many).evaluate([Task(genes=(("a", "x"),))])
    with pytest.raises(EvaluationError, match=r"2 workers with 0.5 GPU each need 1 GPU, but got 0"):
        RayEvaluator(toy_worker, workers=2, gpus_per_worker=0.5).evaluate([Task(genes=(("a", "x"),))])


def test_wrong_numbers():
    with pytest.raises(JobError, match="workers: must be a whole number of at least 1, but got 0"):
        RayEvaluator(toy_worker, workers=0)
    with pytest.raises(JobError, match="gpus_per_worker"):
        RayEvaluator(toy_worker, gpus_per_worker=-1)


def test_cluster_that_cannot_be_reached():
    ray = pytest.importorskip("ray")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EvaluationError, match="no Ray cluster answers there"):
            module._connect(ray, address, 1)
    with pytest.raises(EvaluationError, match="auto or host:port"):
        module._connect(ray, "nowhere", 1)
