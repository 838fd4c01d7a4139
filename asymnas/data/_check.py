"""What is doubtful or wrong in a loaded data set, all at once."""

from __future__ import annotations

import numpy as np

from asymnas.boxes import xywh_to_xyxy
from asymnas.data._video import Dataset, Video
from asymnas.errors import DataError, Problem

__all__ = ["check"]


def check(dataset: Dataset, *, deep: bool = False) -> list[Problem]:
    """Return the problems of a data set: none that stops the load, all that a user should know of.

    Looked for: counts that differ, an absent first target, visible boxes without area or wholly outside the image,
    boxes that are not finite, no sentence (an empty or missing file), frames that do not decode.

    Args:
        dataset: what to check.
        deep: decode every frame; otherwise the first of each video.
    """
    names = [video.name for video in dataset.videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    where = f"{dataset.name}/{dataset.split}"
    problems = [Problem(where, "names must be unique", f"'{name}' twice") for name in twice]
    for video in dataset.videos:
        problems.extend(_check_video(video, f"{where}/{video.name}", deep))
    return problems


def _check_video(video: Video, where: str, deep: bool) -> list[Problem]:
    boxes = np.asarray(video.boxes, dtype=np.float64)
    counts = (len(video.frames), len(boxes), len(video.absent))
    if len(set(counts)) > 1 or not len(boxes):
        value = f"{counts[0]} frames, {counts[1]} boxes, {counts[2]} absence flags"
        return [Problem(where, "a video must have as many frames as boxes and absence flags, at least one", value)]
    problems = []
    if not video.sentence:
        way_out = "It is tracked and trained on without language; write the sentence file to change that."
        problems.append(Problem(where, "the video has no sentence (empty or missing file)", "", way_out))
    if video.absent[0]:
        problems.append(Problem(where, "the target must be visible in the first frame", "absent"))
    finite = np.all(np.isfinite(boxes), axis=1)
    problems += _frames_where(where, ~finite, "boxes must be finite")
    flat = finite & ~video.absent & (boxes[:, 2:] <= 0).any(axis=1)
    problems += _frames_where(where, flat, "boxes of visible targets must have an area")
    sizes, broken = _decode(video, deep)
    problems += broken
    if sizes:
        size = np.array([sizes.get(i, sizes[min(sizes)]) for i in range(len(boxes))])
        corners = xywh_to_xyxy(boxes)
        outside = (corners[:, :2] >= size).any(axis=1) | (corners[:, 2:] <= 0).any(axis=1)
        outside &= finite & ~video.absent & ~flat
        problems += _frames_where(where, outside, "boxes of visible targets must touch the image")
    return problems


def _frames_where(where: str, mask: np.ndarray, rule: str) -> list[Problem]:
    found = np.flatnonzero(mask)
    if not len(found):
        return []
    shown = ", ".join(str(index) for index in found[:5]) + (", ..." if len(found) > 5 else "")
    return [Problem(where, rule, f"{len(found)} of {len(mask)} frames that do not (0-based: {shown})")]


def _decode(video: Video, deep: bool) -> tuple[dict[int, tuple[int, int]], list[Problem]]:
    """Return (width, height) by frame of what was decoded, and the problems of what was not."""
    sizes: dict[int, tuple[int, int]] = {}
    problems: list[Problem] = []
    for index in range(len(video) if deep else 1):
        try:
            height, width = video.frame(index).shape[:2]
            sizes[index] = (width, height)
        except DataError as error:
            problems.extend(error.problems)
    return sizes, problems
