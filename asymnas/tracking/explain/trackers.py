"""Several trackers on one video: where each loses the target, and a sheet that shows it (paper, Figures 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asymnas.report.plots import COLOURS
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.boxes import iou
from asymnas.tracking.data import Video
from asymnas.tracking.explain.subject import known_boxes
from asymnas.tracking.pictures.drawing import (
    ABSENT,
    GREY,
    INK,
    TRUE,
    Colour,
    draw_box,
    fitted,
    grid,
    put_text,
    quoted,
    spread,
)
from asymnas.tracking.task.measuring import tracked

__all__ = ["LOST_BELOW", "LOST_FOR", "STYLES", "Followed", "draw_trackers", "first_failure", "follow_video"]

LOST_BELOW, LOST_FOR = 0.1, 10
"""A target is lost where the overlap stays below a value for so many frames."""

STYLES: tuple[Colour, ...] = tuple(
    (int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)) for colour in (*COLOURS[1:], COLOURS[0])
)
"""Colours of the trackers' lines, orange first."""

_CELL, _TEXT, _COLUMNS = 300, 15, 4


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """What a tracker did on a video.

    Args:
        name: the tracker's.
        boxes: (n, 4) x, y, w, h, one row a frame.
        overlaps: (n,) IoU with the annotated box in [0, 1], NaN where that is not known or the target is absent.
        lost: the first frame of its first failure; None without one.
    """

    name: str
    boxes: np.ndarray
    overlaps: np.ndarray
    lost: int | None

    @property
    def overlap(self) -> float:
        """The mean overlap after the first frame, whose box is given; NaN where no other is known."""
        found = self.overlaps[1:][np.isfinite(self.overlaps[1:])]
        return float(found.mean()) if len(found) else float("nan")

    @property
    def label(self) -> str:
        """Name, mean overlap and failure, as the legend shows them."""
        measured = "" if np.isnan(self.overlap) else f": IoU {self.overlap:.2f}"
        return f"{self.name}{measured}{'' if self.lost is None else f', lost from frame {self.lost}'}"

    def to_dict(self) -> dict[str, Any]:
        """Return name, mean overlap and failure as JSON-able data."""
        overlap = None if np.isnan(self.overlap) else self.overlap
        return {"tracker": self.name, "mean_iou": overlap, "lost_from": self.lost, "boxes": self.boxes.tolist()}


def first_failure(overlaps: np.ndarray, below: float = LOST_BELOW, frames: int = LOST_FOR) -> int | None:
    """Return the first frame from which (n,) overlaps stay below a value for a number of frames; None without one.

    Frames whose overlap is NaN neither count nor interrupt.
    """
    known = np.flatnonzero(np.isfinite(overlaps))
    low = overlaps[known] < below
    for start in range(len(low) - frames + 1):
        if low[start : start + frames].all():
            return int(known[start])
    return None


def follow_video(ready: ReadyTracker, video: Video, sentence: str | None) -> Followed:
    """Track a video from its first box to its end; trackers that read no sentences do not get it.

    Raises:
        EvaluationError: a box is not finite.
    """
    language = ready.embed([sentence])
    boxes = tracked(ready.tracker, [video], path=ready.path, language=language, lockstep=1)[0].boxes
    overlaps = np.where(known_boxes(video), iou(boxes, video.boxes), np.nan)
    return Followed(ready.name, boxes, overlaps, first_failure(overlaps))


def draw_trackers(video: Video, followed: Sequence[Followed], *, sentence: str | None, count: int = 7) -> np.ndarray:
    """Draw frames, four in a row, with the boxes of trackers, and the annotated one dashed.

    Shown are `count` frames evenly spread after the first, and the frames from which trackers lose the target.

    Returns:
        (height, width, 3) uint8 BGR: name and sentence, a legend in the boxes' colours, the frames.
    """
    styled = [(item, STYLES[index % len(STYLES)]) for index, item in enumerate(followed)]
    lost = {item.lost for item in followed if item.lost is not None}
    shown = sorted({*spread(len(video), count + 1)[1:], *lost})
    cells = [_cell(video, styled, index) for index in shown]
    legend = [*((item.label, colour) for item, colour in styled), ("annotated, dashed", TRUE)]
    title = f"{video.key} · {len(video)} frames"
    head = [(title, GREY, 1), (quoted(sentence), INK, 3)]
    return grid(cells, head, columns=_COLUMNS, text=_TEXT, legend=legend)


def _cell(video: Video, styled: Sequence[tuple[Followed, Colour]], index: int) -> np.ndarray:
    cell, scale = fitted(video.frame(index), _CELL)
    if known_boxes(video)[index]:
        draw_box(cell, video.boxes[index], colour=TRUE, dashed=True, scale=scale)
    for item, colour in reversed(styled):
        draw_box(cell, item.boxes[index], colour=colour, scale=scale)
    put_text(cell, (0, 0), str(index), size=_TEXT, background=(0, 0, 0))
    bottom = cell.shape[0]
    for item, colour in reversed(styled):
        if item.lost == index:
            bottom -= _line(cell, bottom, f"{item.name} loses it", colour)
    if video.absent[index]:
        _line(cell, bottom, "target absent", ABSENT)
    return cell


def _line(cell: np.ndarray, bottom: int, text: str, colour: Colour) -> int:
    """Write a line that ends at a row of pixels; returns its height."""
    height = _TEXT + 5
    put_text(cell, (0, bottom - height), text, size=_TEXT, colour=colour, background=(0, 0, 0))
    return height
