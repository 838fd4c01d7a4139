"""What all readers share: choosing videos, matching counts, collecting problems, fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.data._frames import FolderFrames, list_images
from asymnas.data._subset import choose, subset
from asymnas.data._video import Dataset, Video
from asymnas.errors import DataError, Problem, nearest

__all__ = ["Choice", "VideoFiles", "build", "check_split", "find_folder", "make_video"]

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
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
        names: frame file names in order; None to list the folder.
        boxes: (n, 4) x, y, w, h, 0-based.
        absent: one or more (m,) bool; a frame is absent where any of them says so.
        sentence: the sentence, None when there is none.
        attributes: flags of the video.
    """

    name: str
    annotation: Path
    folder: Path
    boxes: np.ndarray
    absent: Sequence[np.ndarray]
    names: Sequence[str] | None = None
    sentence: str | None = None
    attributes: frozenset[str] = frozenset()


def find_folder(root: Path, names: Sequence[str], layout: str) -> Path:
    """Return the first of the folders `names` that lies in the data root.

    Raises:
        DataError: none does; the message tells the layout.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    rule = f"the data root must hold {layout}"
    found = ", ".join(sorted(item.name for item in root.iterdir() if item.is_dir())[:8]) or "no folder"
    raise DataError(Problem(str(root), rule, found, "Unpack the benchmark there, or mend the data root."))


def check_split(dataset: str, split: str, splits: Sequence[str]) -> None:
    """Raise `DataError` unless `split` is one of `splits`."""
    if split not in splits:
        way_out = nearest(split, splits)
        raise DataError(Problem(dataset, f"the split must be one of {', '.join(splits)}", f"'{split}'", way_out))


def make_video(dataset: str, files: VideoFiles, choice: Choice) -> Video:
    """Match the counts of frames, boxes and flags, and make the video.

    Raises:
        DataError: the counts differ and `choice.on_length_mismatch` is "error".
    """
    names = list_images(files.folder) if files.names is None else list(files.names)
    flags = [len(item) for item in files.absent]
    length = min(len(names), len(files.boxes), *flags)
    if max(len(names), len(files.boxes), *flags) > length and choice.on_length_mismatch == "error":
        rule = f"'{files.name}' must have as many frames as boxes and absence flags"
        value = f"{len(names)} frames in {files.folder}, {len(files.boxes)} boxes, flags: {', '.join(map(str, flags))}"
        way_out = "Restore the files, set `on_length_mismatch: shorter` to cut to the shortest, or `exclude` the video."
        raise DataError(Problem(str(files.annotation), rule, value, way_out))
    return Video(
        name=files.name,
        dataset=dataset,
        frames=FolderFrames(files.folder, names[:length], files.name),
        boxes=np.ascontiguousarray(files.boxes[:length]),
        absent=np.any([item[:length] for item in files.absent], axis=0),
        sentence=files.sentence,
        attributes=files.attributes,
    )


def build(
    dataset: str, split: str, names: Sequence[str], read: Callable[[str], VideoFiles], choice: Choice, where: Path
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
    unknown = [name for name in choice.exclude if name not in set(names)]
    problems = [Problem(f"{where}: exclude", "no such video", f"'{name}'", nearest(name, names)) for name in unknown]
    left = [name for name in names if name not in set(choice.exclude)]
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
    if problems:
        more = len(problems) - _SHOWN
        raise DataError(problems[:_SHOWN] + ([Problem(str(where), f"{more} more problems")] if more > 0 else []))
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
