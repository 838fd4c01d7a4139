"""Writing video files: codecs, odd sizes, files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from asymnas.core.errors import DataError, Problem

__all__ = ["CODECS", "VideoSink", "codecs_for", "quiet"]

CODECS: dict[str, tuple[str, ...]] = {
    ".mp4": ("avc1", "mp4v"),
    ".m4v": ("avc1", "mp4v"),
    ".mov": ("avc1", "mp4v"),
    ".mkv": ("avc1", "mp4v"),
    ".avi": ("XVID", "MJPG"),
    ".webm": ("VP80", "VP90"),
}
"""The codecs that are tried for each kind of file, in this order."""


class VideoSink:
    """Writes frames to a video file that takes its name when it is closed; what was there before stays until then.

    Args:
        path: the file; its ending (`CODECS`) says its kind.
        size: width and height of the frames. Odd sides get their last line twice, because the codecs halve the colour
            planes.
        fps: frames per second.
        codec: a codec's four letters; None tries those of `CODECS` in order.

    Attributes:
        codec: the codec in use.
        notes: codecs that are missing in this build of OpenCV, and padding.

    Raises:
        DataError: an unknown kind of file, a folder that cannot be written, no codec that works.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, *, codec: str | None = None) -> None:
        self.path = Path(path)
        self.frames = 0
        self.notes: list[str] = []
        self._pad = (size[1] % 2, size[0] % 2)
        self._size = (size[0] + self._pad[1], size[1] + self._pad[0])
        if any(self._pad):
            self.notes.append(f"padded to {self._size[0]}x{self._size[1]} pixels: video codecs need even sides")
        order = codecs_for(self.path, codec)
        self._target = Path(os.path.realpath(path))  # a link stays, and what it names is replaced
        self._partial = self._target.with_name(f".{self.path.stem}.part{self.path.suffix}")
        _check_writable(self._partial)
        for name in order:
            writer = self._open(name, fps)
            if writer is not None:
                self._writer, self.codec = writer, name
                break
        else:
            self._remove()
            rule = f"none of the codecs {', '.join(order)} works in this build of OpenCV"
            others = [kind for kind in CODECS if kind != self.path.suffix.lower()]
            raise DataError(Problem(str(self.path), rule, way_out=f"Try another ending: {', '.join(others)}."))
        missing = order[: order.index(self.codec)]
        if missing:
            self.notes.append(f"codec {', '.join(missing)} is not in this build of OpenCV; {self.codec} is used")

    def _open(self, codec: str, fps: float) -> cv2.VideoWriter | None:
        with quiet():
            writer = cv2.VideoWriter(str(self._partial), cv2.VideoWriter.fourcc(*codec), fps, self._size)
        if writer.isOpened():
            return writer
        writer.release()
        return None

    def write(self, frame: np.ndarray) -> None:
        """Add a frame (height, width, 3) uint8 BGR."""
        if any(self._pad):
            frame = cv2.copyMakeBorder(frame, 0, self._pad[0], 0, self._pad[1], cv2.BORDER_REPLICATE)
        self._writer.write(np.ascontiguousarray(frame))
        self.frames += 1

    def close(self) -> None:
        """End the file and give it its name.

        Raises:
            DataError: the file does not hold the frames that were written, as on a full disk; it keeps its other name.
        """
        self._writer.release()
        with quiet():
            check = cv2.VideoCapture(str(self._partial))
        good, count = check.read()[0], int(check.get(cv2.CAP_PROP_FRAME_COUNT))
        check.release()
        if not good or abs(count - self.frames) > 1:  # webm's count is an estimate
            rule = f"must hold the {self.frames} frames that were written"
            raise DataError(Problem(str(self._partial), rule, str(max(count, 0)), "Is the disk full?"))
        os.replace(self._partial, self._target)

    def discard(self) -> None:
        """Leave no file behind."""
        self._writer.release()
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._partial.unlink()


def codecs_for(path: Path, codec: str | None = None) -> tuple[str, ...]:
    """Return the codecs to try for a file, in order.

    Raises:
        DataError: the ending or the codec's name cannot be.
    """
    if path.suffix.lower() not in CODECS:
        rule = "a video's name must end with one of " + ", ".join(CODECS)
        raise DataError(Problem(str(path), rule, repr(path.suffix), f"Write {path.with_suffix('.mp4').name}."))
    if codec is None:
        return CODECS[path.suffix.lower()]
    if len(codec) != 4 or not codec.isascii():
        raise DataError(Problem("codec", "must be four letters, such as mp4v", repr(codec)))
    return (codec,)


def _check_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        rule = "the folder of the video must be writable"
        raise DataError(
            Problem(str(path.parent), rule, error.strerror or str(error), "Choose another place with -o.")
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what video libraries write to stderr away: the codecs they lack are told by errors and notes."""
    try:
        number = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
        saved = os.dup(number)
    except (OSError, ValueError):  # a program without stderr
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), number)
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)
