"""The run folder: one process, one job, whole files."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asymnas.core.errors import RunFolderError
from asymnas.job import Job, load_compare, load_job
from asymnas.runs import RunFolder, read_run

HOLDER = """
import sys, time
from asymnas.job import load_job
from asymnas.runs.folder import RunFolder
run = RunFolder.open(sys.argv[1], load_job("vlt_scar"), resume=True)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def job() -> Job:
    return load_job("vlt_scar")


def test_new_folder_holds_the_resolved_job(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path / "a" / "run", job) as run:
        assert not run.resumed
        logging.getLogger("asymnas.x").info("hello")
    assert load_job(run.folder / "job.yaml").hash == job.hash
    assert "hello" in (run.folder / "log.txt").read_text()


def test_lock_of_another_process_names_it_and_dies_with_it(tmp_path: Path, job: Job) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RunFolderError, match=rf"in use by another process \(pid {holder.pid}\)"):
            RunFolder.open(tmp_path, job, resume=True)
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    began = time.monotonic()
    with RunFolder.open(tmp_path, job, resume=True) as run:
        assert run.resumed
    assert time.monotonic() - began < 5


def test_lock_within_a_process(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job), pytest.raises(RunFolderError, match="in use"):
        RunFolder.open(tmp_path, job, resume=True)
    with RunFolder.open(tmp_path, job, resume=True):
        pass


def test_held_run_is_only_touched_when_asked(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job) as run:
        run.write_json("summary.json", {"suc": 0.5})
    with pytest.raises(RunFolderError, match=r"--resume.*--fresh"):
        RunFolder.open(tmp_path, job)
    with RunFolder.open(tmp_path, job, resume=True) as run:
        assert json.loads(run.summary.read_text()) == {"suc": 0.5}
    with RunFolder.open(tmp_path, job, fresh=True) as run:
        assert not run.resumed
        held = [".asymnas-run", ".lock", ".pid", "job.yaml", "log.txt"]
        assert sorted(item.name for item in tmp_path.iterdir()) == held
    aside = tmp_path.with_name(f"{tmp_path.name}.old-1")
    assert json.loads((aside / "summary.json").read_text()) == {"suc": 0.5}
    (tmp_path / "notes.txt").write_text("x")
    with RunFolder.open(tmp_path, job, fresh=True):
        assert (tmp_path.with_name(f"{tmp_path.name}.old-2") / "notes.txt").is_file()


def test_a_run_that_ended_before_any_work_is_in_nobodys_way(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job) as run:
        run.write_json("space.json", {})
    other = load_job("vlt_scar", ["seed=3"])
    with RunFolder.open(tmp_path, other) as run:
        assert not run.resumed and load_job(run.folder / "job.yaml").seed == 3
        (tmp_path / "training").mkdir()
        (tmp_path / "training" / ".step_5.safetensors.x.tmp").write_bytes(b"torn")
    with pytest.raises(RunFolderError, match=r"--resume.*--fresh"):
        RunFolder.open(tmp_path, job)
    with RunFolder.open(tmp_path, other, resume=True):
        assert not list((tmp_path / "training").iterdir())


def test_a_run_of_before_is_refused_and_can_be_moved_aside(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job) as run:
        run.write_json("summary.json", {})
        (tmp_path / ".asymnas-run").write_text("of another version")
    for options in ({}, {"resume": True}):
        with pytest.raises(RunFolderError, match=r"another version.*--fresh"):
            RunFolder.open(tmp_path, job, **options)
    with pytest.raises(RunFolderError, match="another version"):
        read_run(tmp_path)
    with RunFolder.open(tmp_path, job, fresh=True) as run:
        assert not run.summary.exists()


def test_a_job_by_hand_and_its_neighbours_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("extends: vlt_scar\nname: mine\n")
    for options in ({}, {"resume": True}, {"fresh": True}):
        with pytest.raises(RunFolderError, match=r"no run folder.*job\.yaml.*--run"):
            RunFolder.open(tmp_path, load_job(file), **options)
    assert [item.name for item in tmp_path.iterdir()] == ["job.yaml"]


def test_a_run_that_has_begun_needs_its_initial_weights_no_more(tmp_path: Path) -> None:
    weights = tmp_path / "first.safetensors"
    weights.write_bytes(b"x")
    job = load_job("vlt_scar", {"training.initial_weights": str(weights)})
    with RunFolder.open(tmp_path / "run", job):
        weights.unlink()
    with RunFolder.open(tmp_path / "run", job, resume=True) as run:
        assert run.resumed


def test_a_linked_folder_is_moved_aside_where_it_is(tmp_path: Path, job: Job) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with RunFolder.open(tmp_path / "link", job) as run:
        run.write_json("summary.json", {})
    with RunFolder.open(tmp_path / "link", job, fresh=True):
        assert (tmp_path / "link").is_symlink() and (tmp_path / "there.old-1" / "summary.json").is_file()


def test_foreign_folder_is_never_emptied(tmp_path: Path, job: Job) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for options in ({}, {"resume": True}, {"fresh": True}):
        with pytest.raises(RunFolderError, match=r"holds other files.*thesis\.tex"):
            RunFolder.open(tmp_path, job, **options)
    assert (tmp_path / "thesis.tex").exists()


def test_resume_of_another_job_lists_every_difference(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job):
        pass
    other = load_job("vlt_scar", ["seed=3", "training.steps=900", "tracker.window=0.1", "training.workers=1"])
    with pytest.raises(RunFolderError) as error:
        RunFolder.open(tmp_path, other, resume=True)
    keys = [problem.where.rsplit(" ", 1)[1] for problem in error.value.problems]
    assert keys == ["seed", "tracker.window", "training.steps"]
    assert "must be 0 as in the run" in error.value.problems[0].rule
    assert "--fresh" in error.value.problems[-1].way_out
    elsewhere = load_job("vlt_scar", ["resources.workers=1", "training.workers=1", "data.root=there"])
    with RunFolder.open(tmp_path, elsewhere, resume=True) as run:
        assert run.resumed


def test_compare_job_has_a_folder_too(tmp_path: Path) -> None:
    compare = load_compare("compare_symmetry")
    with RunFolder.open(tmp_path, compare):
        pass
    with RunFolder.open(tmp_path, compare, resume=True) as run:
        assert run.resumed
    with pytest.raises(RunFolderError, match="seeds"):
        RunFolder.open(tmp_path, load_compare("compare_symmetry", ["seeds=[0, 1]"]), resume=True)


def test_full_disk_loses_nothing(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder.open(tmp_path, job) as run:
        run.write_json("summary.json", {"old": 1})

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch, pytest.raises(RunFolderError, match=r"No space left.*--resume"):
            patch.setattr(os, "fsync", full)
            run.write_json("summary.json", {"new": 2})
        assert json.loads(run.summary.read_text()) == {"old": 1}
        assert not list(tmp_path.glob(".summary*"))


def test_not_finite_number_is_not_written(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job) as run, pytest.raises(ValueError, match="not JSON compliant"):
        run.write_json("summary.json", {"suc": float("nan")})


def test_unwritable_folder_is_told(tmp_path: Path, job: Job) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be written"):
        RunFolder.open(tmp_path / "file" / "run", job)
