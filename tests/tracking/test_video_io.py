"""Reading footage and writing videos: order, seeking, damage, sizes, codecs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.demo import video_out as sink_module
from asymnas.tracking.demo.video_in import VideoFrames, open_footage
from asymnas.tracking.demo.video_out import VideoSink


def picture(index: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """A grey level that tells the frame, robust to compression."""
    return np.full((size[1], size[0], 3), 20 + 10 * index, np.uint8)


def number(frame: np.ndarray) -> int:
    return round((float(frame.mean()) - 20) / 10)


def write(path: Path, count: int = 12, size: tuple[int, int] = (64, 48), **options) -> VideoSink:
    sink = VideoSink(path, size, 20.0, **options)
    for index in range(count):
        sink.write(picture(index, size))
    sink.close()
    return sink


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write(tmp_path / "clip.mp4")
    return tmp_path / "clip.mp4"


@pytest.mark.parametrize("ending", sorted(sink_module.CODECS))
def test_every_kind_of_file_round_trips(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"clip{ending}")
    with open_footage(tmp_path / f"clip{ending}") as footage:
        assert [number(frame) for frame in footage] == list(range(12))
        assert footage.size == (64, 48)
        assert footage.fps == pytest.approx(20, abs=0.1)
    assert [item.name for item in tmp_path.iterdir()] == [f"clip{ending}"]


def test_frames_by_index_in_any_order(video: Path) -> None:
    frames = VideoFrames(video)
    assert [number(frames[index]) for index in (3, 4, 1, 11, 0, -1)] == [3, 4, 1, 11, 0, 11]
    assert len(frames) == 12
    np.testing.assert_array_equal(frames[5], frames[5])
    for index in (12, -13):
        with pytest.raises(IndexError):
            frames[index]


def test_odd_sides_are_padded_and_lose_nothing(tmp_path: Path) -> None:
    sink = write(tmp_path / "odd.mp4", size=(65, 47))
    assert "66x48" in sink.notes[0]
    with open_footage(tmp_path / "odd.mp4") as footage:
        assert footage.size == (66, 48)
        assert np.ptp(footage.first, axis=(0, 1)).max() <= 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clip.mpeg7", {}, "must end with one of .mp4"),
        ("clip", {}, "Write clip.mp4"),
        ("clip.mp4", {"codec": "h264x"}, "codec that FFmpeg can write"),
        ("clip.mp4", {"codec": "pcm_s16le"}, "must be a video codec"),
        ("clip.webm", {"codec": "mjpeg"}, "must work in .webm"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        VideoSink(tmp_path / name, (64, 48), 20.0, **options)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="must be writable"):
        VideoSink(tmp_path / "file" / "clip.mp4", (64, 48), 20.0)


def test_what_was_there_stays_until_the_file_is_whole(video: Path) -> None:
    before = video.read_bytes()
    sink = VideoSink(video, (64, 48), 20.0)
    sink.write(picture(0))
    assert video.read_bytes() == before
    sink.discard()
    assert video.read_bytes() == before
    assert list(video.parent.iterdir()) == [video]


def test_every_frame_of_an_mp4_comes_back_in_its_place(tmp_path: Path) -> None:
    """Frames of noise and of sudden changes, whose order a wrong seek or a dropped frame would show."""
    rng = np.random.default_rng(0)
    levels = rng.integers(20, 236, 90)
    sink = VideoSink(tmp_path / "clip.mp4", (64, 48), 29.97)
    for level in levels:
        sink.write(np.full((48, 64, 3), level, np.uint8))
    sink.close()
    frames = VideoFrames(tmp_path / "clip.mp4")
    assert sink.codec == "libx264" and frames.declared == len(frames) == 90
    assert frames.fps == pytest.approx(29.97)
    found = np.array([frames[index].mean() for index in range(90)])
    np.testing.assert_allclose(found, levels, atol=4)
    for index in rng.permutation(90)[:12]:
        assert frames[int(index)].mean() == found[index]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    sink = VideoSink(tmp_path / "clip.mp4", (64, 48), 20.0)
    sink.write(picture(0))
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DataError, match="must be writable, but got No space left"):
        sink.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a video at all", None])
def test_corrupt_videos(video: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]) -> None:
    video.write_bytes(video.read_bytes()[:700] if content is None else content)
    with pytest.raises(DataError, match=r"no frame of the video can be decoded.*ffmpeg -i clip.mp4"):
        open_footage(video)
    assert capfd.readouterr().err == ""


def test_a_video_cut_short_is_told(tmp_path: Path) -> None:
    whole = tmp_path / "clip.avi"
    rng = np.random.default_rng(0)
    sink = VideoSink(whole, (64, 48), 20.0, codec="mjpeg")
    for _ in range(40):
        sink.write(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8))
    sink.close()
    (tmp_path / "cut.avi").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with open_footage(tmp_path / "cut.avi") as footage:
        got = len(list(footage))
    assert 10 < got < 30
    assert footage.notes == [f"{tmp_path / 'cut.avi'} declares 40 frames, but {got} decode: it is damaged or cut short"]


def folder(path: Path, sizes: list[tuple[int, int]]) -> Path:
    path.mkdir()
    for index, size in enumerate(sizes):
        cv2.imwrite(str(path / f"{index}.png"), picture(index, size))
    return path


def test_image_folder_in_natural_order(tmp_path: Path) -> None:
    with open_footage(folder(tmp_path / "seq", [(64, 48)] * 12)) as footage:
        assert [number(frame) for frame in footage] == list(range(12))
    assert (footage.total, footage.name) == (12, "seq")
    assert "25 are assumed" in footage.notes[0]
    with open_footage(tmp_path / "seq", fps=7) as footage:
        assert (footage.fps, footage.notes) == (7.0, [])


def test_images_of_several_sizes_are_refused(tmp_path: Path) -> None:
    with (
        open_footage(folder(tmp_path / "seq", [(64, 48), (64, 48), (32, 24)])) as footage,
        pytest.raises(DataError, match=r"seq: frame 2: .*size of the first, 64x48.*got 32x24"),
    ):
        list(footage)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing of that name"):
        open_footage(tmp_path / "none.mp4")
    with pytest.raises(DataError, match=r"camera 99.*must give pictures"):
        open_footage("99")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="must hold frames"):
        open_footage(tmp_path / "empty")
    folder(tmp_path / "empty" / "img", [(64, 48)])
    with pytest.raises(DataError, match=r"Name .*img"):
        open_footage(tmp_path / "empty")
    with pytest.raises(DataError, match="one image"):
        open_footage(tmp_path / "empty" / "img" / "0.png")


def test_a_camera_is_read_until_it_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Capture:
        left = 3

        def __init__(self, number: int) -> None:
            assert number == 0

        def isOpened(self) -> bool:
            return True

        def get(self, prop: int) -> float:
            return 0.0

        def read(self):
            type(self).left -= 1
            return (True, np.zeros((48, 64), np.uint8)) if self.left >= 0 else (False, None)

        def release(self) -> None:
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    footage = open_footage("0")
    assert (footage.name, footage.total, footage.size) == ("camera-0", None, (64, 48))
    assert "30 are assumed" in footage.notes[0]
    frames = []
    with pytest.raises(DataError, match="stopped giving pictures"):
        for frame in footage:
            frames.append(frame)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
