"""What all readers share: choosing videos, matching counts, collecting problems, fingerprints."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.data._subset import choose, subset
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.frames import FolderFrames, list_images
from asymnas.tracking.data.readers._places import NotThere, find_folder, raise_all, readable
from asymnas.tracking.data.readers._splits import check_split, split_problems

__all__ = [
    "Index",
    "NotThere",
    "Reader",
    "SplitOptions",
    "VideoFiles",
    "build",
    "find_folder",
    "make_video",
    "raise_all",
]

log = logging.getLogger("asymnas.tracking.data")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """Which videos of a split to read, and how strictly; the options that all readers take.

    Args:
        videos: a number of videos drawn by `seed`, a list of names, or None for all.
        frames: keep the first `frames` frames of each; None for all.
        seed: seed of the draw.
        exclude: names to leave out before drawing, e.g. videos known to be damaged.
        on_length_mismatch: "error", or "shorter" to cut frames, boxes and flags of a video to the shortest of them.
    """

    videos: int | Sequence[str] | None = None
    frames: int | None = None
    seed: int = 0
    exclude: Sequence[str] = ()
    on_length_mismatch: str = "error"

    def __post_init__(self) -> None:
        if self.on_length_mismatch not in ("error", "shorter"):
            way_out = nearest(self.on_length_mismatch, ("error", "shorter"))
            rule = "must be 'error' or 'shorter'"
            raise DataError(Problem("on_length_mismatch", rule, f"'{self.on_length_mismatch}'", way_out))


@dataclass(frozen=True, slots=True, eq=False)
class VideoFiles:
    """What a reader found of one video, before the counts are matched.

    Args:
        name: the video's name.
        annotation: the annotation file, for messages.
        folder: where the frames are.
        names: frame file names in order, or a function that lists them; None to list the folder.
        boxes: (n, 4) x, y, w, h, 0-based.
        absent: one or more (m,) bool; a frame is absent where any of them says so.
        sentence: the sentence, None when there is none.
        attributes: flags of the video.
        cover: (k,) int, visible share of the target in eighths; None where there is none.
        size: (width, height) of the frames as the annotation tells it.
        server: who alone knows the boxes after the first, when there is one box only; "" where all are known.
        cut: cut counts that differ, with a warning: the published files are known to differ.
    """

    name: str
    annotation: Path
    folder: Path
    boxes: np.ndarray
    absent: Sequence[np.ndarray]
    names: Sequence[str] | Callable[[], Sequence[str]] | None = None
    sentence: str | None = None
    attributes: frozenset[str] = frozenset()
    cover: np.ndarray | None = None
    size: tuple[int, int] | None = None
    server: str = ""
    cut: bool = False

    def frame_names(self) -> list[str]:
        """Return the frame file names in order.

        Raises:
            DataError: the folder of frames is missing or empty.
        """
        if self.names is None:
            return list_images(self.folder)
        return list(self.names() if callable(self.names) else self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The videos of a split, none of them read yet.

    Args:
        names: their names, in the benchmark's order.
        read: reads one video's annotation files by name; the frames need not be there.
        where: the split's place, for messages.
    """

    names: Sequence[str]
    read: Callable[[str], VideoFiles]
    where: Path


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reader:
    """A benchmark as it lies on disk; `load` is the loader that is registered.

    Args:
        name: registered name.
        videos: published number of videos by split; None where it is not fixed.
        index: lists a split below a data root.
        language: whether the benchmark describes its targets in words.
        known: what is wrong with the published files of single videos, by name.
    """

    name: str
    videos: Mapping[str, int | None]
    index: Callable[[Path, str], Index]
    language: bool = True
    known: Mapping[str, str] = field(default_factory=dict)

    def check(self, split: str, *, on_length_mismatch: str = "error", **_: object) -> list[Problem]:
        """Return what is wrong with a split's name and the options of `load`, told without files."""
        problems = split_problems(split, tuple(self.videos))
        try:
            SplitOptions(on_length_mismatch=on_length_mismatch)
        except DataError as error:
            problems += error.problems
        return problems

    def listing(self, root: Path, split: str) -> Index:
        """Return the videos of a split.

        Raises:
            DataError: no such split, it is not in the data root, or its files may not be read.
        """
        check_split(self.name, split, tuple(self.videos))
        try:
            return self._index(root, split)
        except NotThere as error:
            there = [f"'{name}'" for name in self.videos if name != split and self._has(root, name)]
            if not there:
                raise
            way_out = f"Splits on disk: {', '.join(there)}. Ask for one of them, or unpack '{split}' there as well."
            raise NotThere(replace(item, way_out=way_out) for item in error.problems) from error

    def _index(self, root: Path, split: str) -> Index:
        with readable(root):
            found = self.index(root, split)

        def read(name: str) -> VideoFiles:
            with readable(found.where):
                return found.read(name)

        return Index(found.names, read, found.where)

    def _has(self, root: Path, split: str) -> bool:
        try:
            return bool(self._index(root, split).names)
        except DataError:  # why it cannot be read matters once it is asked for
            return False

    def load(
        self,
        split: str,
        *,
        root: Path,
        videos: int | Sequence[str] | None = None,
        frames: int | None = None,
        seed: int = 0,
        exclude: Sequence[str] = (),
        on_length_mismatch: str = "error",
    ) -> Dataset:
        """Load a split; see `SplitOptions` for the options.

        Args:
            split: its name.
            root: the data root, or the benchmark's own folder.

        Raises:
            DataError: whatever is wrong with the files of the chosen videos, all at once.
        """
        choice = SplitOptions(
            videos=videos, frames=frames, seed=seed, exclude=tuple(exclude), on_length_mismatch=on_length_mismatch
        )
        listing = self.listing(root, split)
        return build(self.name, split, listing.names, listing.read, choice, listing.where)


