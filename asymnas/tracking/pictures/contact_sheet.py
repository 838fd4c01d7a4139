"""A contact sheet: frames of a video side by side, evenly spread however long it gets."""

from __future__ import annotations

import cv2
import numpy as np

from asymnas.tracking.pictures.overlay import draw_target, put_text, text_size, wrap_text

__all__ = ["ContactSheet"]

_CELL = 300
_GAP = 4
_HEAD_TEXT = 15


class ContactSheet:
    """Collects drawn frames of a video whose length need not be known, and lays them out.

    Every k-th frame is kept; when four times the wanted number is there, every second one goes and k doubles.

    Args:
        count: frames on the sheet, at least 2.
        columns: frames a row.
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
        self._cells[index] = _cell(index, frame, box, score, truth)
        if len(self._cells) >= 4 * self.count:
            self._every *= 2
            self._cells = {key: cell for key, cell in self._cells.items() if key % self._every == 0}

    def render(self, title: str, sentence: str | None) -> np.ndarray:
        """Return the sheet, (height, width, 3) uint8 BGR: the first frame, the last one and some between.

        Raises:
            ValueError: no frame was added.
        """
        if self._last is None:
            raise ValueError("the sheet has no frame")
        cells = {**self._cells, self._last[0]: _cell(*self._last)}
        order = sorted(cells)
        chosen = sorted({order[round(at)] for at in np.linspace(0, len(order) - 1, min(self.count, len(order)))})
        height, width = cells[order[0]].shape[:2]
        columns = min(self.columns, len(chosen))
        rows = -(-len(chosen) // columns)
        total = columns * (width + _GAP) + _GAP
        words = wrap_text(sentence or "(no sentence)", _HEAD_TEXT, total - 8, 2)
        lines = wrap_text(title, _HEAD_TEXT, total - 8, 1) + words
        head = 20 * len(lines) + 6
        sheet = np.full((head + rows * (height + _GAP), total, 3), 28, np.uint8)
        for number, line in enumerate(lines):
            colour = (255, 255, 255) if number else (175, 175, 175)
            put_text(sheet, (4, 3 + 20 * number), line, size=_HEAD_TEXT, colour=colour)
        for place, index in enumerate(chosen):
            y, x = head + place // columns * (height + _GAP), _GAP + place % columns * (width + _GAP)
            sheet[y : y + height, x : x + width] = cells[index]
        return sheet


def _cell(index: int, frame: np.ndarray, box: np.ndarray, score: float, truth: np.ndarray | None) -> np.ndarray:
    """A frame, fitted into a square cell, with its boxes and number."""
    scale = _CELL / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    cell = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    draw_target(cell, box, score, truth=truth, scale=scale)
    put_text(cell, (0, 0), str(index), size=text_size(size[0]), background=(0, 0, 0))
    return cell
