"""What is doubtful or wrong in loaded videos, all at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.boxes import xywh_to_xyxy
from asymnas.tracking.data._tracks import TrackFrames
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.frames import FolderFrames, scene_of
from asymnas.tracking.data.lazy import names_of

__all__ = ["Checked", "SceneFiles", "check", "check_video"]

_THREADS = 4

Result = TypeVar("Result")


def check(dataset: Dataset, *, deep: bool = False) -> list[Problem]:
    """Return the problems of a data set: none that stops the load, all that a user should know of.

    Looked for: counts that differ, an absent first target, visible boxes without area or wholly outside the image,
    boxes that are not finite, no sentence (an empty or missing file), frames that do not decode.

    Args:
        dataset: what to check.
        deep: decode every frame; otherwise the first of each video.
    """
    where = f"{dataset.name}/{dataset.split}"
    problems = repeated(names_of(dataset.videos), where)
    files = SceneFiles()
    for index in range(len(dataset.videos)):
        try:
            video = dataset.videos[index]
        except DataError as error:  # lazy videos are made here, some from their first frame's size
            problems.extend(error.problems)
            continue
        problems.extend(check_video(video, f"{where}/{video.name}", deep=deep, files=files).problems)
    return problems


def repeated(names: list[str], where: str) -> list[Problem]:
    """Return a problem for each name that is there more than once."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    return [Problem(where, "names must be unique", f"'{name}' twice") for name in twice]


class SceneFiles:
    """What was found out of the files of one scene: targets of the same frames, one after the other, share it.

    Sets of objects have many targets an image: each file is looked at, and told, once.
    """

    def __init__(self) -> None:
        self._scene: Hashable = None
        self._known: dict[Path, tuple[int, int] | str] = {}

    def of(self, video: Video) -> dict[Path, tuple[int, int] | str]:
        """Return what is known of a video's files: the size of a frame that was decoded, `THERE` or `BROKEN`."""
        scene = scene_of(video.frames)
        if scene is None or scene != self._scene:
            self._scene, self._known = scene, {}
        return self._known


THERE, BROKEN = "there", "broken"


class Checked:
    """What the check of one video found.

    Attributes:
        problems: all problems, those of frames among them.
        broken: files or numbers of frames that are missing, empty or do not decode.
        decoded: frames that were decoded.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.broken: list[str] = []
        self.decoded = 0


def check_video(
    video: Video, where: str, *, deep: bool = False, language: bool = True, files: SceneFiles | None = None
) -> Checked:
    """Check one video; see `check`.

    Args:
        video: the video.
        where: its place, for messages.
        deep: decode every frame; otherwise the first, and of the others the files must be there and not be empty.
        language: whether a missing sentence is a problem.
        files: what is known of files of the videos before; what it calls broken is not told again.
    """
    found = Checked()
    boxes = np.asarray(video.boxes, dtype=np.float64)
    counts = (len(video.frames), len(boxes), len(video.absent))
    if len(set(counts)) > 1 or not len(boxes):
        value = f"{counts[0]} frames, {counts[1]} boxes, {counts[2]} absence flags"
        rule = "a video must have as many frames as boxes and absence flags, at least one"
        found.problems.append(Problem(where, rule, value))
        return found
    if language and not video.sentence:
        way_out = "It is tracked and trained on without language; write the sentence file to change that."
        found.problems.append(Problem(where, "the video has no sentence (empty or missing file)", "", way_out))
    if video.absent[0]:
        found.problems.append(Problem(where, "the target must be visible in the first frame", "absent"))
    finite = np.all(np.isfinite(boxes), axis=1)
    found.problems += _frames_where(where, ~finite, "boxes must be finite")
    flat = finite & ~video.absent & (boxes[:, 2:] <= 0).any(axis=1)
    found.problems += _frames_where(where, flat, "boxes of visible targets must have an area")
    known = (files or SceneFiles()).of(video)
    sizes = _read(video, deep, found, known)
    if not deep:
        _files(video, found, known)
    if sizes:
        _check_sizes(video, where, boxes, sizes, finite & ~video.absent & ~flat, found)
    return found


def _check_sizes(
    video: Video,
    where: str,
    boxes: np.ndarray,
    sizes: dict[int, tuple[int, int]],
    drawn: np.ndarray,
    found: Checked,
) -> None:
    first = sizes[min(sizes)]
    if video.size is not None and video.size != first:
        value = f"{video.size[0]} x {video.size[1]} for frames of {first[0]} x {first[1]}"
        found.problems.append(Problem(where, "the size that the annotation tells must be that of the frames", value))
    size = np.array([sizes.get(i, first) for i in range(len(boxes))])
    corners = xywh_to_xyxy(boxes)
    outside = (corners[:, :2] >= size).any(axis=1) | (corners[:, 2:] <= 0).any(axis=1)
    found.problems += _frames_where(where, outside & drawn, "boxes of visible targets must touch the image")


def _frames_where(where: str, mask: np.ndarray, rule: str) -> list[Problem]:
    found = np.flatnonzero(mask)
    if not len(found):
        return []
    shown = ", ".join(str(index) for index in found[:5]) + (", ..." if len(found) > 5 else "")
    return [Problem(where, rule, f"{len(found)} of {len(mask)} frames that do not (0-based: {shown})")]


def _read(
    video: Video, deep: bool, found: Checked, known: dict[Path, tuple[int, int] | str]
) -> dict[int, tuple[int, int]]:
    """Decode frames that are not known; return (width, height) by frame of what decodes."""

    def size_of(index: int) -> tuple[int, int] | DataError:
        try:
            height, width = video.frame(index).shape[:2]
        except DataError as error:
            return error
        return width, height

    wanted = range(len(video) if deep else 1)
    paths = {index: path for index in wanted if (path := _path(video, index)) is not None}
    sizes = {index: seen for index, path in paths.items() if isinstance(seen := known.get(path), tuple)}
    left = [index for index in wanted if index not in sizes and known.get(paths.get(index, Path())) != BROKEN]
    for index, size in zip(left, _each(size_of, left), strict=True):
        if isinstance(size, DataError):
            found.problems += size.problems
            found.broken.append(str(paths.get(index, f"{video.name}: {index}")))
        else:
            sizes[index] = size
            found.decoded += 1
        if index in paths:
            known[paths[index]] = BROKEN if isinstance(size, DataError) else size
    return sizes


def _each(work: Callable[[int], Result], items: list[int]) -> Iterable[Result]:
    """Return the results for some items, in order; of many items by several threads."""
    if len(items) < _THREADS:
        return [work(item) for item in items]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, items))


def _files(video: Video, found: Checked, known: dict[Path, tuple[int, int] | str]) -> None:
    """Look at the files of all frames but the first, which was read."""
    for index in range(1, len(video)):
        path = _path(video, index)
        if path is None or path in known:
            continue
        known[path] = THERE
        if _size(path) <= 0:
            known[path] = BROKEN
            value = "an empty file" if path.exists() else "no file"
            where = f"{path} (video '{video.name}')"
            rule = "the frame must be a whole image file"
            found.problems.append(Problem(where, rule, value, "Restore the file or leave the video out."))
            found.broken.append(str(path))


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _path(video: Video, index: int) -> Path | None:
    """Return the file of a frame, None where frames are no files."""
    return video.frames.path(index) if isinstance(video.frames, (FolderFrames, TrackFrames)) else None
