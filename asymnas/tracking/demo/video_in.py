"""Reading video files, cameras and image folders frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.frames import IMAGE_SUFFIXES, FolderFrames, list_images
from asymnas.tracking.demo.video_out import quiet

__all__ = ["Footage", "VideoFrames", "open_footage"]

FOLDER_FPS = 25.0
"""Frames per second of an image folder, which does not say."""

CAMERA_FPS = 30.0
"""Frames per second of a camera that does not say."""

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong with a file is told by the errors of this module


class VideoFrames:
    """The frames of a video file; quick in order, exact in any order.

    A frame before the last one read is reached by decoding the file anew from its start, because containers seek to
    near frames only.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing, or no frame of it decodes.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._capture = _open_file(self.path)
        self._next = 0
        self._count: int | None = None

    @property
    def declared(self) -> int | None:
        """The number of frames that the container declares; it may be wrong."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return int(count) if 0 < count < 2**31 else None

    @property
    def fps(self) -> float | None:
        """Frames per second that the container declares."""
        return _rate(self._capture)

    def __len__(self) -> int:
        """Count the frames that decode; the first call decodes the file to its end."""
        if self._count is None:
            self._rewind()
            while self._capture.grab():
                self._next += 1
            self._count = self._next
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        wanted = index + len(self) if index < 0 else index
        if 0 <= wanted < self._next:
            self._rewind()
        while self._next < wanted and self._capture.grab():
            self._next += 1
        frame = self.read() if self._next == wanted else None
        if frame is None:
            raise IndexError(f"frame {index} of {self.path}")
        return frame

    def read(self) -> np.ndarray | None:
        """Return the next frame, (height, width, 3) uint8 BGR; None at the end."""
        good, frame = self._capture.read()
        if not good:
            return None
        self._next += 1
        return _bgr(frame)

    def close(self) -> None:
        """Release the file."""
        self._capture.release()

    def _rewind(self) -> None:
        self._capture.release()
        self._capture = _open_file(self.path)
        self._next = 0


@dataclass(slots=True, eq=False)
class Footage:
    """Frames that come one after the other: iterate once, from the first; all have one size.

    Args:
        name: of the video: the file's or folder's, or "camera-0".
        kind: "file", "folder" or "camera".
        source: what the user named.
        first: the first frame, (height, width, 3) uint8 BGR.
        fps: frames per second; see `notes` where it was assumed.
        total: frames to come, the first one included, as far as is known.
        notes: what was assumed or found wrong, in sentences; may grow until the end.
    """

    name: str
    kind: str
    source: str
    first: np.ndarray
    fps: float
    total: int | None
    notes: list[str] = field(default_factory=list)
    _rest: Iterator[np.ndarray] = field(default=iter(()), repr=False)
    _handle: Any = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.first.shape[1], self.first.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames.

        Raises:
            DataError: a frame is corrupt or of another size; the camera went away.
        """
        yield self.first
        for index, frame in enumerate(self._rest, 1):
            if frame.shape != self.first.shape:
                raise _size_error(f"{self.source}: frame {index}", self.size, (frame.shape[1], frame.shape[0]))
            yield frame

    def close(self) -> None:
        """Release the file or camera."""
        if self._handle is not None:
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_footage(source: str | Path, *, fps: float | None = None) -> Footage:
    """Open a video file, a folder of images or a camera.

    Args:
        source: path of a file or folder, or a camera's number ("0" is the first) where no file has this name.
        fps: frames per second, for sources that do not say or say it wrong.

    Raises:
        DataError: nothing is there, it cannot be decoded, or the images of a folder differ in size.
    """
    text, path = str(source), Path(source).expanduser()
    if path.is_dir():
        footage = _open_folder(path, text)
    elif path.is_file():
        footage = _open_video(path, text)
    elif text.isdecimal():
        footage = _open_camera(int(text), text)
    else:
        way_out = "Name a video file, a folder of images, or a camera's number such as 0."
        raise DataError(Problem(text, "the video must exist", "nothing of that name", way_out))
    if fps is not None:
        footage.fps = float(fps)
        footage.notes = [note for note in footage.notes if "frames per second" not in note]
    return footage


