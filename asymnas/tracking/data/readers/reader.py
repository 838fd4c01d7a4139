"""What the readers of benchmarks share: choosing videos, matching counts, collecting problems, fingerprints."""

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
from asymnas.tracking.data.readers.folders import NotThere, raise_all, readable
from asymnas.tracking.data.registry import check_split, dataset_info

__all__ = ["Index", "Reader", "VideoFiles", "make_video"]

log = logging.getLogger("asymnas.tracking.data")


@dataclass(frozen=True, slots=True, eq=False)
class VideoFiles:
    """What a reader found of one video, before the counts are matched."""

    name: str
    annotation: Path  # for messages
    folder: Path  # of the frames
    boxes: np.ndarray  # (n, 4) x, y, w, h, 0-based
    absent: Sequence[np.ndarray]  # each (m,) bool; a frame is absent where any says so
    names: Sequence[str] | Callable[[], Sequence[str]] | None = None  # of the frames; None: list the folder
    sentence: str | None = None
    attributes: frozenset[str] = frozenset()
    cover: np.ndarray | None = None  # (k,) int, visible share in eighths
    size: tuple[int, int] | None = None  # (width, height)
    server: str = ""  # alone knows the boxes after the first
    cut: bool = False  # the published counts are known to differ

    def frame_names(self) -> list[str]:
        """Return the frame file names in order."""
        if self.names is None:
            return list_images(self.folder)
        return list(self.names() if callable(self.names) else self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The videos of a split, in the benchmark's order, none of them read yet; `read` needs no frames."""

    names: Sequence[str]
    read: Callable[[str], VideoFiles]
    where: Path


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reader:
    """A benchmark as it lies on disk; `load` is the loader that is registered.

    `index` lists a split below a data root; `known` says what is wrong with the published files of single videos.
    """

    name: str
    index: Callable[[Path, str], Index]
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def videos(self) -> Mapping[str, int | None]:
        """The published number of videos by split; None where it is not fixed."""
        return dataset_info(self.name).splits

    def check(self, split: str, *, on_length_mismatch: str = "error", **_: object) -> list[Problem]:
        """Return what is wrong with the options of `load`, known without files."""
        if on_length_mismatch in ("error", "shorter"):
            return []
        way_out = nearest(on_length_mismatch, ("error", "shorter"))
        rule = "must be 'error' or 'shorter'"
        return [Problem("on_length_mismatch", rule, f"'{on_length_mismatch}'", way_out)]

    def listing(self, root: Path, split: str) -> Index:
        """Return the videos of a split; `DataError` if it is not in the data root, or cannot be read."""
        check_split(self.name, split)
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
        """Load a split.

        Args:
            split: its name.
            root: the data root, or the benchmark's own folder.
            videos: a number of videos drawn by `seed`, a list of names, or None for all.
            frames: keep the first `frames` frames of each; None for all.
            seed: seed of the draw.
            exclude: names to leave out before drawing, e.g. videos known to be damaged.
            on_length_mismatch: "error", or "shorter" to cut frames, boxes and flags of a video to the shortest of them.

        Raises:
            DataError: whatever is wrong with the files of the chosen videos, all at once (the first 20 in words).
        """
        problems = self.check(split, on_length_mismatch=on_length_mismatch)
        if problems:
            raise DataError(problems)
        listing = self.listing(root, split)
        names, where = listing.names, listing.where
        unknown = sorted(set(exclude) - set(names))
        problems = [Problem(f"{where}: exclude", "no such video", f"'{n}'", nearest(n, names)) for n in unknown]
        left = [name for name in names if name not in set(exclude)]
        if not left:
            out = "Check the data root and `exclude`."
            problems.append(Problem(str(where), "the split must hold videos", "none", out))
        if problems:
            raise DataError(problems)
        made: list[Video] = []
        for index in choose(left, videos, seed, f"{self.name}/{split}"):
            try:
                made.append(make_video(self.name, listing.read(left[index]), shorter=on_length_mismatch == "shorter"))
            except DataError as error:
                problems.extend(error.problems)
        raise_all(problems, str(where))
        return subset(Dataset(self.name, split, tuple(made), _fingerprint(self.name, split, made)), None, frames, seed)


def make_video(dataset: str, files: VideoFiles, *, shorter: bool = False) -> Video:
    """Make the video, if the counts of frames, boxes and flags are equal or to be cut to the `shorter`."""
    names = files.frame_names()
    boxes, absent = _all_boxes(files, len(names))
    counts = [len(names), len(boxes), *map(len, absent), *([] if files.cover is None else [len(files.cover)])]
    length = min(counts)
    if max(counts) > length:
        value = f"{len(names)} frames in {files.folder}, {len(boxes)} boxes, flags: {', '.join(map(str, counts[2:]))}"
        if not files.cut and not shorter:
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


def _fingerprint(dataset: str, split: str, videos: Sequence[Video]) -> str:
    digest = hashlib.sha256(f"{dataset}\0{split}".encode())
    for video in videos:
        words = (video.name, str(video.sentence), ",".join(sorted(video.attributes)), str(len(video)))
        digest.update("\0".join(words).encode())
        digest.update(video.boxes.tobytes() + video.absent.tobytes())
        if isinstance(video.frames, FolderFrames):
            digest.update("\0".join(video.frames.names).encode())
    return digest.hexdigest()[:16]
