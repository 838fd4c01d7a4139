"""A strip: frames of one video side by side, with the annotated box and those of several trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from asymnas.report import Figure, Section
from asymnas.tracking.pictures.drawing import (
    ABSENT,
    BACK,
    FOUND,
    GREY,
    INK,
    Colour,
    draw_box,
    grid,
    put_text,
    quoted,
    spread,
)

if TYPE_CHECKING:
    from asymnas.runs.read import RunData
    from asymnas.tracking.data import Video

STYLES: tuple[tuple[Colour, int], ...] = (((20, 140, 255), 5), ((255, 170, 70), 3), ((200, 200, 200), 3))
"""Colours of the trackers' lines and their widths in halves of a pixel: orange, thinner blue, thinner grey."""

_HEIGHTS, _WIDTHS, _WANTED = (120, 160), (132, 300), 204
"""Heights and widths that a frame may have on the strip, and the width that the height is chosen for; pixels."""

_NOTE = 13


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A tracker on a strip: name, score on the video in [0, 1], and boxes (n, 4) x, y, w, h, a row a frame."""

    label: str
    score: float
    boxes: np.ndarray


def draw_strip(video: Video, shown: Sequence[Shown], *, count: int = 6, measure: str = "SUC") -> np.ndarray:
    """Draw `count` frames of a video, equally spread after the first, with the boxes of trackers and the annotated one.

    At most as many trackers are shown as there are `STYLES`; `measure` names their scores.

    Returns:
        (height, width, 3) uint8 BGR: name and sentence, a legend in the boxes' colours, the frames.
    """
    styled = list(zip(shown, STYLES, strict=False))
    cells = [_cell(video, styled, index) for index in spread(len(video), count + 1)[-count:]]
    legend = [("annotated, dashed", FOUND)]
    legend += [(f"{item.label}: {measure} {item.score:.2f}", colour) for item, (colour, _) in styled]
    title = f"{video.key} · {len(video)} {'frame' if len(video) == 1 else 'frames'}"
    return grid(cells, [(title, GREY, 1), (quoted(video.sentence), INK, 12)], columns=len(cells), legend=legend)


def _cell(video: Video, styled: Sequence[tuple[Shown, tuple[Colour, int]]], index: int) -> np.ndarray:
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
    for item, (colour, thick) in reversed(styled):
        draw_box(picture, item.boxes[index], colour=colour, scale=2 * scale, thick=thick)
    if not absent:
        draw_box(picture, video.boxes[index], colour=FOUND, dashed=True, scale=2 * scale, thick=4)
    cell: np.ndarray = np.full((height, width, 3), BACK, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    put_text(cell, (0, 0), str(index), size=_NOTE, background=(0, 0, 0))
    if absent:
        put_text(cell, (0, height), "target absent", size=_NOTE, colour=ABSENT, background=(0, 0, 0))
    return cell


def strips_section(run: RunData) -> Section:
    """Return the strips of a run's folder as a section, the video that is followed best first; no figures if none."""
    note = (
        "Held-out test videos, at equal ranks from the one that the found tracker follows best to the one it follows "
        "worst; the first frame, whose box is given, is left out. Numbers are the scores of the video."
    )
    files = sorted((run.folder / "strips").glob("*.jpg"))
    figures = tuple(
        Figure(file.read_bytes(), "jpg", f"strip {file.stem.replace('_', ', video ', 1)}") for file in files
    )
    return Section("What it looks like", note=note if figures else "", figures=figures)
