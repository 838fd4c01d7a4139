"""Tables of the truth: built, killed, resumed, in parts; read and refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from planted_table import planted_table
from toy_task import ToyTask, build, toy_space

from asymnas.core.errors import DataError, JobError, RunFolderError, SpaceError
from asymnas.job import Job, load_job
from asymnas.nn import weights_hash
from asymnas.space import load_space
from asymnas.study import build_table, read_table
from asymnas.study.bench.table import fingerprinted
from asymnas.task import TASKS, Measurement, TaskPlugin
from asymnas.training import TrainingConfig, train_alone, train_subnet


class CoarseTask(ToyTask):
    """The toy task over the job's space, with a reward of few values."""

    scored = ("both",)

    def __init__(self, job) -> None:
        super().__init__(job)
        self.space = load_space(job.space)

    def measure(self, *args, **options) -> Measurement:
        found = super().measure(*args, **options)
        return dataclasses.replace(found, values={name: round(value, 1) for name, value in found.values.items()})


class CoarseJob(Job):
    """A job whose class brings this module, and so the task, to the workers."""


class CoarsePlugin(TaskPlugin):
    name = "coarse"
    summary = "the toy task with a reward of few values"

    def schema(self):
        return CoarseJob

    def open(self, job):
        return CoarseTask(job)


TASKS.register("coarse", CoarsePlugin(), replace=True)


def coarse_job(**more) -> Job:
    job = {
        "task": "coarse",
        "name": "small",
        "space": toy_space(2, ("left", "right")).to_dict(),
        "training": {"steps": 4, "batch_size": 12, "lr": 0.05},
        "evaluation": {"recalibration": {"batches": 1, "batch_size": 6}},
        "search": {"algorithm": "random", "population": 1, "budget": 1},
        "resources": {"engine": "inprocess"},
    }
    return load_job(job, more)


class Stop:
    """A reporter that kills the build after some trainings."""

    def __init__(self, after: int) -> None:
        self.after = after

    def update(self, stage, done, total, text="", eta=None) -> None:
        if done >= self.after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    file = tmp_path_factory.mktemp("table") / "table.npz"
    return file, build_table(coarse_job(), file, seeds=2)


def same(table, other) -> bool:
    assert table.header.fingerprint == other.header.fingerprint
    return all(np.array_equal(array, other.arrays[name]) for name, array in table.arrays.items())


def test_a_table_has_every_architecture_seed_split_and_condition(whole):
    file, table = whole
    read = read_table(file)
    assert same(table, read) and len(read.architectures) == 16 and read.header.seeds == 2
    assert read.value("test").shape == (16, 2) and read.value("test", "left", "error").shape == (16, 2)
    assert read.items("validation").shape == (16, 2, 3) and read.items("test").shape == (16, 2, 5)
    np.testing.assert_allclose(read.items("test").mean(2), read.value("test"), atol=1e-6)
    assert np.ptp(read.arrays["curve"][..., -1]) > 0 and read.header.curve_steps == [1, 2, 3, 4]
    assert all(read.index(architecture) == place for place, architecture in enumerate(read.architectures))
    macs = [architecture.space.cost(architecture).macs for architecture in read.architectures]
    assert read.arrays["cost"][:, :, 0].sum(1).tolist() == macs


def test_a_table_says_what_training_alone_gives(whole):
    _, table = whole
    place, seed = 11, 1
    task = coarse_job(seed=seed).open()
    model, architecture = task.model(), table.architectures[place]
    config = TrainingConfig(**task.job.training.model_dump(), seed=seed)
    curve = train_alone(model, task.batches("training"), architecture, config)
    assert np.float32([loss for _, loss in curve]).tolist() == table.arrays["curve"][place, seed].tolist()


def test_trained_alone_in_memory_as_by_train_subnet(tmp_path):
    config = TrainingConfig(steps=7, batch_size=12, shards=2, lr=0.05, clip_grad=0.1, warmup_steps=2, seed=3)
    architecture = next(iter(toy_space().enumerate()))
    setup = build()
    curve = train_alone(setup.model, setup.batches, architecture, config, points=3)
    result = train_subnet(build, architecture, config, tmp_path, engine="inprocess")
    assert weights_hash(setup.model) == result.weights_hash
    assert [step for step, _ in curve] == [3, 5, 7]


