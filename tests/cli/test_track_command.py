"""`asymnas track`: the four files, what ends it early, and what is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from asymnas_trackers.baselines._trackers import StaticTracker
from typer.testing import CliRunner, Result

import asymnas.tracking.benchmark.open
import asymnas.tracking.demo.window as window
from asymnas.cli import app
from asymnas.core.errors import LanguageError
from asymnas.testing import moving_square
from asymnas.tracking.demo.video_in import open_footage
from asymnas.tracking.demo.video_out import VideoSink
from asymnas.tracking.results import read_result


def track(*words: Any) -> Result:
    return CliRunner().invoke(app, ["track", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def square():
    return moving_square(3, frames=12)


@pytest.fixture
def clip(tmp_path: Path, square, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sink = VideoSink(tmp_path / "clip.mp4", (96, 72), 20.0)
    for index in range(len(square)):
        sink.write(square.frame(index))
    sink.close()
    return tmp_path / "clip.mp4"


@pytest.fixture
def corner(square) -> str:
    return ",".join(f"{value:g}" for value in square.boxes[0])


class Speaking(StaticTracker):
    """Counts frames; an error or a key stroke can be planned for one of them."""

    def __init__(self, at: int = -1, error: BaseException | None = None) -> None:
        self.at, self.error, self.frame = at, error, 0

    def step(self, sessions, frames):
        self.frame += 1
        if self.frame == self.at and self.error is not None:
            raise self.error
        return super().step(sessions, frames)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for a run folder that reads sentences."""
    ready = SimpleNamespace(
        name="my_run", tracker=Speaking(), path=None, settings={"run": "my_run"}, reads_language=True, sentences=[]
    )

    def embed(sentences):
        ready.sentences += list(sentences)

    ready.embed = embed
    monkeypatch.setattr(asymnas.tracking.benchmark.open, "open_tracker", lambda spec, **_: ready)
    return ready


def test_four_files_that_agree(clip: Path, corner: str, square, tmp_path: Path) -> None:
    words = ("--text", "a noisy  square", "--tracker", "template_matching", "-o", "o/out.mp4")
    result = track(clip, "--box", corner, *words)
    assert result.exit_code == 0, result.output
    out = tmp_path / "o"
    assert sorted(item.name for item in out.iterdir()) == ["out.json", "out.mp4", "out.png", "out.txt"]
    record = json.loads((out / "out.json").read_text())
    boxes = read_result(out / "out.txt")
    np.testing.assert_allclose(boxes.boxes, record["boxes"], atol=1e-6)
    np.testing.assert_allclose(boxes.scores, record["scores"], atol=1e-6)
    np.testing.assert_allclose(boxes.boxes, square.boxes, atol=4)
    assert (record["sentence"], record["frames"], record["size"]) == ("a noisy square", 12, [96, 72])
    assert record["tracker"]["tracker"] == "template_matching"
    assert any("reads no sentences" in note for note in record["notes"])
    with open_footage(out / "out.mp4") as footage:
        assert len(list(footage)) == 12
        assert footage.fps == pytest.approx(20)
        assert (footage.first[:288].reshape(-1, 3).astype(int).max(0) > 200).any()  # the box is brighter than the noise
    assert cv2.imread(str(out / "out.png")).shape[1] == 4 * 304 + 4
    assert "tracking: 12/12" in result.stderr
    assert "video: o/out.mp4" in result.stdout


