"""The split over workers changes no bit; errors of one worker end all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal

import gloo_workers
import pytest
from toy_task import factory

from asymnas.core.errors import DataError
from asymnas.nn import weights_hash
from asymnas.training import TrainingConfig, train_supernet
from asymnas.training._exchange import shards_of

BASE = {"steps": 8, "batch_size": 12, "lr": 0.05, "log_every": 3, "checkpoint_every": 4, "warmup_steps": 2}
CASES = [
    {"name": "two_shards", "config": BASE | {"shards": 2}},
    {"name": "three_shards", "config": BASE | {"shards": 3, "sampling": "fair", "optimizer": "adamw"}},
    {"name": "missing_frame", "config": BASE | {"shards": 2}, "build": {"missing_at": 5}},
    {"name": "other_weights", "config": BASE | {"shards": 2}, "seeds": [0, 1]},
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What ended each case in each of two gloo workers."""
    folder = tmp_path_factory.mktemp("gloo")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=gloo_workers.run, args=(rank, str(folder), CASES)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    ends = [json.loads((folder / f"outcome_{rank}.json").read_text()) for rank in range(2)]
    return folder, {case["name"]: (ends[0][index], ends[1][index]) for index, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case["name"])
def test_two_workers_give_the_weights_and_losses_of_one(outcomes, tmp_path, case):
    folder, ends = outcomes
    assert ends[case["name"]] == ("done", "done")
    config = TrainingConfig(**case["config"])
    alone = train_supernet(factory(), config, tmp_path, engine="inprocess")
    assert weights_hash(folder / case["name"] / "supernet.safetensors") == alone.weights_hash
    lines = [
        [{key: value for key, value in json.loads(line).items() if "second" not in key} for line in text.splitlines()]
        for text in ((place / "training.jsonl").read_text() for place in (folder / case["name"], tmp_path))
    ]
    assert lines[0] == lines[1] and [line["step"] for line in lines[0]] == [3, 6, 8]


def test_an_error_of_one_worker_ends_both_and_is_named_once(outcomes):
    folder, ends = outcomes
    assert ends["missing_frame"][0].startswith("PeerFailed")
    assert ends["missing_frame"][1].startswith("DataError: file 7 of step 5")
    assert (folder / "missing_frame" / "training" / "step_00000004").is_dir()


def test_workers_with_unequal_initial_weights_are_refused(outcomes):
    assert all("same initial weights" in end for end in outcomes[1]["other_weights"])


def test_every_shard_has_one_worker():
    for workers in range(1, 6):
        for shards in range(workers, 9):
            assert [shard for rank in range(workers) for shard in shards_of(rank, workers, shards)] == [*range(shards)]


@pytest.fixture(scope="module")
def ray_cluster():
    ray = pytest.importorskip("ray")
    was_running = ray.is_initialized()
    yield
    if not was_running:
        ray.shutdown()


def ray_config(**more) -> TrainingConfig:
    return TrainingConfig(**(BASE | {"shards": 2, "workers": 2} | more))


def test_ray_workers_give_the_weights_of_the_in_process_engine(ray_cluster, tmp_path):
    reports = []
    result = train_supernet(factory(), ray_config(), tmp_path / "ray", cpus=2, on_progress=reports.append)
    alone = train_supernet(factory(), ray_config(), tmp_path / "alone", engine="inprocess")
    assert result.weights_hash == alone.weights_hash and result.losses == alone.losses
    assert [report.step for report in reports] == [3, 6, 8]
    assert sorted(path.name for path in (tmp_path / "ray" / "training").iterdir()) == ["step_00000004", "step_00000008"]


@pytest.mark.slow
def test_a_dead_ray_worker_is_replaced_and_an_error_surfaces_as_itself(ray_cluster, tmp_path):
    alone = train_supernet(factory(), ray_config(), tmp_path / "alone", engine="inprocess")
    killed = train_supernet(factory(kill_once=str(tmp_path / "killed")), ray_config(), tmp_path / "killed_run", cpus=2)
    assert (tmp_path / "killed").exists() and killed.weights_hash == alone.weights_hash
    with pytest.raises(DataError, match="file 7 of step 5 is missing"):
        train_supernet(factory(missing_at=5), ray_config(), tmp_path / "error", cpus=2)


@pytest.mark.slow
def test_ctrl_c_stops_ray_workers_with_a_checkpoint(ray_cluster, tmp_path):
    settings = ray_config(steps=400, log_every=20, checkpoint_every=1000)
    alone = train_supernet(factory(), settings, tmp_path / "alone", engine="inprocess")
    pressed = []

    def press(progress):
        if not pressed:
            pressed.append(progress.step)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_supernet(factory(), settings, tmp_path / "run", cpus=2, on_progress=press)
    (left,) = (tmp_path / "run" / "training").iterdir()
    assert left.name.startswith("step_00000") and int(left.name[5:]) < 400
    resumed = train_supernet(factory(), settings, tmp_path / "run", engine="inprocess", resume=True)
    assert resumed.weights_hash == alone.weights_hash