def _open_video(path: Path, source: str) -> Footage:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        rule = "must be a video, a folder of images or a camera's number"
        raise DataError(Problem(source, rule, "one image", f"Name its folder: {path.parent}."))
    frames = VideoFrames(path)
    first = frames.read()
    if first is None:
        frames.close()
        rule = "no frame of the video can be decoded; the file is corrupt, cut short or of an unknown codec"
        way_out = f"If it plays elsewhere, convert it: ffmpeg -i {path.name} -c:v libx264 new.mp4."
        raise DataError(Problem(source, rule, way_out=way_out))
    footage = Footage(path.stem, "file", source, first, frames.fps or FOLDER_FPS, frames.declared, _handle=frames)
    if frames.fps is None:
        footage.notes.append(f"{source} declares no frames per second; {FOLDER_FPS:g} are assumed")
    footage._rest = _rest_of_file(frames, footage)
    return footage


def _rest_of_file(frames: VideoFrames, footage: Footage) -> Iterator[np.ndarray]:
    count = 1
    while (frame := frames.read()) is not None:
        count += 1
        yield frame
    declared = footage.total
    if declared is not None and declared - count > max(1, declared // 100):  # containers are often one off
        footage.notes.append(
            f"{footage.source} declares {declared} frames, but {count} decode: it is damaged or cut short"
        )
    footage.total = count


def _open_folder(path: Path, source: str) -> Footage:
    try:
        names = list_images(path)
    except DataError as error:
        inner = [name for name in ("img", "imgs", "color") if (path / name).is_dir()]
        if not inner:
            raise
        raise DataError(Problem(source, "the folder must hold frames", "none", f"Name {path / inner[0]}.")) from error
    frames = FolderFrames(path, names, path.resolve().name)
    _check_sizes(path, names, source)
    note = f"{source} is a folder, which has no frames per second; {FOLDER_FPS:g} are assumed"
    rest = (frames[index] for index in range(1, len(frames)))
    return Footage(path.resolve().name, "folder", source, frames[0], FOLDER_FPS, len(frames), [note], rest)


def _check_sizes(folder: Path, names: Sequence[str], source: str) -> None:
    """Compare the sizes in the images' headers; an unreadable header is left to the decoder, which names the file."""
    from PIL import Image, UnidentifiedImageError

    found: dict[tuple[int, int], tuple[str, int]] = {}
    for name in names:
        try:
            with Image.open(folder / name) as image:
                turned = image.getexif().get(274, 1) >= 5  # EXIF orientations 5 to 8 swap width and height
                size = image.size[::-1] if turned else image.size
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
            continue
        first, count = found.get(size, (name, 0))
        found[size] = first, count + 1
    if len(found) > 1:
        (first_size, (first_name, _)), (size, (name, count)) = list(found.items())[:2]
        raise _size_error(f"{source}: {name} ({count} such)", first_size, size, first_name)


def _size_error(where: str, wanted: tuple[int, int], got: tuple[int, int], first: str = "the first frame") -> DataError:
    rule = f"all frames must have the size of {first}, {wanted[0]}x{wanted[1]} pixels"
    way_out = "Resize them, or keep one video a folder."
    return DataError(Problem(where, rule, f"{got[0]}x{got[1]}", way_out))


class _Camera:
    def __init__(self, number: int) -> None:
        with quiet():
            self.capture = cv2.VideoCapture(number)

    def read(self) -> np.ndarray | None:
        good, frame = self.capture.read()
        return _bgr(frame) if good else None

    def close(self) -> None:
        self.capture.release()


def _open_camera(number: int, source: str) -> Footage:
    camera = _Camera(number)
    first = camera.read() if camera.capture.isOpened() else None
    if first is None:
        camera.close()
        way_out = "Check that it is connected and not in use, or try another number."
        raise DataError(Problem(f"camera {number}", "the camera must give pictures", "none", way_out))
    rate = _rate(camera.capture)
    notes = [] if rate else [f"camera {number} declares no frames per second; {CAMERA_FPS:g} are assumed"]
    rest = _rest_of_camera(camera, number)
    return Footage(f"camera-{number}", "camera", source, first, rate or CAMERA_FPS, None, notes, rest, camera)


def _rest_of_camera(camera: _Camera, number: int) -> Iterator[np.ndarray]:
    while (frame := camera.read()) is not None:
        yield frame
    raise DataError(Problem(f"camera {number}", "stopped giving pictures", way_out="Check its connection."))


def _open_file(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise DataError(Problem(str(path), "the video must exist", way_out="Check the name."))
    with quiet():
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def _rate(capture: cv2.VideoCapture) -> float | None:
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 0 < rate <= 1000 else None


def _bgr(frame: np.ndarray) -> np.ndarray:
    """Grey, with transparency, or 16 bits a channel: as 8-bit BGR."""
    if frame.dtype != np.uint8:
        frame = cv2.convertScaleAbs(frame, alpha=1 / 257)
    if frame.ndim == 2 or frame.shape[2] == 1:
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    return frame[:, :, :3]
