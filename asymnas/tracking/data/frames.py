"""Frames from image folders, a bounded cache of decoded frames, and views of the first frames."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._video import Dataset, FrameSource, Video

__all__ = ["CachedFrames", "FirstFrames", "FolderFrames", "FrameCache", "cached", "first_frames"]
__all__ += ["image_size", "list_images", "read_image"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_END_MARKS = ((b"\xff\xd8", b"\xff\xd9", "JPEG"), (b"\x89PNG", b"IEND", "PNG"))


def read_image(path: Path, video: str) -> np.ndarray:
    """Decode a JPEG, PNG or BMP file to (height, width, 3) uint8 BGR.

    Raises:
        DataError: the file is missing, empty, cut short (decoders fill what is missing with grey) or no image.
    """
    import cv2

    where = f"{path} (video '{video}')"
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        way_out = "Restore the file or leave the video out."
        raise DataError(Problem(where, "the frame is missing", "", way_out)) from None
    except OSError as error:
        raise DataError(Problem(where, "the frame cannot be read", str(error))) from error
    head, tail = data[:8].tobytes(), data[-4096:].tobytes()
    rule = "the frame must be a whole image file"
    for start, end, kind in _END_MARKS:
        if head.startswith(start) and end not in tail:
            value = f"a {kind} of {data.size} bytes without its end mark (cut short)"
            raise DataError(Problem(where, rule, value, "Restore the file or leave the video out."))
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # a damaged header of more pixels than OpenCV takes
        image = None
    if image is None:
        value = f"{data.size} bytes that do not decode"
        raise DataError(Problem(where, rule, value, "Restore the file or leave the video out."))
    return image


def image_size(path: Path, video: str) -> tuple[int, int]:
    """Return (width, height) of an image from its header, or of the decoded image where the header does not say."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError):  # the decoder says what is wrong
        height, width = read_image(path, video).shape[:2]
        return width, height


def natural_key(name: str) -> tuple:
    """Sort key that puts `2.jpg` before `10.jpg`; equals plain order for zero-padded names."""
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", name)), name


def list_images(folder: Path) -> list[str]:
    """Return the names of the images in `folder`, in natural order; `DataError` if there is none."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise DataError(Problem(str(folder), "the folder of frames must exist", error.strerror or str(error))) from None
    names = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")]
    if not names:
        kinds = " ".join(IMAGE_SUFFIXES)
        way_out = "Unpack the video again or `exclude` it."
        raise DataError(Problem(str(folder), f"the folder must hold frames ({kinds})", "none", way_out))
    return sorted(names, key=natural_key)


class FolderFrames:
    """Frames that lie in a folder, decoded when asked for: file names in frame order, and the video's for messages."""

    def __init__(self, folder: Path, names: Sequence[str], video: str) -> None:
        self.folder = Path(folder)
        self.video = video
        self._names = np.array([os.fsencode(name) for name in names], dtype=np.bytes_)  # compact: sets have millions

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_image(self.path(index), self.video)

    def path(self, index: int) -> Path:
        """Return the file of frame `index`."""
        return self.folder / os.fsdecode(self._names[index])

    @property
    def names(self) -> tuple[str, ...]:
        """The file names in frame order."""
        return tuple(os.fsdecode(name) for name in self._names)

    @property
    def scene_id(self) -> Hashable:
        """What videos of the same pixels (several targets of one folder) share."""
        return str(self.folder)


class FirstFrames:
    """The first `count` frames of another source."""

    def __init__(self, frames: FrameSource, count: int) -> None:
        self.frames = frames
        self.count = min(count, len(frames))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        if not -self.count <= index < self.count:
            raise IndexError(f"frame {index} of {self.count}")
        return self.frames[index % self.count]

    @property
    def scene_id(self) -> Hashable:
        """The scene of the frames it shows."""
        return scene_of(self.frames)


def first_frames(video: Video, frames: int) -> Video:
    """Return the video cut to its first `frames` frames; the video itself when it is not longer."""
    if len(video) <= frames:
        return video
    return replace(
        video,
        frames=FirstFrames(video.frames, frames),
        boxes=video.boxes[:frames],
        absent=video.absent[:frames],
        cover=None if video.cover is None else video.cover[:frames],
    )


def scene_of(frames: FrameSource) -> Hashable:
    """Return what two videos share when they show the same frames; None where the source does not say."""
    return getattr(frames, "scene_id", None)


class FrameCache:
    """Decoded frames kept up to `limit_mib` MiB of pixels; the least recently used go first. Safe with threads.

    Frames come out read-only: a writer would change what others get. A pickled cache arrives empty.
    """

    def __init__(self, limit_mib: float) -> None:
        self.limit_mib = limit_mib
        self._frames: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Hashable, Future[np.ndarray]] = {}
        self._lock = threading.Lock()

    def __reduce__(self):
        return type(self), (self.limit_mib,)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def mib(self) -> float:
        """MiB of pixels held now."""
        return self._bytes / 2**20

    def get(self, key: Hashable, frames: FrameSource, index: int) -> np.ndarray:
        """Return `frames[index]`, from memory if it was read under the same key before."""
        with self._lock:
            image = self._frames.get(key)
            if image is not None:
                self._frames.move_to_end(key)
                return image
            pending = self._pending.get(key)
            if pending is None:
                mine = self._pending[key] = Future()
        if pending is not None:
            return pending.result()  # another thread decodes it
        try:
            image = self._read(frames, index)
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            mine.set_exception(error)
            raise
        with self._lock:
            self._keep(key, image)
            del self._pending[key]
        mine.set_result(image)
        return image

    def _read(self, frames: FrameSource, index: int) -> np.ndarray:
        image = frames[index]
        if image.flags.writeable:
            image = image.view()
            image.flags.writeable = False
        return image

    def _keep(self, key: Hashable, image: np.ndarray) -> None:
        if key in self._frames or image.nbytes > self.limit_mib * 2**20:
            return
        self._frames[key] = image
        self._bytes += image.nbytes
        while self._bytes > self.limit_mib * 2**20:
            self._bytes -= self._frames.popitem(last=False)[1].nbytes


@dataclass(frozen=True, slots=True, eq=False)
class CachedFrames:
    """A frame source read through a `FrameCache`; `key` must be unique to the source within the cache."""

    frames: FrameSource
    cache: FrameCache
    key: Hashable

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.cache.get((self.key, index), self.frames, index)

    @property
    def scene_id(self) -> Hashable:
        """The scene of the frames it shows."""
        return scene_of(self.frames)


def cached(dataset: Dataset, cache: FrameCache) -> Dataset:
    """Return the data set with its frames read through `cache`; same fingerprint, same pixels (read-only)."""
    prefix = (dataset.name, dataset.split, dataset.fingerprint)
    videos: list[Video] = [
        replace(video, frames=CachedFrames(video.frames, cache, (*prefix, video.dataset, video.name)))
        for video in dataset.videos
    ]
    return replace(dataset, videos=tuple(videos))
