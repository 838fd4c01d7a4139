"""A pool of Ray actors: the same archive as in-process, dead workers replaced, clear errors."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest
from toy_task import open_toy, toy_candidates

from asymnas.core.errors import EvaluationError
from asymnas.core.runtime import cluster
from asymnas.core.runtime.actors import ActorPool
from asymnas.core.runtime.cluster import start_ray
from asymnas.core.runtime.pool import InProcessPool
from asymnas.search import (
    Evaluation,
    EvolutionSearcher,
    RandomSearcher,
    Request,
    ResultLog,
    ScoreSettings,
    failed_evaluation,
    run_search,
)
from asymnas.space import load_space
from asymnas.testing import _search as contracts
from asymnas.testing._search import PoolContract, ToyWorker, toy_score

SETTINGS = ScoreSettings(space="s", weights="w", splits={"validation": "v"})


def actors(factory, **options):
    return ActorPool(factory, failed=failed_evaluation, **options)


def in_process(factory, **options):
    return InProcessPool(factory, failed=failed_evaluation, **options)


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
    for toys in (contracts, sys.modules[__name__]):  # shipped by value, so that actors start without pytest and torch
        ray.cloudpickle.register_pickle_by_value(toys)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.mark.usefixtures("local_ray")
class TestActorPoolContract(PoolContract):
    def pool(self, factory):
        return actors(factory, workers=1)


def archive(pool, path):
    space = load_space("tiny_asymmetric")
    searcher = EvolutionSearcher(space, seed=3, population=8, parents=3, mutants=3, children=3, generations=3)
    with pool:
        result = run_search(searcher, pool, ResultLog(path), settings=SETTINGS, conditions=("with",))
    logged = sorted((item.index, item.key, item.value) for item in ResultLog(path))
    return [(item.key, score) for item, score in result.archive], logged


def test_same_archive_in_process_with_one_and_two_workers_and_deaths(local_ray, tmp_path):
    """Also with a worker that dies on its way: every score from 0.64 on kills its process once."""
    deadly = partial(ToyWorker, failing=0.525, deadly=0.64, deaths=tmp_path / "deaths")
    (tmp_path / "deaths").mkdir()
    kinds = {
        "process": in_process(partial(ToyWorker, failing=0.525)),
        "one": actors(partial(ToyWorker, failing=0.525), workers=1),
        "two": actors(deadly, workers=2),
    }
    found = [archive(pool, tmp_path / name) for name, pool in kinds.items()]
    assert found[0] == found[1] == found[2]
    assert len(list((tmp_path / "deaths").iterdir())) == 2
    assert any(score is None for _, score in found[0][0])


def test_candidate_that_always_kills_its_worker_is_recorded(local_ray):
    space = load_space("tiny_asymmetric")
    tasks = [Request.of(item, "validation", ("with",)) for item in RandomSearcher(space, seed=1, budget=3).ask()]
    highest = max(toy_score(task.genes) for task in tasks)
    with actors(partial(ToyWorker, deadly=highest), workers=1) as pool:
        found = pool.map(tasks)
    for task, item in zip(tasks, found, strict=True):
        dead = toy_score(task.genes) == highest
        assert item.ok != dead
        assert ("died 3 times" in item.error) == dead


class SlowWorker(ToyWorker):
    """Tells its process id and takes its time."""

    def handle(self, request):
        time.sleep(0.3)
        return super().handle(request).but(error=str(os.getpid()))


def test_actor_killed_from_outside_is_replaced_and_actors_are_reused(local_ray):
    space = load_space("tiny_asymmetric")
    tasks = [Request.of(item, "validation", ("with",)) for item in RandomSearcher(space, seed=1, budget=3).ask()]
    with actors(SlowWorker, workers=1) as pool:
        (first,) = pool.map(tasks[:1])

        def kill_next(position: int, evaluation: Evaluation) -> None:
            if position == 0:
                os.kill(int(first.error), signal.SIGKILL)

        found = pool.map(tasks, kill_next)
        assert found[0].error == first.error
        assert {item.error for item in found[1:]} == {pool.map(tasks[:1])[0].error} != {first.error}
    assert [item.value for item in found] == [toy_score(task.genes) for task in tasks]


def test_real_worker_gives_the_same_numbers_as_in_process(local_ray):
    space = open_toy().space
    tasks = [Request.of(item, "validation", ("both", "left")) for item in RandomSearcher(space, seed=1, budget=2).ask()]
    with actors(toy_candidates, workers=1, threads=1) as pool:
        remote = pool.map(tasks)
    here = in_process(toy_candidates, threads=1).map(tasks)
    assert all(item.ok for item in here)
    assert [item.but(seconds=0.0) for item in remote] == [item.but(seconds=0.0) for item in here]


def test_modules_beside_the_driver_are_found_by_its_actors(local_ray, tmp_path, monkeypatch):
    (tmp_path / "users_own.py").write_text(
        "import os\nfrom asymnas.search import Evaluation\n"
        "class Mine:\n    def handle(self, task):\n        return Evaluation(value=0.5, error=os.getcwd())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import users_own

    with actors(users_own.Mine) as pool:
        (found,) = pool.map([Request(genes=(("a", "x"),))])
    assert (found.value, found.error) == (0.5, str(tmp_path))


def test_too_many_workers_for_the_cluster(local_ray):
    many = int(local_ray.cluster_resources()["CPU"]) + 1
    with pytest.raises(EvaluationError, match=f"{many} workers with 1 CPU each need {many} CPU"):
        actors(ToyWorker, workers=many).map([Request(genes=(("a", "x"),))])
    with pytest.raises(EvaluationError, match=r"2 workers with 0.5 GPU each need 1 GPU, but got 0"):
        actors(ToyWorker, workers=2, gpus_per_worker=0.5).map([Request(genes=(("a", "x"),))])


def test_cluster_that_cannot_be_reached():
    ray = pytest.importorskip("ray")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EvaluationError, match="no Ray cluster answers there"):
            cluster._join(ray, address)
    with pytest.raises(EvaluationError, match="auto or host:port"):
        cluster._join(ray, "nowhere")