def test_json_alone_on_stdout_and_a_name_by_default(clip: Path, corner: str) -> None:
    result = track("clip.mp4", "--box", corner, "--tracker", "static", "--frames", 5, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert result.stderr == ""
    assert record["frames"] == 5
    assert record["files"]["video"] == "clip_tracked.mp4"
    assert Path("clip_tracked.mp4").is_file()
    assert record["stopped"] == ""


def test_a_run_gets_the_sentence(clip: Path, corner: str, run: SimpleNamespace) -> None:
    assert track(clip, "--box", corner, "--run", "runs/my_run", "--text", "a  cat ", "-o", "a.mp4").exit_code == 0
    result = track(clip, "--box", corner, "--run", "runs/my_run", "--text", " ", "-o", "a.mp4")
    assert result.exit_code == 0, result.output
    assert run.sentences == ["a cat", None]
    assert "no sentence was given" in result.stderr


def test_loading_the_text_encoder_is_no_part_of_the_speed(clip: Path, corner: str, run: SimpleNamespace) -> None:
    run.embed = lambda sentences: time.sleep(0.3)
    result = track(clip, "--box", corner, "--run", "my_run", "--text", "a square", "-o", "out.mp4", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["seconds"]["tracker"] < 0.2


def test_a_sentence_that_cannot_be_embedded_costs_no_earlier_result(clip: Path, corner: str, run) -> None:
    words = (clip, "--box", corner, "--run", "my_run", "-o", "out.mp4")
    assert track(*words).exit_code == 0
    before = {item: item.read_bytes() for item in clip.parent.iterdir()}

    def embed(sentences):
        raise LanguageError("no encoder is here")

    run.embed = embed
    result = track(*words)
    assert result.exit_code == 2
    assert "no encoder is here" in result.stderr
    assert {item: item.read_bytes() for item in clip.parent.iterdir()} == before


def test_ctrl_c_keeps_what_was_written(clip: Path, corner: str, run: SimpleNamespace) -> None:
    run.tracker = Speaking(7, KeyboardInterrupt())
    result = track(clip, "--box", corner, "--run", "r", "-o", "out.mp4")
    assert result.exit_code == 130
    assert "the 7 frames until then are kept" in result.stderr
    record = json.loads(Path("out.json").read_text())
    assert (record["stopped"], record["frames"]) == ("interrupted", 7)
    assert len(read_result(Path("out.txt")).boxes) == 7
    with open_footage("out.mp4") as footage:
        assert len(list(footage)) == 7
    assert Path("out.png").is_file()


def test_a_frame_that_fails_keeps_those_before(tmp_path: Path, corner: str, square, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seq").mkdir()
    for index in range(6):
        cv2.imwrite(f"seq/{index}.png", square.frame(index))
    data = Path("seq/4.png").read_bytes()
    Path("seq/4.png").write_bytes(data[: len(data) // 2])
    result = track("seq", "--box", corner, "--tracker", "static", "-o", "out.mp4")
    assert result.exit_code == 2
    assert "4.png" in result.stderr
    assert "cut short" in result.stderr
    assert "Traceback" not in result.output
    record = json.loads(Path("out.json").read_text())
    assert record["frames"] == 4
    assert "4.png" in record["stopped"]
    with open_footage("out.mp4") as footage:
        assert len(list(footage)) == 4


def test_a_tracker_that_fails_is_told_with_its_frame(clip: Path, corner: str, run: SimpleNamespace) -> None:
    run.tracker = Speaking(at=4, error=RuntimeError("no such\nweights"))
    result = track(clip, "--box", corner, "--run", "my_run", "-o", "out.mp4")
    assert result.exit_code == 2
    assert "tracker 'my_run': failed in frame 4, but got RuntimeError: no such weights" in result.stderr
    assert "Traceback" not in result.output
    assert json.loads(Path("out.json").read_text())["frames"] == 4
    with open_footage("out.mp4") as footage:
        assert len(list(footage)) == 4
    run.tracker = Speaking(at=1, error=cv2.error("x"))
    run.tracker.start = None
    assert track(clip, "--box", corner, "--run", "my_run", "-o", "other.mp4").exit_code == 2
    assert not [item.name for item in clip.parent.iterdir() if "other" in item.name]


def test_a_full_disk_costs_no_other_file(clip: Path, corner: str) -> None:
    words = (clip, "--box", corner, "--tracker", "static", "-o", "out.mp4", "--overwrite")
    Path("out.txt").symlink_to("/dev/full")
    result = track(*words)
    assert result.exit_code == 2, result.output
    assert "out.txt: must be writable, but got No space left" in result.stderr
    assert "Traceback" not in result.output
    Path("out.txt").unlink(missing_ok=True)
    Path("out.png").symlink_to("/dev/full")
    result = track(*words)
    assert result.exit_code == 2
    assert "out.png: must be writable, but got No space left" in result.stderr
    assert json.loads(Path("out.json").read_text())["frames"] == 12
    with open_footage("out.mp4") as footage:
        assert len(list(footage)) == 12
    assert not [item.name for item in clip.parent.iterdir() if item.name.startswith(".")]


def test_what_is_read_is_never_replaced(clip: Path, corner: str, square) -> None:
    before = clip.read_bytes()
    common = ("--box", corner, "--tracker", "static", "--overwrite")
    result = track("clip.mp4", *common, "-o", "clip.mp4")
    assert result.exit_code == 2
    assert "must not be the video that is read" in result.stderr
    assert clip.read_bytes() == before
    Path("seq").mkdir()
    for index in range(2):
        cv2.imwrite(f"seq/{index}.png", square.frame(index))
    result = track("seq", *common, "-o", "seq/out.mp4")
    assert result.exit_code == 2
    assert "folder of frames" in result.stderr
    assert len(list(Path("seq").iterdir())) == 2


def test_the_output_is_checked_before_the_tracker_is_opened(clip: Path, corner: str, monkeypatch) -> None:
    monkeypatch.setattr(
        asymnas.tracking.benchmark.open, "open_tracker", lambda *_, **__: pytest.fail("the tracker was opened")
    )
    for words in (("-o", "out.gif"), ("-o", "clip.mp4"), ("-o", "out.mp4", "--codec", "four?")):
        assert track(clip, "--box", corner, "--run", "my_run", *words).exit_code == 2


def test_the_truth_is_drawn_too(clip: Path, corner: str, square) -> None:
    np.savetxt("boxes.txt", square.boxes + np.array([0, 20, 0, 0]), delimiter=",", header="x,y,w,h")
    common = (clip, "--box", corner, "--tracker", "static")
    assert track(*common, "-o", "plain.mp4").exit_code == 0
    assert track(*common, "-o", "truth.mp4", "--truth", "boxes.txt").exit_code == 0
    with open_footage("plain.mp4") as plain, open_footage("truth.mp4") as truth:
        assert np.abs(plain.first.astype(int) - truth.first).max() > 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1,2\n3,4\n", "2 columns"),  # four numbers, and no box
        (b"1,2,3,4\n1,2,3\n", "truth.txt:1"),
        (b"1,2,3,4,5,6,7,8\n", "8 columns"),  # a polygon
        (b"x,y,w,h\n", "a header only"),
        (b"# nothing\n\n", "truth.txt"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_truth_that_is_none(clip: Path, corner: str, text: bytes, message: str) -> None:
    Path("truth.txt").write_bytes(text)
    result = track(clip, "--box", corner, "--tracker", "static", "-o", "out.mp4", "--truth", "truth.txt")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_truth_of_another_editor(clip: Path, corner: str) -> None:
    Path("truth.txt").write_bytes(b"\xef\xbb\xbf1,2,3,4\r\n5,6,7,8\r\nnan,nan,nan,nan\r\n")
    result = track(clip, "--box", corner, "--tracker", "static", "-o", "out.mp4", "--truth", "truth.txt")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--box", "1,2,3", "--tracker", "static"), "four numbers x,y,w,h, but got '1,2,3'"),
        (("--box", "a,b,c,d", "--tracker", "static"), "four numbers"),
        (("--box", "1,2,0,5", "--tracker", "static"), "greater than 0"),
        (("--box", "1,2,nan,5", "--tracker", "static"), "four numbers"),
        (("--box", "90,60,40,40", "--tracker", "static"), "frame of 96x72 pixels, but 96 % is outside"),
        (("--box", "1,1,20,20"), "--run and --tracker must say what tracks, but got none"),
        (("--box", "1,1,20,20", "--tracker", "static", "--run", "x"), "but got both"),
        (("--box", "1,1,20,20", "--tracker", "statik"), "Did you mean 'static'?"),
        (("--box", "1,1,20,20", "--run", "no/run"), "no/run"),
        (("--box", "1,1,20,20", "--tracker", "static", "-o", "out.mpeg"), "Write out.mp4"),
        (("--box", "1,1,20,20", "--tracker", "static", "-o", "clip.mp4/out.mp4"), "must be writable"),
        (("--box", "1,1,20,20", "--tracker", "static", "--codec", "ZZZZ"), "codec that FFmpeg can write"),
        (("--box", "1,1,20,20", "--tracker", "static", "-o", "clip.mp4"), "must not be the video that is read"),
        (("--box", "1,1,20,20", "--tracker", "static", "--truth", "none.txt"), "none.txt"),
        (("--tracker", "static"), "--box x,y,w,h (pixels"),
        (("--tracker", "static", "--box", "1,1,20,20", "--show"), "needs a desktop"),
    ],
)
def test_what_cannot_be_is_told(clip: Path, words: tuple[str, ...], message: str, monkeypatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    result = track("clip.mp4", *words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert [item.name for item in clip.parent.iterdir()] == ["clip.mp4"]


def test_videos_that_cannot_be_read(clip: Path, corner: str) -> None:
    clip.write_bytes(clip.read_bytes()[:900])
    for name, message in (("clip.mp4", "no frame of the video can be decoded"), ("other.mp4", "nothing of that name")):
        result = track(name, "--box", corner, "--tracker", "static")
        assert result.exit_code == 2
        assert message in result.stderr


def test_a_box_over_the_border_is_noted(clip: Path) -> None:
    result = track(clip, "--box", "-4,10,20,20", "--tracker", "static", "--json")
    assert result.exit_code == 0, result.output
    assert any("over the border" in note for note in json.loads(result.stdout)["notes"])


def test_foreign_files_are_not_replaced(clip: Path, corner: str) -> None:
    Path("clip2.txt").write_text("1,2,3,4\n")
    words = (clip, "--box", corner, "--tracker", "static", "-o", "clip2.mp4")
    refused = track(*words)
    assert refused.exit_code == 2
    assert "clip2.txt: is there already" in refused.stderr
    assert Path("clip2.txt").read_text() == "1,2,3,4\n"
    assert track(*words, "--overwrite").exit_code == 0
    assert track(*words).exit_code == 0  # an earlier result is no foreign file
    Path("clip2.json").unlink()
    assert "clip2.mp4: is there already" in track(*words).stderr


def test_the_box_is_drawn_with_the_mouse(clip: Path, square, monkeypatch) -> None:
    asked, windows = [], set()

    def need(title: str, *_: Any) -> None:
        if title not in windows:  # as the windows of Qt have it
            raise cv2.error("no such window")

    def wait(_: int) -> int:
        if not windows:
            raise cv2.error("no window")
        return ord("q")

    def select(title: str, frame: np.ndarray, **_: Any) -> tuple[int, ...]:
        asked.append(frame.shape)
        return tuple(square.boxes[0].astype(int))

    monkeypatch.setattr(window, "no_desktop", lambda: None)
    monkeypatch.setattr(cv2, "namedWindow", lambda title, *_: windows.add(title))
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: windows.remove(title))
    for name in ("resizeWindow", "imshow"):
        monkeypatch.setattr(cv2, name, need)
    monkeypatch.setattr(cv2, "selectROI", select)
    monkeypatch.setattr(cv2, "waitKey", wait)
    result = track(clip, "--tracker", "static", "--show", "--json")
    assert result.exit_code == 0, result.output
    assert asked == [(72, 96, 3)]
    record = json.loads(result.stdout)
    assert record["frames"] == 1  # q ended it
    assert not windows
    monkeypatch.setattr(cv2, "selectROI", lambda *_, **__: (0, 0, 0, 0))
    assert "no box was drawn" in track(clip, "--tracker", "static").stderr


def test_a_display_that_does_not_answer_is_no_desktop(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(window, "_PROBE", "import sys; sys.exit('could not connect to display')")
    assert window.no_desktop() == "could not connect to display"
    monkeypatch.setattr(window, "_PROBE", "pass")
    assert window.no_desktop() is None
