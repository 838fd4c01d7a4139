"""What is a run's in its folder and may be deleted, and what is the user's and stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import yaml

from asymnas.core.disk import write_text
from asymnas.core.errors import RunFolderError
from asymnas.job import Job, load_compare, load_job
from asymnas.runs import content as content
from asymnas.runs.folder import RunFolder


@pytest.fixture(scope="module")
def job() -> Job:
    return load_job("vlt_scar")


def _names(folder: Path) -> list[str]:
    return sorted(item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.name != ".lock")


def _older(folder: Path, job: Job) -> None:
    """A run of a version that left no mark."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.yaml").write_text(yaml.safe_dump(job.resolved(), sort_keys=False))
    (folder / "space.json").write_text("{}")
    (folder / "evaluations.jsonl").write_text("")


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"fresh": True}])
@pytest.mark.parametrize("more", [(), ("src/thesis.txt", "data.csv"), ("space.json",)])
def test_a_job_by_hand_and_its_neighbours_are_left_alone(tmp_path: Path, options, more) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("# mine\nextends: vlt_scar\nname: mine\n")
    for name in more:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("years of work")
    before = {name: (tmp_path / name).read_bytes() for name in _names(tmp_path) if (tmp_path / name).is_file()}
    with pytest.raises(RunFolderError, match=r"no run folder.*job\.yaml.*--run"):
        RunFolder.open(tmp_path, load_job(file), **options)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert not (tmp_path / ".lock").exists()  # nor is the folder taken for a run's the next time


def test_fresh_deletes_the_files_of_the_run_and_names_those_it_leaves(tmp_path: Path, job: Job, caplog) -> None:
    own = ["space.json", "summary.json", "seconds.json", "training.jsonl", ".summary.json.ab12cd34.tmp"]
    own += ["training/step_00000008/state.json", "training/ray/x", "training/failure_1_2.json"]
    own += ["tensorboard/events.out.tfevents.1.vm"]
    users = ["notes.txt", "figures/a.png", "training/diary.md", ".notes.tmp"]
    with RunFolder.open(tmp_path, job):
        for name in [*own, *users]:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
    with caplog.at_level("WARNING"), RunFolder.open(tmp_path, load_job("vlt_scar", ["seed=4"]), fresh=True) as run:
        assert load_job(run.job).seed == 4
    assert [name for name in own if (tmp_path / name).exists()] == []
    assert [name for name in users if not (tmp_path / name).is_file()] == []
    assert "left untouched: .notes.tmp, figures, notes.txt, training" in caplog.text


def _boxes(folder: Path, more: str) -> None:
    """A result folder; the manifest says whose it is."""
    (folder / "times").mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format": "asymnas-results"' + more + "}")
    (folder / "a.txt").write_text("# x,y,w,h,score (pixels)\n")
    (folder / "times" / "a.txt").write_text("# seconds of the whole video\n")


def test_fresh_deletes_the_boxes_and_strips_of_the_run_and_no_others(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path, job):
        for name in ("lasot/with", "lasot/mil", "tnl2k/with"):
            _boxes(tmp_path / "boxes" / name, ', "evaluation": "0f"')
        _boxes(tmp_path / "boxes" / "lasot" / "theirs", "")  # such as of `asymnas test`
        (tmp_path / "boxes" / "lasot" / "mil" / "notes.txt").write_text("it fails in the dark")
        (tmp_path / "boxes" / "lasot" / "mil" / ".a.txt.0a1b2c3d.tmp").write_text("# x,y")
        (tmp_path / "strips").mkdir()
        for name in ("01_a-b.jpg", "06_x.jpg", ".01_a.jpg.0a1b2c3d.tmp", "poster.jpg"):
            (tmp_path / "strips" / name).write_text("x")
        (tmp_path / "statistics.safetensors").write_text("x")
    with RunFolder.open(tmp_path, job, fresh=True):
        left = [name for name in _names(tmp_path) if (tmp_path / name).is_file()]
        theirs = [f"boxes/lasot/theirs/{name}" for name in ("a.txt", "manifest.json", "times/a.txt")]
        own = [".asymnas-run", "job.yaml", "log.txt"]
        assert left == sorted([*own, "boxes/lasot/mil/notes.txt", *theirs, "strips/poster.jpg"])
        assert not (tmp_path / "boxes" / "tnl2k").exists() and not (tmp_path / "boxes" / "lasot" / "with").exists()


def test_a_linked_folder_of_boxes_is_emptied_and_stays_linked(tmp_path: Path, job: Job) -> None:
    with RunFolder.open(tmp_path / "run", job):
        _boxes(tmp_path / "big" / "lasot" / "with", ', "evaluation": "0f"')
        (tmp_path / "run" / "boxes").symlink_to(tmp_path / "big")
    with RunFolder.open(tmp_path / "run", job, fresh=True):
        assert (tmp_path / "run" / "boxes").is_symlink() and not list((tmp_path / "big").iterdir())


def test_a_linked_folder_of_checkpoints_is_emptied_and_stays_linked(tmp_path: Path, job: Job) -> None:
    (tmp_path / "big").mkdir()
    with RunFolder.open(tmp_path / "run", job):
        (tmp_path / "run" / "training").symlink_to(tmp_path / "big")
        (tmp_path / "big" / "step_00000004").mkdir()
    with RunFolder.open(tmp_path / "run", job, fresh=True):
        assert (tmp_path / "run" / "training").is_symlink() and not list((tmp_path / "big").iterdir())


