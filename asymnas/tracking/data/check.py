"""The check of data sets: counts, and every defect with its file; no defect ends it."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.boxes import xywh_to_xyxy
from asymnas.tracking.data._subset import choose
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.frames import scene_of
from asymnas.tracking.data.lazy import all_of
from asymnas.tracking.data.on_disk import load_with, reader_of
from asymnas.tracking.data.readers.reader import Index, make_video
from asymnas.tracking.data.registry import data_root, dataset_info

__all__ = ["DataReport", "check", "check_dataset"]

OnVideo = Callable[[int, int, str], None]

_THREADS = 4
_NO_SENTENCE = "the video has no sentence (empty or missing file)"


@dataclass(frozen=True, slots=True)
class DataReport:
    """What is on disk of one split of a data set."""

    dataset: str
    split: str
    where: str  # its folder
    videos: int  # that were checked
    published: int | None  # how many the benchmark has; None where it is not fixed
    frames: int  # of the videos that could be read
    decoded: int  # frames that were decoded
    absent: int  # frames without a visible target
    unknown: int  # frames whose box only an evaluation server knows
    language: bool  # whether the data set describes its targets
    without_sentence: tuple[str, ...]  # names of videos
    unreadable: tuple[str, ...]  # names of videos whose files could not be read
    broken: tuple[str, ...]  # frames that are missing, empty or do not decode
    defects: tuple[Problem, ...]  # everything that is wrong, the above in words among it
    notes: tuple[str, ...]  # what is not wrong, but should be known

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        parts = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {**parts, "defects": [dataclasses.asdict(item) for item in self.defects]}


def check(dataset: Dataset, *, deep: bool = False) -> list[Problem]:
    """Return the problems of a data set: none that stops the load, all that a user should know of.

    Looked for: counts that differ, an absent first target, visible boxes without area or wholly outside the image,
    boxes that are not finite, no sentence, frames that do not decode. With `deep` every frame is decoded; otherwise the
    first of each video, and the files of the others must be there and not be empty.
    """
    found = _Check(f"{dataset.name}/{dataset.split}", deep)
    names = all_of(dataset.videos).names
    found.check_names(names)
    for index, name in enumerate(names):
        found.add(name, partial(dataset.videos.__getitem__, index))
    return found.problems


def check_dataset(
    name: str,
    split: str,
    root: Path | str | None = None,
    *,
    decode: bool = False,
    videos: int | Sequence[str] | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    on_video: OnVideo | None = None,
) -> DataReport:
    """Check a split of a data set on disk, from its annotations to its frames.

    Args:
        name: registered name.
        split: its split.
        root: the data root; see `asymnas.tracking.data.data_root`.
        decode: decode every frame; see `check`.
        videos: check a number of videos drawn by `seed`, or those of these names; None for all.
        seed: seed of the draw.
        options: of a set that is not a built-in benchmark, such as `folder` of crop511.
        on_video: called before each video with its index, their number and its name.

    Raises:
        DataError: no such data set, split or option, or it is not in the data root.
    """
    reader, info, found = reader_of(name), dataset_info(name), _Check(f"{name}/{split}", decode)
    if reader is not None:
        if options:
            rule = "a benchmark is checked as it lies on disk, without options"
            raise DataError(Problem(name, rule, ", ".join(options), "Leave them out."))
        listing = reader.listing(data_root(root), split)
        found.check_names(listing.names)
        names = [listing.names[index] for index in choose(listing.names, videos, seed, found.where)]
        where, published, language, found.known = str(listing.where), info.splits[split], info.language, reader.known

        def make(index: int) -> Video:
            return _read(name, names[index], listing, found)

    else:
        loaded = load_with(name, split, root, options, videos=videos, seed=seed).videos
        names, published = all_of(loaded).names, None

        def make(index: int) -> Video:
            return loaded[index]

        where, language = str(getattr(loaded, "root", info.layout)), bool(all_of(loaded).described.any())
    found.language = language
    for index, item in enumerate(names):
        if on_video is not None:
            on_video(index, len(names), item)
        found.add(item, partial(make, index))
    notes = [f"the benchmark has {published} videos in this split"] if published not in (None, len(names)) else []
    notes = notes if videos is None else []
    notes += [] if language else ["the data set has no sentences"]
    if found.unknown:
        notes.append("only the first box of its videos is public: they can be tracked, but not scored here")
    return DataReport(
        dataset=name,
        split=split,
        where=where,
        videos=len(names),
        published=published if videos is None else None,
        frames=found.frames,
        decoded=found.decoded,
        absent=found.absent,
        unknown=found.unknown,
        language=language,
        without_sentence=tuple(found.undescribed),
        unreadable=tuple(found.unreadable),
        broken=tuple(found.broken),
        defects=tuple(found.problems),
        notes=tuple(notes),
    )


def _read(dataset: str, name: str, listing: Index, found: _Check) -> Video:
    """Read one video; counts that differ are a defect, and the video is cut to go on."""
    files = dataclasses.replace(listing.read(name), cut=False)
    try:
        return make_video(dataset, files)
    except DataError as error:
        try:
            video = make_video(dataset, files, shorter=True)
        except DataError:  # no frames at all, which the first attempt says
            raise error from None
        found.add_problems(name, error.problems)
        return video


class _Check:
    """Counts and defects of the videos so far."""

    def __init__(self, where: str, deep: bool) -> None:
        self.where, self.deep, self.language = where, deep, True
        self.known: Mapping[str, str] = {}
        self.problems: list[Problem] = []
        self.undescribed: list[str] = []
        self.unreadable: list[str] = []
        self.broken: list[str] = []
        self.frames = self.decoded = self.absent = self.unknown = 0
        self._scene: Any = None
        self._seen: dict[str, tuple[int, int] | list[Problem] | None] = {}  # of the scene's frames by file

    def check_names(self, names: Sequence[str]) -> None:
        """Add a defect for each name that is there more than once."""
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        self.problems += [Problem(self.where, "names must be unique", f"'{name}' twice") for name in twice]

    def add_problems(self, name: str, problems: Sequence[Problem]) -> None:
        """Add the defects of a video, and the way out where its published files are known to be wrong."""
        known = self.known.get(name)
        self.problems += problems if known is None else [dataclasses.replace(p, way_out=known) for p in problems]

    def add(self, name: str, make: Callable[[], Video]) -> None:
        """Make a video, and check it."""
        try:
            video = make()
        except DataError as error:
            self.unreadable.append(name)
            self.add_problems(name, error.problems)
            return
        self.frames += len(video)
        self.unknown += len(video) - 1 if video.server else 0
        self.absent += 0 if video.server else int(video.absent.sum())
        if self.language and not video.sentence:
            self.undescribed.append(name)
        self.add_problems(name, self._problems(video))

    def _problems(self, video: Video) -> list[Problem]:
        where, problems = f"{self.where}/{video.name}", []
        boxes = np.asarray(video.boxes, dtype=np.float64)
        counts = (len(video.frames), len(boxes), len(video.absent))
        if len(set(counts)) > 1 or not len(boxes):
            value = f"{counts[0]} frames, {counts[1]} boxes, {counts[2]} absence flags"
            rule = "a video must have as many frames as boxes and absence flags, at least one"
            return [Problem(where, rule, value)]
        if self.language and not video.sentence:
            way_out = "It is tracked and trained on without language; write the sentence file to change that."
            problems.append(Problem(where, _NO_SENTENCE, "", way_out))
        if video.absent[0]:
            problems.append(Problem(where, "the target must be visible in the first frame", "absent"))
        finite = np.all(np.isfinite(boxes), axis=1)
        flat = finite & ~video.absent & (boxes[:, 2:] <= 0).any(axis=1)
        problems += _in_frames(where, ~finite, "boxes must be finite")
        problems += _in_frames(where, flat, "boxes of visible targets must have an area")
        scene = scene_of(video.frames)
        if scene is None or scene != self._scene:
            self._scene, self._seen = scene, {}
        sizes = self._frames(video, problems)
        if not sizes:
            return problems
        first = sizes[min(sizes)]
        if video.size is not None and video.size != first:
            value = f"{video.size[0]} x {video.size[1]} for frames of {first[0]} x {first[1]}"
            problems.append(Problem(where, "the size that the annotation gives must be that of the frames", value))
        size = np.array([sizes.get(i, first) for i in range(len(boxes))])
        corners = xywh_to_xyxy(boxes)
        outside = (corners[:, :2] >= size).any(axis=1) | (corners[:, 2:] <= 0).any(axis=1)
        drawn = finite & ~video.absent & ~flat
        return problems + _in_frames(where, outside & drawn, "boxes of visible targets must touch the image")

    def _frames(self, video: Video, problems: list[Problem]) -> dict[int, tuple[int, int]]:
        """Decode the first frame, or all, and look whether the others are there; return (width, height) by frame."""

        def look(index: int) -> tuple[int, int] | list[Problem] | None:
            try:
                if self.deep or index == 0:
                    height, width = video.frame(index).shape[:2]
                    return width, height
                value = "" if path is None or os.stat(path(index)).st_size else "an empty file"
            except DataError as error:
                return list(error.problems)
            except OSError:
                value = "no file"
            where, rule = f"{files[index]} (video '{video.name}')", "the frame must be a whole image file"
            return [Problem(where, rule, value, "Restore the file or leave the video out.")] if value else None

        path = getattr(video.frames, "path", None)  # None where frames are no files
        files = [f"{video.name}: {i}" if path is None else str(path(i)) for i in range(len(video))]
        new = [
            i for i, f in enumerate(files) if f not in self._seen or (self._seen[f] is None and (self.deep or not i))
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list((pool.map if self.deep else map)(look, new))
        for index, result in zip(new, found, strict=True):
            self._seen[files[index]] = result
            if isinstance(result, list):
                problems += result
                self.broken.append(files[index])
            elif result is not None:
                self.decoded += 1
        return {i: size for i, f in enumerate(files) if isinstance(size := self._seen[f], tuple)}


def _in_frames(where: str, mask: np.ndarray, rule: str) -> list[Problem]:
    found = np.flatnonzero(mask)
    if not len(found):
        return []
    shown = ", ".join(str(index) for index in found[:5]) + (", ..." if len(found) > 5 else "")
    return [Problem(where, rule, f"{len(found)} of {len(mask)} frames that do not (0-based: {shown})")]
