"""`asymnas explain`: what it writes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from asymnas_trackers.baselines._trackers import StaticTracker
from asymnas_trackers.vlt_scar import VLTSCAROptions, plugin
from typer.testing import CliRunner, Result

import asymnas.tracking.benchmark.open
from asymnas.cli import app
from asymnas.core.seeding import rng_for
from asymnas.space import load_space
from asymnas.testing import moving_square
from asymnas.tracking.benchmark.open import ReadyTracker


def explain(*words: Any) -> Result:
    return CliRunner().invoke(app, ["explain", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def blind() -> ReadyTracker:
    space = load_space("tiny_no_mixer")
    tracker = plugin.build(VLTSCAROptions(channels=16, head_depth=1), space=space, seed=0)
    return ReadyTracker("blind", tracker, space.sample(rng_for(0, "blind")).genes, {"tracker": "vlt_scar"}, False)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blind: ReadyTracker) -> Path:
    """A folder of frames with its boxes; trackers named "static" and any run are opened without files."""
    monkeypatch.chdir(tmp_path)
    square = moving_square(3, frames=4)
    Path("frames").mkdir()
    for index in range(len(square)):
        cv2.imwrite(f"frames/{index}.png", square.frame(index))
    np.savetxt("truth.txt", square.boxes, delimiter=",")
    static = ReadyTracker("static", StaticTracker(), None, {}, False)
    ready = {"static": static, "run": blind}
    monkeypatch.setattr(asymnas.tracking.benchmark.open, "open_tracker", lambda name, **_: ready[name])
    return Path("frames")


def test_files_that_agree(clip: Path) -> None:
    result = explain("run", clip, "--truth", "truth.txt", "--trackers", "static", "-o", "inside", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    files = ["gradcam.png", "trackers.png", "explain.json", "report.html"]
    assert [Path(file).name for file in record.pop("files")] == files
    assert sorted(item.name for item in Path("inside").iterdir()) == sorted(files)
    assert json.loads(Path("inside/explain.json").read_text()) == record
    assert [item["tracker"] for item in record["trackers"]] == ["blind", "static"]
    assert record["frame"] == 2
    assert [item["label"] for item in record["gradcam"]] == ["none"]
    assert "has no ModaMixer" in record["notes"][0]
    assert Path("inside/report.html").read_text().count("data:image/png") == 2


def test_tables_on_the_terminal_and_a_folder_by_default(clip: Path) -> None:
    result = explain("run", clip, "--truth", "truth.txt", "--frame", 3)
    assert result.exit_code == 0, result.output
    assert "Where the answer comes from" in result.stdout
    assert "explained/frames/report.html" in result.stdout
    assert "note: blind has no ModaMixer" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "none.mp4"), "none.mp4: the video must exist"),
        (("run", "synthetik:x"), "Did you mean 'synthetic'?"),
        (("run", "synthetic:standard-0"), "no such video"),
        (("run", "frames"), "first frame must be given. Give --box"),
        (("run", "frames", "--box", "1,2,3"), "four numbers"),
        (("run", "frames", "--truth", "truth.txt", "--frame", 4), "between 1 and 3"),
        (("run", "frames", "--truth", "truth.txt", "--frame", 0), "between 1 and 3"),
        (("run", "frames", "--truth", "truth.txt", "--split", "test"), "--split: is a data set's"),
        (("run", "frames", "--truth", "truth.txt", "--text", " "), "--text: must have a word"),
        (("run", "frames", "--truth", "truth.txt", "--text", "a cat"), "blind reads no sentences"),
        (("static", "frames", "--truth", "truth.txt"), "is no Siamese tracker"),
        (("run", "synthetic:standard-00000", "--box", "1,1,9,9"), "--box: is for a video of one's own"),
        (("run", "frames", "--truth", "truth.txt", "-o", "truth.txt"), "truth.txt"),
    ],
)
def test_what_cannot_be_is_told(clip: Path, words: tuple[Any, ...], message: str) -> None:
    result = explain(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not Path("explained").exists()