@pytest.mark.parametrize("options", [{}, {"fresh": True}])
def test_a_job_that_is_read_from_the_run_folder_is_kept(tmp_path: Path, job: Job, options) -> None:
    with RunFolder.open(tmp_path, job):
        pass
    before = (tmp_path / "job.yaml").read_bytes()
    with pytest.raises(RunFolderError, match=r"the job is read from the run folder itself.*--run"):
        RunFolder.open(tmp_path, load_job(tmp_path / "job.yaml"), **options)
    assert (tmp_path / "job.yaml").read_bytes() == before
    with RunFolder.open(tmp_path, load_job(tmp_path / "job.yaml"), resume=True) as run:
        assert run.resumed
    (tmp_path / "supernet.safetensors").write_bytes(b"x")
    weights = load_job("vlt_scar").model_copy(deep=True)
    training = weights.training.model_copy(update={"initial_weights": str(tmp_path / "supernet.safetensors")})
    with pytest.raises(RunFolderError, match="initial_weights"):
        RunFolder.open(tmp_path, weights.model_copy(update={"training": training}), fresh=True)
    assert (tmp_path / "supernet.safetensors").exists()


def test_older_runs_without_a_mark_are_known(tmp_path: Path, job: Job) -> None:
    _older(tmp_path / "a", job)
    with pytest.raises(RunFolderError, match=r"--resume.*--fresh"):
        RunFolder.open(tmp_path / "a", job)
    with RunFolder.open(tmp_path / "a", job, resume=True) as run:
        assert run.resumed and (run.path / content.MARK).is_file()
    _older(tmp_path / "b", job)
    with RunFolder.open(tmp_path / "b", job, fresh=True):
        assert _names(tmp_path / "b") == [".asymnas-run", "job.yaml", "log.txt"]
    compare = load_compare("compare_symmetry")
    _older(tmp_path / "c" / "tiny_symmetric-seed0", job)
    (tmp_path / "c" / "job.yaml").write_text(yaml.safe_dump(compare.resolved()))
    (tmp_path / "c" / "mine-seed0").mkdir()
    (tmp_path / "c" / "mine-seed0" / "a.txt").write_text("x")
    with RunFolder.open(tmp_path / "c", compare, resume=True) as run:
        assert run.resumed
    with RunFolder.open(tmp_path / "c", compare, fresh=True):
        assert _names(tmp_path / "c") == [".asymnas-run", "job.yaml", "log.txt", "mine-seed0", "mine-seed0/a.txt"]


def test_only_torn_files_of_a_run_are_swept(tmp_path: Path, job: Job) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / ".notes.tmp").write_text("x")
    with pytest.raises(RunFolderError, match="no run folder"):
        RunFolder.open(tmp_path / "thesis", job)
    assert (tmp_path / "thesis" / ".notes.tmp").exists()
    with RunFolder.open(tmp_path / "run", job) as run:
        for name in (".notes.tmp", ".summary.json.0a1b2c3d.tmp", ".training.jsonl.123"):
            (run.path / name).write_text("x")
        for name in ("boxes/d/with/.a.txt.0a1b2c3d.tmp", "boxes/d/with/times/.a.txt.0a1b2c3d.tmp",
                     "boxes/d/with/.manifest.json.0a1b2c3d.tmp", "strips/.01_a.jpg.0a1b2c3d.tmp"):  # fmt: skip
            (run.path / name).parent.mkdir(parents=True, exist_ok=True)
            (run.path / name).write_text("x")
        (run.path / "strips" / "mine.tmp").write_text("x")
        (run.path / ".swap.tmp").mkdir()
        (run.path / ".space.json.0a1b2c3d.tmp").mkdir()
    with RunFolder.open(tmp_path / "run", job, resume=True):
        kept = {".asymnas-run", ".notes.tmp", ".space.json.0a1b2c3d.tmp", ".swap.tmp", "job.yaml", "log.txt"}
        kept |= {"boxes", "boxes/d", "boxes/d/with", "boxes/d/with/times", "strips", "strips/mine.tmp"}
        assert set(_names(tmp_path / "run")) == kept


def test_what_cannot_be_deleted_is_told(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder.open(tmp_path, job) as run:
        run.write_json("summary.json", {})

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RunFolderError, match="Read-only"):
        RunFolder.open(tmp_path, job, fresh=True)


def test_text_goes_through_links(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "x.txt")
    for text in ("new", "again"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "x.txt").read_text() == text
    assert os.listdir(tmp_path / "there") == ["x.txt"]


def test_a_run_that_has_begun_needs_its_initial_weights_no_more(tmp_path: Path) -> None:
    weights = tmp_path / "first.safetensors"
    weights.write_bytes(b"x")
    job = load_job("vlt_scar", {"training.initial_weights": str(weights)})
    with RunFolder.open(tmp_path / "run", job):
        weights.unlink()
    with RunFolder.open(tmp_path / "run", job, resume=True) as run:
        assert run.resumed