def make_video(dataset: str, files: VideoFiles, choice: SplitOptions) -> Video:
    """Match the counts of frames, boxes and flags, and make the video.

    Raises:
        DataError: the counts differ and `choice.on_length_mismatch` is "error".
    """
    names = files.frame_names()
    boxes, absent = _all_boxes(files, len(names))
    counts = [len(names), len(boxes), *map(len, absent), *([] if files.cover is None else [len(files.cover)])]
    length = min(counts)
    if max(counts) > length:
        value = f"{len(names)} frames in {files.folder}, {len(boxes)} boxes, flags: {', '.join(map(str, counts[2:]))}"
        if not files.cut and choice.on_length_mismatch == "error":
            rule = f"'{files.name}' must have as many frames as boxes and absence flags"
            way_out = (
                "Restore the files, set `on_length_mismatch: shorter` to cut to the shortest, or `exclude` the video."
            )
            raise DataError(Problem(str(files.annotation), rule, value, way_out))
        if files.cut:
            log.warning(
                "%s '%s': %s; cut to %d, as its published files are known to differ", dataset, files.name, value, length
            )
    return Video(
        name=files.name,
        dataset=dataset,
        frames=FolderFrames(files.folder, names[:length], files.name),
        boxes=np.ascontiguousarray(boxes[:length]),
        absent=np.any([item[:length] for item in absent], axis=0),
        sentence=files.sentence,
        attributes=files.attributes,
        cover=None if files.cover is None else files.cover[:length],
        size=files.size,
        server=files.server,
    )


def _all_boxes(files: VideoFiles, frames: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return boxes and absence flags; a first box that stands alone is followed by zeros that are marked absent."""
    if not files.server:
        return files.boxes, list(files.absent)
    later = max(frames - len(files.boxes), 0)
    boxes = np.concatenate([files.boxes, np.zeros((later, 4))])
    return boxes, [np.concatenate([item, np.ones(later, bool)]) for item in files.absent]


def build(
    dataset: str, split: str, names: Sequence[str], read: Callable[[str], VideoFiles], choice: SplitOptions, where: Path
) -> Dataset:
    """Choose videos, read only those, and collect what is wrong with any of them.

    Args:
        dataset: registered name.
        split: split name.
        names: all names of the split, in order.
        read: reads one video's files by name.
        choice: which videos.
        where: the split's place, for messages.

    Raises:
        DataError: all problems of all chosen videos (the first 20 in words).
    """
    known, excluded = set(names), set(choice.exclude)
    unknown = [name for name in choice.exclude if name not in known]
    problems = [Problem(f"{where}: exclude", "no such video", f"'{name}'", nearest(name, names)) for name in unknown]
    left = [name for name in names if name not in excluded]
    if not left:
        problems.append(Problem(str(where), "the split must hold videos", "none", "Check the data root and `exclude`."))
    if problems:
        raise DataError(problems)
    chosen = [left[i] for i in choose(left, choice.videos, choice.seed, f"{dataset}/{split}")]
    videos: list[Video] = []
    for name in chosen:
        try:
            videos.append(make_video(dataset, read(name), choice))
        except DataError as error:
            problems.extend(error.problems)
    raise_all(problems, str(where))
    whole = Dataset(dataset, split, tuple(videos), _fingerprint(dataset, split, videos))
    return subset(whole, None, choice.frames, choice.seed)


def _fingerprint(dataset: str, split: str, videos: Sequence[Video]) -> str:
    digest = hashlib.sha256(f"{dataset}\0{split}".encode())
    for video in videos:
        words = (video.name, str(video.sentence), ",".join(sorted(video.attributes)), str(len(video)))
        digest.update("\0".join(words).encode())
        digest.update(video.boxes.tobytes() + video.absent.tobytes())
        if isinstance(video.frames, FolderFrames):
            digest.update("\0".join(video.frames.names).encode())
    return digest.hexdigest()[:16]
