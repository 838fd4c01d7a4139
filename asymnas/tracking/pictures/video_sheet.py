"""An annotated video on one picture: frames with their boxes, the sentence, what is known of the video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import write_whole
from asymnas.tracking.data import Video
from asymnas.tracking.pictures.overlay import FOUND, draw_box, put_text, wrap_text

__all__ = ["draw_video_sheet", "save_picture"]

_CELL, _GAP, _LINE, _TEXT = 320, 4, 22, 16
_BACK, _INK, _GREY, _ABSENT = (28, 28, 28), (255, 255, 255), (175, 175, 175), (90, 90, 255)


def draw_video_sheet(video: Video, *, count: int = 12, columns: int = 4, title: str = "") -> np.ndarray:
    """Draw frames of a video, evenly spread from the first to the last, with their annotated boxes.

    Frames without a visible target say so; their box, if one is written, is drawn dashed. Frames that cannot be read
    are shown as such.

    Args:
        video: the video.
        count: frames on the sheet, at least 1.
        columns: frames a row.
        title: what comes before the video's name in the head.

    Returns:
        the sheet, (height, width, 3) uint8 BGR.
    """
    chosen = sorted({round(at) for at in np.linspace(0, len(video) - 1, min(count, len(video)))})
    cells = [_cell(video, index) for index in chosen]
    columns = min(columns, len(cells))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    width = max(cell.shape[1] for cell in cells)
    total = max(columns * (width + _GAP) + _GAP, 2 * _CELL)
    lines = [(line, _GREY) for line in wrap_text(_facts(video, title), _TEXT, total - 8, 3)]
    words = f"“{video.sentence}”" if video.sentence else "(no sentence)"
    lines += [(line, _INK) for line in wrap_text(words, _TEXT, total - 8, 4)]
    head = _LINE * len(lines) + 6
    heights = [max(cell.shape[0] for cell in row) for row in rows]
    sheet = np.full((head + sum(heights) + _GAP * len(rows), total, 3), _BACK, np.uint8)
    for number, (line, colour) in enumerate(lines):
        put_text(sheet, (4, 3 + _LINE * number), line, size=_TEXT, colour=colour)
    y = head
    for row, height in zip(rows, heights, strict=True):
        for place, cell in enumerate(row):
            x = _GAP + place * (width + _GAP)
            sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
        y += height + _GAP
    return sheet


def _facts(video: Video, title: str) -> str:
    parts = [f"{title}/{video.name}" if title else video.name, f"{len(video)} frames"]
    if video.server:
        parts.append("only the first box is public")
    else:
        parts.append(f"{int(video.absent.sum())} absent")
    if video.attributes:
        parts.append(" ".join(sorted(video.attributes)))
    return " · ".join(parts)


def _cell(video: Video, index: int) -> np.ndarray:
    """A frame, its longer side scaled to the cell, with its box and number."""
    label = str(index)
    try:
        frame = video.frame(index)
    except DataError:
        cell: np.ndarray = np.full((_CELL * 9 // 16, _CELL, 3), 60, np.uint8)
        put_text(cell, (0, 0), f"{label}  cannot be read", size=_TEXT, colour=_ABSENT, background=(0, 0, 0))
        return cell
    scale = _CELL / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    cell = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    absent = bool(video.absent[index])
    draw_box(cell, video.boxes[index], colour=_ABSENT if absent else FOUND, dashed=absent, scale=scale)
    if absent:
        label += "  no box" if video.server else "  absent"
    put_text(cell, (0, 0), label, size=_TEXT, colour=_ABSENT if absent else _INK, background=(0, 0, 0))
    return cell


def save_picture(picture: np.ndarray, path: Path) -> None:
    """Write a picture (height, width, 3) uint8 BGR as .png or .jpg; the file is there as a whole or not at all.

    Raises:
        DataError: another suffix, or a place that cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".png", ".jpg", ".jpeg"):
        raise DataError(Problem(str(path), "a picture's name must end with .png or .jpg", f"'{path.suffix}'"))
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444  # thin lines keep their colours
    options = [] if kind == ".png" else [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full, cv2.IMWRITE_JPEG_QUALITY, 90]
    _good, data = cv2.imencode(kind, picture, options)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data.tobytes())
    except OSError as error:
        raise DataError(
            Problem(str(path), "the picture must be writable", error.strerror or str(error), "Choose another place.")
        ) from None
