"""What is looked at: a frame of a video, and the sentences under which it is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data import Dataset, FolderFrames, FrameSource, Video, dataset_info, load_dataset, subset
from asymnas.tracking.data.frames import list_images
from asymnas.tracking.demo.files import check_box
from asymnas.tracking.demo.video_in import VideoFrames

__all__ = ["Subject", "dataset_subject", "known_boxes", "video_subject"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What is looked at.

    Args:
        video: rows of boxes that nobody knows are NaN, marked absent where the target is not there, or not known.
        frame: the frame that is searched, at least 1.
        sentences: by label; "none" is None.
        main: the label of the sentence that the trackers get.
        dataset: the split that the video is of; None for a video of one's own.
    """

    video: Video
    frame: int
    sentences: Mapping[str, str | None]
    main: str
    dataset: Dataset | None = None

    @property
    def sentence(self) -> str | None:
        """The sentence that the trackers get."""
        return self.sentences[self.main]


def known_boxes(video: Video) -> np.ndarray:
    """Return (n,) bool: the frames whose box is known and shows the target."""
    found = np.isfinite(video.boxes).all(1) & (video.boxes[:, 2:] > 0).all(1) & ~video.absent
    found[0] = True  # it is given
    return found


def dataset_subject(
    name: str,
    *,
    split: str | None = None,
    root: Path | None = None,
    texts: Sequence[str] = (),
    frame: int | None = None,
) -> Subject:
    """Return a video of a data set, named `DATASET:NAME`, with its sentence.

    Without `texts` it is looked at under the parts of its sentence that the data set knows; `frame` is the middle one
    by default, `split` the one that the benchmark evaluates on.

    Raises:
        DataError: there is no such data set, split, video or frame.
    """
    known, _, video_name = name.partition(":")
    info = dataset_info(known)
    dataset = load_dataset(known, split or info.evaluated, root=root)
    video = subset(dataset, videos=[video_name]).videos[0]
    own = video.sentence
    parts = dict(info.parts_of(own)) if own and not texts else {}
    sentences: dict[str, str | None] = {"none": None, **parts, **_labelled(texts), **({"full": own} if own else {})}
    return Subject(video, _checked(frame, len(video), name), sentences, "full" if own else _first(texts), dataset)


def video_subject(
    path: Path,
    *,
    box: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    texts: Sequence[str] = (),
    frame: int | None = None,
) -> Subject:
    """Return a video file, or a folder of images, with what is known of it.

    Args:
        path: the file or folder.
        box: (4,) x, y, w, h of the target in the first frame, in pixels; the first of `truth` by default.
        truth: (m, 4) annotated boxes of the first m frames.
        texts: sentences; the trackers get the first.
        frame: the frame that is looked at; None for the middle one.

    Raises:
        DataError: the video cannot be read, its first box is not given or not in the frame, or has no such frame.
    """
    frames = _frames(path)
    if box is None and truth is None:
        way_out = "Give --box x,y,w,h, or --truth FILE."
        raise DataError(Problem(str(path), "the target's box in the first frame must be given", way_out=way_out))
    boxes = np.full((len(frames), 4), np.nan)
    if truth is not None:
        boxes[: len(truth)] = truth[: len(boxes)]
    if box is not None:
        boxes[0] = box
    first = frames[0]
    check_box(boxes[0], (first.shape[1], first.shape[0]))
    number = _checked(frame, len(frames), str(path))
    video = Video(path.stem, "video", frames, boxes, np.zeros(len(frames), bool), sentence=texts[0] if texts else None)
    return Subject(video, number, {"none": None, **_labelled(texts)}, _first(texts))


def _frames(path: Path) -> FrameSource:
    if path.is_dir():
        return FolderFrames(path, list_images(path), path.name)
    return VideoFrames(path)


def _labelled(texts: Sequence[str]) -> dict[str, str | None]:
    return {f"text {number}": text for number, text in enumerate(texts, 1)}


def _first(texts: Sequence[str]) -> str:
    return "text 1" if texts else "none"


def _checked(frame: int | None, frames: int, where: str) -> int:
    chosen = frames // 2 if frame is None else frame
    if not 1 <= chosen < frames:
        rule = f"the frame must be between 1 and {frames - 1}: the tracker starts at frame 0 of {frames}"
        raise DataError(Problem(where, rule, str(chosen), "Choose another one with --frame."))
    return chosen
