"""Writing of video files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np

from asymnas.core.errors import DataError, Problem

__all__ = ["CODECS", "VideoSink", "check_codec"]

CODECS = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".avi": "mjpeg",
    ".webm": "libvpx-vp9",
}
"""The codec of each kind of file, by FFmpeg's name."""


class VideoSink:
    """Writes frames to a video file that takes its name when it is closed; what was there before stays until then.

    Args:
        file: the file; its ending (`CODECS`) says its kind.
        size: width and height of the frames. Odd sides get their last line twice: codecs halve the colour planes.
        fps: frames per second.
        codec: FFmpeg's name of a codec; None for the one of `CODECS`.

    Raises:
        DataError: an unknown kind of file, a folder that cannot be written, a codec that does not work.
    """

    def __init__(self, file: Path, size: tuple[int, int], fps: float, *, codec: str | None = None) -> None:
        self.codec = check_codec(Path(file), codec)
        self.notes: list[str] = []
        self._pad = ((0, size[1] % 2), (0, size[0] % 2), (0, 0))
        width, height = size[0] + size[0] % 2, size[1] + size[1] % 2
        if (width, height) != tuple(size):
            self.notes.append(f"padded to {width}x{height} pixels: video codecs need even sides")
        self._target = Path(os.path.realpath(file))  # a link stays, and what it names is replaced
        self._partial = self._target.with_name(f".{self._target.stem}.part{self._target.suffix}")
        try:
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._partial), "w")
        except OSError as error:
            rule, value = "the folder of the video must be writable", error.strerror or str(error)
            way_out = "Choose another folder with -o."
            raise DataError(Problem(str(self._partial.parent), rule, value, way_out)) from error
        try:
            options = {"crf": "31"} if self.codec.startswith("libvpx") else {}
            rate = Fraction(fps).limit_denominator(1_000_000)
            self._stream = cast(av.VideoStream, self._container.add_stream(self.codec, rate, options))
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuvj420p" if self.codec == "mjpeg" else "yuv420p"
            self._stream.codec_context.open()
        except (ValueError, OSError) as error:
            self.discard()
            rule = f"the codec {self.codec} must work in {file.suffix} files"
            raise DataError(Problem(str(file), rule, str(error), "Leave --codec out.")) from error

    def write(self, frame: np.ndarray) -> None:
        """Add a frame (height, width, 3) uint8 BGR; `DataError` if it cannot be written."""
        picture = av.VideoFrame.from_ndarray(np.pad(frame, self._pad, mode="edge"), format="bgr24")
        with self._writable():
            self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """End the file and give it its name; `DataError` if it cannot be written, and what was there before stays."""
        with self._writable():
            self._container.mux(self._stream.encode())
            self._container.close()
            os.replace(self._partial, self._target)

    def discard(self) -> None:
        """Leave no file behind."""
        with contextlib.suppress(OSError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.discard()
            value = error.strerror or str(error)
            raise DataError(Problem(str(self._target), "must be writable", value, "Is the disk full?")) from error


def check_codec(file: Path, codec: str | None = None) -> str:
    """Return the codec of a video file; `DataError` for another ending than `CODECS`, or a codec that FFmpeg lacks."""
    if file.suffix.lower() not in CODECS:
        rule = "a video's name must end with one of " + ", ".join(CODECS)
        raise DataError(Problem(str(file), rule, repr(file.suffix), f"Write {file.with_suffix('.mp4').name}."))
    name = codec or CODECS[file.suffix.lower()]
    try:
        known = av.Codec(name, "w").type == "video"
    except ValueError:
        known = False
    if not known:
        rule = "must be a video codec that FFmpeg can write, such as libx264, libvpx-vp9 or mjpeg"
        raise DataError(Problem("codec", rule, repr(name), "Leave --codec out."))
    return name
