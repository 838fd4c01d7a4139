"""A video on one picture: a contact sheet of what was tracked, and a sheet of what is annotated."""

from __future__ import annotations

import numpy as np

from asymnas.core.errors import DataError
from asymnas.tracking.data import Video
from asymnas.tracking.pictures.drawing import (
    ABSENT,
    FOUND,
    GREY,
    INK,
    draw_box,
    draw_target,
    fitted,
    grid,
    put_text,
    quoted,
    spread,
    text_size,
)

_CONTACT, _SHEET, _TEXT = 300, 320, 16


class ContactSheet:
    """Collects drawn frames of a video whose length need not be known, and lays `count` (2 or more) of them out.

    Every k-th frame is kept; when four times the wanted number is there, every second one goes and k doubles.
    """

    def __init__(self, count: int = 12, columns: int = 4) -> None:
        self.count, self.columns = count, columns
        self._every = 1
        self._cells: dict[int, np.ndarray] = {}
        self._last: tuple[int, np.ndarray, np.ndarray, float, np.ndarray | None] | None = None

    def add(
        self, index: int, frame: np.ndarray, box: np.ndarray, score: float, truth: np.ndarray | None = None
    ) -> None:
        """Offer the next frame (height, width, 3) uint8 BGR with its box x, y, w, h and score; see `Overlay.draw`."""
        self._last = (index, frame, box, score, truth)
        if index % self._every:
            return
        self._cells[index] = _tracked(index, frame, box, score, truth)
        if len(self._cells) >= 4 * self.count:
            self._every *= 2
            self._cells = {key: cell for key, cell in self._cells.items() if key % self._every == 0}

    def render(self, title: str, sentence: str | None) -> np.ndarray:
        """Return the sheet, (height, width, 3) uint8 BGR: the first of the added frames, the last and some between."""
        assert self._last is not None
        cells = {**self._cells, self._last[0]: _tracked(*self._last)}
        order = sorted(cells)
        chosen = [cells[order[place]] for place in spread(len(order), self.count)]
        return grid(chosen, [(title, GREY, 1), (quoted(sentence), INK, 2)], columns=self.columns)


def _tracked(index: int, frame: np.ndarray, box: np.ndarray, score: float, truth: np.ndarray | None) -> np.ndarray:
    cell, scale = fitted(frame, _CONTACT)
    draw_target(cell, box, score, truth=truth, scale=scale)
    put_text(cell, (0, 0), str(index), size=text_size(cell.shape[1]), background=(0, 0, 0))
    return cell


def draw_video_sheet(video: Video, *, count: int = 12, columns: int = 4, title: str = "") -> np.ndarray:
    """Draw frames of a video, evenly spread from the first to the last, with their annotated boxes.

    Frames without a visible target say so, with the box, if one is written, dashed; so do frames that cannot be read.
    `title` comes before the video's name in the head. Returns (height, width, 3) uint8 BGR.
    """
    cells = [_annotated(video, index) for index in spread(len(video), count)]
    absent = "only the first box is public" if video.server else f"{int(video.absent.sum())} absent"
    facts = [f"{title}/{video.name}" if title else video.name, f"{len(video)} frames", absent]
    facts += [" ".join(sorted(video.attributes))] if video.attributes else []
    head = [(" · ".join(facts), GREY, 3), (quoted(video.sentence), INK, 4)]
    return grid(cells, head, columns=columns, text=_TEXT, least=2 * _SHEET)


def _annotated(video: Video, index: int) -> np.ndarray:
    try:
        cell, scale = fitted(video.frame(index), _SHEET)
    except DataError:
        cell = np.full((_SHEET * 9 // 16, _SHEET, 3), 60, np.uint8)
        label, colour = f"{index}  cannot be read", ABSENT
    else:
        absent = bool(video.absent[index])
        label = f"{index}{'  no box' if video.server else '  absent'}" if absent else str(index)
        draw_box(cell, video.boxes[index], colour=ABSENT if absent else FOUND, dashed=absent, scale=scale)
        colour = ABSENT if absent else INK
    put_text(cell, (0, 0), label, size=_TEXT, colour=colour, background=(0, 0, 0))
    return cell
