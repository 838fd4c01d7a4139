"""Reading video files, cameras and image folders frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.frames import IMAGE_SUFFIXES, FolderFrames, list_images

__all__ = ["Footage", "VideoFrames", "open_footage"]

FOLDER_FPS = 25.0
"""Frames per second of an image folder, which does not say."""

CAMERA_FPS = 30.0
"""Frames per second of a camera that does not say."""


class VideoFrames:
    """The frames of a video file; quick in order, exact in any order. Packets that do not decode are left out.

    Attributes:
        declared: the number of frames that the file declares, which may be wrong; None where it does not.
        fps: frames per second that it declares; None where it does not.

    Raises:
        DataError: the file is no video.
    """

    def __init__(self, file: Path) -> None:
        self.file = Path(file)
        self._count: int | None = None
        self._rewind()
        self.declared = self._stream.frames or None
        rate = float(self._stream.average_rate or 0)
        self.fps = rate if 0 < rate <= 1000 else None

    def __len__(self) -> int:
        """Count the frames that decode; the first call decodes the file to its end."""
        if self._count is None:
            self._rewind()
            self._count = sum(1 for _ in self._frames)
            self._rewind()
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        wanted = index + len(self) if index < 0 else index
        if 0 <= wanted < self._next:
            self._rewind()
        frame = self.read() if wanted >= 0 else None
        while frame is not None and self._next <= wanted:
            frame = self.read()
        if frame is None:
            raise IndexError(f"frame {index} of {self.file}")
        return frame

    def read(self) -> np.ndarray | None:
        """Return the next frame, (height, width, 3) uint8 BGR; None at the end."""
        frame = next(self._frames, None)
        if frame is None:
            return None
        self._next += 1
        image = frame.to_ndarray(format="bgr24")
        return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90))) if frame.rotation else image

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _rewind(self) -> None:
        try:
            self._container = av.open(str(self.file))
            self._stream = self._container.streams.video[0]
        except (OSError, ValueError, IndexError) as error:
            raise _not_decoded(self.file) from error
        self._stream.thread_type = "AUTO"
        self._frames = self._decoded()
        self._next = 0

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            except (StopIteration, EOFError):
                return
            yield from frames  # type: ignore[misc]


def _not_decoded(file: Path) -> DataError:
    rule = "no frame of the video can be decoded; the file is corrupt, cut short or of an unknown codec"
    way_out = f"If it plays elsewhere, convert it: ffmpeg -i {file.name} -c:v libx264 new.mp4."
    return DataError(Problem(str(file), rule, way_out=way_out))


@dataclass(slots=True, eq=False)
class Footage:
    """Frames that come one after the other: iterate once, from the first; all have one size."""

    name: str  # the file's or folder's, or "camera-0"
    kind: str  # "file", "folder" or "camera"
    source: str  # what the user named
    first: np.ndarray  # (height, width, 3) uint8 BGR
    fps: float  # see `notes` where it was assumed
    total: int | None  # frames, as far as is known
    notes: list[str] = field(default_factory=list)  # what was assumed or found wrong; may grow until the end
    _rest: Iterator[np.ndarray] = field(default=iter(()), repr=False)
    _handle: Any = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.first.shape[1], self.first.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames; `DataError` if one is corrupt or of another size, or the camera went away."""
        yield self.first
        for index, frame in enumerate(self._rest, 1):
            if frame.shape != self.first.shape:
                rule = "all frames must have the size of the first, {}x{} pixels".format(*self.size)
                got, way_out = f"{frame.shape[1]}x{frame.shape[0]}", "Resize them, or keep one video a folder."
                raise DataError(Problem(f"{self.source}: frame {index}", rule, got, way_out))
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
    """Open a video file, a folder of images or a camera ("0" is the first); `fps` replaces what the source says.

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
        raise _not_decoded(path)
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
        note = f"{footage.source} declares {declared} frames, but {count} decode: it is damaged or cut short"
        footage.notes.append(note)
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
    note = f"{source} is a folder, which has no frames per second; {FOLDER_FPS:g} are assumed"
    rest = (frames[index] for index in range(1, len(frames)))
    return Footage(path.resolve().name, "folder", source, frames[0], FOLDER_FPS, len(frames), [note], rest)


class _Camera:
    def __init__(self, number: int) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said by the errors here
        self.capture = cv2.VideoCapture(number)

    def read(self) -> np.ndarray | None:
        good, frame = self.capture.read()
        if not good:
            return None
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame[:, :, :3]

    def close(self) -> None:
        self.capture.release()


def _open_camera(number: int, source: str) -> Footage:
    camera = _Camera(number)
    first = camera.read() if camera.capture.isOpened() else None
    if first is None:
        camera.close()
        way_out = "Check that it is connected and not in use, or try another number."
        raise DataError(Problem(f"camera {number}", "the camera must give pictures", "none", way_out))
    rate = float(camera.capture.get(cv2.CAP_PROP_FPS))
    rate = rate if 0 < rate <= 1000 else 0.0
    notes = [] if rate else [f"camera {number} declares no frames per second; {CAMERA_FPS:g} are assumed"]
    rest = _rest_of_camera(camera, number)
    return Footage(f"camera-{number}", "camera", source, first, rate or CAMERA_FPS, None, notes, rest, camera)


def _rest_of_camera(camera: _Camera, number: int) -> Iterator[np.ndarray]:
    while (frame := camera.read()) is not None:
        yield frame
    raise DataError(Problem(f"camera {number}", "stopped giving pictures", way_out="Check its connection."))
