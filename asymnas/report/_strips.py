"""A strip: frames of one video side by side, with the annotated box and those of several trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from asymnas.report._overlay import FOUND, TRUE, draw_box, put_text, text_width, wrap_text

if TYPE_CHECKING:
    from asymnas.data import Video

__all__ = ["COLOURS", "Shown", "draw_strip"]

COLOURS = (FOUND, (40, 150, 255), (255, 170, 90), (200, 110, 230))
"""B, G, R of the trackers, in their order."""

_CELL, _GAP, _LINE, _TEXT = 200, 4, 20, 14
_BACK, _GREY = (28, 28, 28), (175, 175, 175)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One tracker on a strip.

    Args:
        label: its name in the legend.
        score: its SUC on the video, in [0, 1].
        boxes: (n, 4) x, y, w, h in pixels, a row a frame.
    """

    label: str
    score: float
    boxes: np.ndarray


def draw_strip(video: Video, shown: Sequence[Shown], *, count: int = 6) -> np.ndarray:
    """Draw frames of a video, equally spread after the first, with the boxes of trackers and the annotated one.

    Args:
        video: the video.
        shown: trackers, at most as many as there are `COLOURS`; the first is drawn on top.
        count: frames on the strip, at least 1.

    Returns:
        (height, width, 3) uint8 BGR: name and sentence, a legend in the boxes' colours, the frames.
    """
    chosen = sorted({round(at) for at in np.linspace(0, len(video) - 1, min(count + 1, len(video)))})[-count:]
    cells = [_cell(video, shown, index) for index in chosen]
    width = len(cells) * (_CELL + _GAP) + _GAP
    words = f"“{video.sentence}”" if video.sentence else "(no sentence)"
    name = f"{video.dataset}/{video.name}"
    lines = [(line, _GREY) for line in wrap_text(name, _TEXT, width - 8, 1)]
    lines += [(line, TRUE) for line in wrap_text(words, _TEXT, width - 8, 2)]
    head = _LINE * (len(lines) + 1) + 6
    height = max(cell.shape[0] for cell in cells)
    strip = np.full((head + height + _GAP, width, 3), _BACK, np.uint8)
    for number, (line, colour) in enumerate(lines):
        put_text(strip, (4, 3 + _LINE * number), line, size=_TEXT, colour=colour)
    x, y = 4, 3 + _LINE * len(lines)
    legend = [("annotated, dashed", TRUE), *((f"{item.label} {item.score:.2f}", c) for item, c in _coloured(shown))]
    for label, colour in legend:
        put_text(strip, (x, y), label, size=_TEXT, colour=colour)
        x += text_width(label, _TEXT) + 24
    for place, cell in enumerate(cells):
        left = _GAP + place * (_CELL + _GAP)
        strip[head : head + cell.shape[0], left : left + _CELL] = cell
    return strip


def _coloured(shown: Sequence[Shown]) -> list[tuple[Shown, tuple[int, int, int]]]:
    return list(zip(shown, COLOURS, strict=False))


def _cell(video: Video, shown: Sequence[Shown], index: int) -> np.ndarray:
    """A frame of the strip's width with its boxes, the annotated one first, and its number."""
    frame = video.frame(index)
    scale = _CELL / frame.shape[1]
    size = (_CELL, max(1, round(frame.shape[0] * scale)))
    cell = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    absent = bool(video.absent[index])
    for item, colour in reversed(_coloured(shown)):
        draw_box(cell, item.boxes[index], colour=colour, scale=scale)
    if not absent:
        draw_box(cell, video.boxes[index], colour=TRUE, dashed=True, scale=scale)
    put_text(cell, (0, 0), f"{index}  target absent" if absent else str(index), size=12, background=(0, 0, 0))
    return cell
