"""`asymnas data check`, `asymnas data show` and `asymnas doctor` on a small data root."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.core.errors import DataError, Problem
from asymnas.report import doctor, examine
from asymnas.task import TASKS
from asymnas.tracking import data as asymnas_data
from asymnas.tracking.data import Video
from asymnas.tracking.pictures.sheets import draw_video_sheet
from asymnas.tracking.task.health import health


def asymnas(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def root(tmp_path) -> Path:
    """TNL2K with a sound video of four frames, the third absent."""
    folder = tmp_path / "data/TNL2K/test/dog"
    (folder / "imgs").mkdir(parents=True)
    for number in range(4):
        image = np.full((120, 160, 3), 40, np.uint8)
        image[30:60, 20 + 20 * number : 50 + 20 * number] = (0, 0, 250)
        cv2.imwrite(str(folder / f"imgs/{number}.png"), image)
    (folder / "groundtruth.txt").write_text("".join(f"{20 + 20 * number},30,30,30\n" for number in range(4)))
    (folder / "absent.txt").write_text("0\n0\n1\n0\n")
    (folder / "language.txt").write_text("the red dog")
    return tmp_path / "data"


def test_check_of_a_sound_set(root):
    result = asymnas("data", "check", "tnl2k", "--data-root", root)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines() if line]
    rows = {line.rsplit("  ", 1)[0].strip(): line.split()[-1] for line in lines}
    assert (rows["videos"], rows["frames"], rows["absent frames"], rows["defects"]) == ("1", "4", "1", "0")
    assert "note: the benchmark has 700 videos" in result.stdout and "tnl2k/train is not there" in result.stderr


def test_check_of_a_damaged_set(root):
    (root / "TNL2K/test/dog/imgs/2.png").write_bytes(b"")
    (root / "TNL2K/test/dog/language.txt").write_text("")
    result = asymnas("data", "check", "tnl2k", "--split", "test", "--decode", "--data-root", root)
    assert result.exit_code == 1 and result.stdout.count("defect: ") == 2
    assert "imgs/2.png" in result.stdout and "no sentence" in result.stdout
    result = asymnas("data", "check", "tnl2k", "--data-root", root, "--json")
    (report,) = json.loads(result.stdout)["reports"]
    assert result.exit_code == 1 and len(report["defects"]) == 2 and report["without_sentence"] == ["dog"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "tnl3k"), "Did you mean 'tnl2k'"),
        (("check", "tnl2k", "--split", "val"), "must be one of train, test"),
        (("check", "lasot"), "must hold LaSOT"),
        (("check", "tnl2k", "--data-root", "nowhere"), "must be a folder"),
        (("check", "tnl2k", "--split", "test", "--videos", "9"), "between 1 and the 1 there are"),
        (("show", "tnl2k", "dot", "-o", "x.png"), "Did you mean 'dog'"),
        (("show", "tnl2k", "dog", "-o", "x.gif"), ".png or .jpg"),
        (("show", "tnl2k", "dog", "-o", "/proc/none/x.png"), "must be writable"),
    ],
)
def test_bad_input_is_told(root, monkeypatch, words, message):
    monkeypatch.setenv("ASYMNAS_DATA", str(root))
    result = asymnas("data", *words)
    assert result.exit_code == 2 and message in result.stderr and not result.stdout


def test_show_draws_boxes_and_the_sentence(root, tmp_path):
    result = asymnas("data", "show", "tnl2k", "dog", "-o", tmp_path / "out/sheet.png", "--data-root", root, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["split"] == "test" and told["absent"] == 1 and told["sentence"] == "the red dog"
    sheet = cv2.imread(told["file"])
    cells = sheet[sheet.shape[0] - 240 :]
    assert sheet.shape[1] > 4 * 320 and sheet.shape[0] > 240
    green = (cells == (60, 220, 60)).all(axis=2)
    shares = [green[:, start : start + 320].sum() for start in range(4, 4 + 4 * 324, 324)]
    assert min(shares[0], shares[1], shares[3]) > 200 and shares[2] == 0  # the absent frame's box has another colour
    assert (sheet[: sheet.shape[0] - 240] > 200).any()
    assert asymnas("data", "show", "tnl2k", "dog", "-o", tmp_path / "s.jpg", "--data-root", root).exit_code == 0


@pytest.fixture
def cropped(tmp_path) -> Path:
    """A set of crops with one target of two frames."""
    folder = tmp_path / "crops/lasot"
    for frame in range(2):
        (folder / "crop511/dog").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"crop511/dog/00000{frame}.00.x.jpg"), np.full((511, 511, 3), 90, np.uint8))
    boxes = {"000000": [10, 20, 50, 40], "000001": [10, 20, 50, 44]}
    (folder / "train.json").write_text(json.dumps({"dog": {"00": boxes, "phrase": "the grey dog"}}))
    return tmp_path / "crops"


def test_options_of_a_set_are_given_by_key_and_value(cropped, root, tmp_path):
    words = ("crop511", "--split", "train", "--data-root", cropped)
    result = asymnas("data", "check", *words, "--option", "folder=lasot", "--option", "index=false", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["reports"][0]["frames"] == 2
    picture = tmp_path / "sheet.png"
    show = ("data", "show", "crop511", "dog-00", "-o", picture, *words[1:], "--option", "folder=lasot", "--json")
    result = asymnas(*show)
    assert result.exit_code == 0 and json.loads(result.stdout)["sentence"] == "the grey dog", result.output
    show = ("data", "show", "tnl2k", "dog", "-o", picture, "--data-root", root, "--option", "frames=2", "--json")
    assert json.loads(asymnas(*show).stdout)["frames"] == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("crop511", (), "folder"),
        ("crop511", ("fold=lasot",), "unknown option, but got 'fold'"),
        ("crop511", ("folder=7",), "option 'folder'"),
        ("crop511", ("folder=lasot", "aspect=wide"), "option 'aspect'"),
        ("crop511", ("folder",), "must be KEY=VALUE"),
        ("crop511", ("folder=[",), "must be KEY=VALUE"),
        ("crop511", ("=lasot",), "must be KEY=VALUE"),
        ("crop511", ("folder=lasot", "folder=other"), "must be given once"),
        ("crop511", ("folder=lasot", "videos=1"), "option 'videos': must not be given as an option"),
        ("crop511", ("folder=lasot", "root=/"), "option 'root'"),
        ("crop511", ("folder=2020-13-45",), "must be KEY=VALUE"),
        ("crop511", ("aspect=" + 5000 * "9",), "must be KEY=VALUE"),
        ("crop511", ("folder=" + 5000 * "[",), "must be KEY=VALUE"),
        ("crop511", ("folder=" + 300 * "x",), "must hold"),
        ("synthetic", ("frames=99999999999999999999",), "must be 2 to"),
        ("tnl2k", ("frames=2",), "without options"),
    ],
)
def test_wrong_options_are_told(cropped, root, name, options, message):
    place = root if name == "tnl2k" else cropped
    words = [word for option in options for word in ("--option", option)]
    split = "train" if name == "crop511" else "test"
    result = asymnas("data", "check", name, "--split", split, "--data-root", place, *words)
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output, result.output


def test_a_sheet_shows_frames_that_cannot_be_read(root):
    from asymnas.tracking.data import find_video

    (root / "TNL2K/test/dog/imgs/1.png").unlink()
    cv2.imwrite(str(root / "TNL2K/test/dog/imgs/9.png"), np.zeros((120, 160, 3), np.uint8))
    (root / "TNL2K/test/dog/imgs/2.png").write_bytes(b"junk")
    video, _split = find_video("tnl2k", "dog", None, root)
    assert draw_video_sheet(video, count=3).shape[2] == 3
    single = Video("v", "d", video.frames, video.boxes[:1], video.absent[:1])
    assert draw_video_sheet(single, count=12, title="d/test").shape[1] >= 640


@pytest.fixture(autouse=True)
def tracking(monkeypatch):
    """The part of the doctor that the task of tracking has."""
    monkeypatch.setitem(TASKS._objects, "tracking", SimpleNamespace(health=health))


def test_doctor(root, monkeypatch):
    monkeypatch.setenv("ASYMNAS_DATA", str(root))
    result = asymnas("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == (1 if found["problems"] else 0)
    sets = {row["name"]: row for row in found["datasets"]}
    assert sets["tnl2k"]["splits"] == {"test": {"videos": 1, "published": 700}}
    assert sets["lasot"]["state"] == "not found" and sets["synthetic"]["state"] == "needs no files"
    packages = {row["name"]: row for row in found["packages"]}
    assert packages["numpy"]["ok"] and packages["numpy"]["version"] == np.__version__
    assert found["data_root"] == str(root) and {row["purpose"] for row in found["disk"]} == {"runs", "cache", "data"}
    text = asymnas("doctor").stdout
    assert "test 1 of 700 videos" in text and "gpus" in text and "torch" in text


def test_doctor_tells_what_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setenv("ASYMNAS_DATA", str(tmp_path / "none"))
    real = doctor._version_of
    monkeypatch.setattr(doctor, "_version_of", lambda name: {"scipy": "1.2", "ray": None}.get(name, real(name)))
    result = asymnas("doctor")
    assert result.exit_code == 1
    for words in ("package scipy: must be >=1.11, but got 1.2", "package ray: must be", "ASYMNAS_DATA: the data root"):
        assert words in result.stdout
    monkeypatch.delenv("ASYMNAS_DATA")
    rows = {row["name"]: row["state"] for row in examine()["datasets"]}
    assert rows["tnl2k"] == "no data root"


def test_doctor_looks_past_what_is_broken(root, monkeypatch, tmp_path):
    place = tmp_path / "data [old]"
    root.rename(place)
    (place / "coco").mkdir()

    def broken(name):
        if name == "got10k":
            raise DataError(Problem("data set 'got10k'", "cannot import it", "boom"))
        if name == "lasot":
            raise PermissionError(13, "Permission denied", "LaSOT")
        return real(name)

    real = asymnas_data.reader_of
    monkeypatch.setattr(asymnas_data, "reader_of", broken)
    result = asymnas("doctor", "--data-root", place, "--json")
    found = json.loads(result.stdout)
    rows = {row["name"]: row["state"] for row in found["datasets"]}
    assert result.exit_code == 1 and rows["coco"] == "folder coco is there" and rows["tnl2k"] == "test 1 of 700 videos"
    assert (rows["got10k"], rows["lasot"]) == ("cannot be used", "cannot be read")
    assert any("boom" in problem for problem in found["problems"])
    text = asymnas("doctor", "--data-root", place).stdout
    assert f"data root  {place}" in re.sub(" {2,}", "  ", text) and "LaSOT: the files of lasot must be readable" in text
    check = asymnas("data", "check", "tnl2k", "--data-root", place)
    assert "data [old]/TNL2K/test" in check.stdout