def test_a_killed_build_goes_on_and_ends_with_the_same_file(whole, tmp_path):
    _, table = whole
    with pytest.raises(KeyboardInterrupt):
        build_table(coarse_job(), tmp_path / "table.npz", seeds=2, progress=Stop(13))
    log = tmp_path / "table.jsonl"
    assert not (tmp_path / "table.npz").exists() and len(log.read_text().splitlines()) == 14
    log.write_bytes(log.read_bytes()[:-30])  # killed while it wrote
    resumed = build_table(coarse_job(**{"search.budget": 2}), tmp_path / "table.npz", seeds=2)
    assert same(resumed, table) and same(read_table(tmp_path / "table.npz"), table)
    lines = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    assert sorted((line["place"], line["seed"]) for line in lines) == [(a, s) for a in range(16) for s in range(2)]


def test_workers_change_no_number(whole, tmp_path):
    job = coarse_job(**{"resources.engine": "ray", "resources.workers": 2})
    assert same(build_table(job, tmp_path / "table.npz", seeds=2), whole[1])


def test_parts_join_to_the_same_table(whole, tmp_path):
    for part in (1, 3):
        assert build_table(coarse_job(), tmp_path / "table.npz", seeds=2, part=(part, 3)) is None
    done = len((tmp_path / "table.1of3.jsonl").read_text().splitlines()) - 1
    assert done == 11
    assert same(build_table(coarse_job(), tmp_path / "table.npz", seeds=2), whole[1])
    assert len((tmp_path / "table.jsonl").read_text().splitlines()) == 1 + 11


def test_a_log_of_other_settings_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        build_table(coarse_job(), tmp_path / "table.npz", seeds=1, progress=Stop(1))
    with pytest.raises(RunFolderError, match="same space, data, training settings"):
        build_table(coarse_job(**{"training.lr": 0.1}), tmp_path / "table.npz", seeds=1)
    log = tmp_path / "table.jsonl"
    log.write_text(log.read_text() + '{"place": 1\n')
    with pytest.raises(RunFolderError, match=r"table\.jsonl:3: the line is corrupt"):
        build_table(coarse_job(), tmp_path / "table.npz", seeds=1)


def test_a_large_space_is_refused(tmp_path):
    space = toy_space(6, ("left", "right")).to_dict()
    with pytest.raises(SpaceError, match="at most 1,024 architectures"):
        build_table(coarse_job(space=space), tmp_path / "table.npz")


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "changed", "foreign"])
def test_a_damaged_or_foreign_table_is_a_clear_error(whole, tmp_path, damage):
    file = tmp_path / "table.npz"
    content = whole[0].read_bytes()
    if damage == "text":
        file.write_text("not a table")
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        arrays = dict(whole[1].arrays)
        arrays["values"] = arrays["values"] + np.float32(0.01)
        dataclasses.replace(whole[1], arrays=arrays).write(file)
    elif damage == "foreign":
        np.savez(file, values=np.zeros(3))
    with pytest.raises(DataError) as caught:
        read_table(file)
    said = {"missing": "does not exist", "changed": "fingerprint"}.get(damage, "must be a table")
    assert said in str(caught.value) and str(file) in str(caught.value)


def test_a_path_of_another_space_has_no_place():
    table = planted_table()
    tied = table.space.replace(tie=["image.stage1.* = audio.stage1.*"])
    architecture = tied.sample(np.random.default_rng(0))
    assert table.architectures[table.index(architecture)].genes == architecture.genes
    with pytest.raises(SpaceError):
        table.index(next(iter(toy_space().enumerate())))


def test_the_fingerprint_names_content_not_times():
    table = planted_table()
    later = fingerprinted(table.header.model_copy(update={"seconds": 5.0}), table.arrays)
    other = fingerprinted(table.header.model_copy(update={"seeds": 4}), table.arrays)
    assert later.header.fingerprint == table.header.fingerprint != other.header.fingerprint


def test_a_reward_of_many_values_is_refused():
    from asymnas.study.bench.trainings import ItemCodes

    with pytest.raises(DataError, match="256 distinct"):
        ItemCodes.of(np.linspace(0, 1, 300))
    values = np.array([0.0, 1 / 3, 1.0, 1 / 3])
    assert ItemCodes.of(values).values().tolist() == values.tolist()


def test_arms_are_read_or_refused():
    from asymnas.study.bench.simulate import BenchArm

    assert BenchArm.of("evolution+ladder+estimator") == BenchArm("evolution+ladder+estimator", "evolution", True, True)
    for text in ("evolutoin", "evolution+laddr"):
        with pytest.raises(JobError, match="arm"):
            BenchArm.of(text)
