"""A strip: frames of one video side by side, with the annotated box and those of several trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from asymnas.tracking.pictures.overlay import FOUND, draw_box, put_text, text_width, wrap_text

if TYPE_CHECKING:
    from asymnas.tracking.data import Video

__all__ = ["STYLES", "Shown", "draw_strip"]


class _Style(NamedTuple):
    """B, G, R of a tracker's lines, and their width in halves of a pixel."""

    colour: tuple[int, int, int]
    thick: int


STYLES = (_Style((20, 140, 255), 5), _Style((255, 170, 70), 3), _Style((200, 200, 200), 3))
"""Lines of the trackers, in their order: orange, thinner blue, thinner grey."""

_TRUE = _Style(FOUND, 4)

_HEIGHTS, _WIDTHS, _WANTED = (120, 160), (132, 300), 204
"""Heights and widths that a frame may have on the strip, and the width that the height is chosen for; pixels."""

_GAP, _LINE, _TEXT, _NOTE, _LINES = 4, 21, 15, 13, 12
_BACK, _INK, _GREY, _ABSENT = (28, 28, 28), (255, 255, 255), (175, 175, 175), (110, 110, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One tracker on a strip.

    Args:
        label: its name in the legend.
        score: its main measure on the video, in [0, 1].
        boxes: (n, 4) x, y, w, h in pixels, a row a frame.
    """

    label: str
    score: float
    boxes: np.ndarray


def draw_strip(video: Video, shown: Sequence[Shown], *, count: int = 6, measure: str = "SUC") -> np.ndarray:
    """Draw frames of a video, equally spread after the first, with the boxes of trackers and the annotated one.

    Args:
        video: the video.
        shown: trackers, at most as many as there are `STYLES`.
        count: frames on the strip, at least 1; all of a shorter video.
        measure: name of the scores.

    Returns:
        (height, width, 3) uint8 BGR: name and sentence, a legend in the boxes' colours, the frames.
    """
    chosen = sorted({round(at) for at in np.linspace(0, len(video) - 1, min(count + 1, len(video)))})[-count:]
    styled = list(zip(shown, STYLES, strict=False))
    cells = [_cell(video, styled, index) for index in chosen]
    legend = [("annotated, dashed", FOUND)]
    legend += [(f"{item.label}: {measure} {item.score:.2f}", style.colour) for item, style in styled]
    widths = [text_width(label, _TEXT) + 26 for label, _ in legend]
    width = max(sum(cell.shape[1] + _GAP for cell in cells) + _GAP, sum(widths) + 8)
    title = f"{video.key} · {len(video)} {'frame' if len(video) == 1 else 'frames'}"
    lines = [(line, _GREY) for line in wrap_text(title, _TEXT, width - 8, 1)]
    words = f"“{video.sentence}”" if video.sentence else "(no sentence)"
    lines += [(line, _INK) for line in wrap_text(words, _TEXT, width - 8, _LINES)]
    head = _LINE * (len(lines) + 1) + 8
    height = max(cell.shape[0] for cell in cells)
    strip = np.full((head + height + _GAP, width, 3), _BACK, np.uint8)
    for number, (line, colour) in enumerate(lines):
        put_text(strip, (4, 3 + _LINE * number), line, size=_TEXT, colour=colour)
    x, y = 4, 4 + _LINE * len(lines)
    for (label, colour), wide in zip(legend, widths, strict=True):
        put_text(strip, (x, y), label, size=_TEXT, colour=colour)
        x += wide
    left = _GAP
    for cell in cells:
        strip[head : head + cell.shape[0], left : left + cell.shape[1]] = cell
        left += cell.shape[1] + _GAP
    return strip


def _cell(video: Video, styled: Sequence[tuple[Shown, _Style]], index: int) -> np.ndarray:
    """A frame with its boxes and number, between bars of the ground where it is very wide or narrow."""
    frame = video.frame(index)
    tall, wide = frame.shape[:2]
    height = int(np.clip(round(_WANTED * tall / wide), *_HEIGHTS))
    width = int(np.clip(round(height * wide / tall), *_WIDTHS))
    scale = min(width / wide, height / tall)
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    double = (2 * size[0], 2 * size[1])  # lines drawn there and halved may have any width, and are smooth
    picture = cv2.resize(frame, double, interpolation=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_CUBIC)
    absent = bool(video.absent[index])
    for item, style in reversed(styled):
        draw_box(picture, item.boxes[index], colour=style.colour, scale=2 * scale, thick=style.thick)
    if not absent:
        draw_box(picture, video.boxes[index], colour=_TRUE.colour, dashed=True, scale=2 * scale, thick=_TRUE.thick)
    cell: np.ndarray = np.full((height, width, 3), _BACK, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    put_text(cell, (0, 0), str(index), size=_NOTE, background=(0, 0, 0))
    if absent:
        put_text(cell, (0, height), "target absent", size=_NOTE, colour=_ABSENT, background=(0, 0, 0))
    return cell
