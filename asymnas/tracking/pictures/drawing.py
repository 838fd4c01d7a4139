"""Boxes and text on frames, and frames in a grid under a head of text: what all pictures are made of."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import write_whole

Colour = tuple[int, int, int]
"""B, G, R in 0..255."""

FOUND: Colour = (60, 220, 60)
"""A tracker's box, or the only box."""
TRUE: Colour = (255, 255, 255)
"""The annotated box beside a tracker's."""
ABSENT: Colour = (90, 90, 255)
"""What is said of frames without the target."""
INK, GREY, BACK = (255, 255, 255), (175, 175, 175), (28, 28, 28)

_GAP = 4


@functools.cache
def _font_file() -> Path:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic and more."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_file()), size)


@functools.cache
def _characters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_font_file())).get_charmap())


def undrawable(text: str) -> str:
    """Return the characters of `text` that the font lacks; they are drawn as empty boxes."""
    return "".join(sorted({char for char in text if not char.isspace() and ord(char) not in _characters()}))


def text_size(width: int) -> int:
    """Return the font size in pixels that suits an image of that width."""
    return int(np.clip(round(width / 40), 11, 40))


def text_width(text: str, size: int) -> int:
    """Return the width in pixels of one line of text at a font size."""
    return _rendered(text, size).shape[1]


def line_height(size: int) -> int:
    """Return the height in pixels of a line of text at a font size."""
    return sum(_font(size).getmetrics()) + 2


def quoted(sentence: str | None) -> str:
    """Return a sentence as pictures show it."""
    return f"“{sentence}”" if sentence else "(no sentence)"


def wrap_text(text: str, size: int, width: int, lines: int) -> list[str]:
    """Break a text into lines of at most `width` pixels at font size `size`; what goes beyond `lines` ends with '…'."""
    font = _font(size)
    rows: list[str] = []
    for word in text.split():
        longer = f"{rows[-1]} {word}" if rows else word
        if rows and font.getlength(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    kept = rows[:lines]
    for index, row in enumerate(kept):
        cut = index == lines - 1 and len(rows) > lines
        end = "…" if cut or font.getlength(row) > width else ""
        while row and font.getlength(row + end) > width:
            row = row[:-1]
        kept[index] = row + end
    return kept


def put_text(
    image: np.ndarray,
    corner: tuple[int, int],
    text: str,
    *,
    size: int,
    colour: Colour = INK,
    background: Colour | None = None,
) -> None:
    """Write one line of text into an image (height, width, 3) uint8 BGR, in place.

    It is moved inwards where it would leave the image. `corner` is its left upper corner x, y, `size` the font's size
    in pixels, `background` a filled box behind it (None: the image shows through).
    """
    mask = _rendered(text, size)
    height, width = min(mask.shape[0], image.shape[0]), min(mask.shape[1], image.shape[1])
    x, y = (max(0, min(corner[0], image.shape[1] - width)), max(0, min(corner[1], image.shape[0] - height)))
    region = image[y : y + height, x : x + width]
    if background is not None:
        region[:] = background
    alpha = mask[:height, :width, None].astype(np.float32) / 255
    region[:] = np.rint(region * (1 - alpha) + np.array(colour, np.float32) * alpha).astype(np.uint8)


@functools.lru_cache(maxsize=256)
def _rendered(text: str, size: int) -> np.ndarray:
    """The text's coverage (height, width) uint8, two pixels of margin at the sides."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    image = Image.new("L", (math.ceil(font.getlength(text)) + 4, ascent + descent))
    ImageDraw.Draw(image).text((2, 0), text, font=font, fill=255)
    return np.asarray(image)


def draw_box(
    image: np.ndarray,
    box: np.ndarray,
    *,
    colour: Colour = FOUND,
    label: str = "",
    dashed: bool = False,
    scale: float = 1.0,
    thick: int | None = None,
) -> None:
    """Draw a box into an image (height, width, 3) uint8 BGR, in place, with a dark rim that is seen on any ground.

    `box` is (4,) x, y, w, h in pixels, `scale` image pixels each; one without an area or with a NaN is not drawn.
    `label` is at its upper edge. `dashed` is for a box that is no answer, `thick` the line's pixels (None: as suits the
    image).
    """
    box = np.asarray(box, float)
    if not np.isfinite(box).all() or (box[2:] <= 0).any():
        return
    thick = max(2, round(min(image.shape[:2]) / 240)) if thick is None else thick
    low = np.clip(np.rint(box[:2] * scale), -(2**14), 2**14).astype(int)
    high = np.clip(np.rint((box[:2] + box[2:]) * scale) - 1, -(2**14), 2**14).astype(int)
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    for rim, paint in ((thick + 2, (0, 0, 0)), (thick, colour)):
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            for a, b in _dashes(start, end, 4 * thick + 2) if dashed else [(start, end)]:
                cv2.line(image, a, b, paint, rim)
    if label:
        size = text_size(image.shape[1])
        above = int(low[1]) - _rendered(label, size).shape[0] - thick
        y = above if above >= 0 else int(high[1]) + thick + 1
        put_text(image, (int(low[0]), y), label, size=size, colour=colour, background=(0, 0, 0))


def _dashes(start: tuple[int, int], end: tuple[int, int], step: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    points = [np.rint(np.array(start) + (np.array(end) - start) * at / max(length, 1)) for at in range(0, length, step)]
    whole = [(int(x), int(y)) for x, y in points] + [(int(end[0]), int(end[1]))]
    return list(zip(whole[:-1:2], whole[1::2], strict=False))


def draw_target(
    image: np.ndarray, box: np.ndarray, score: float, *, truth: np.ndarray | None = None, scale: float = 1.0
) -> None:
    """Draw a tracker's box with its score, and the annotated box below it, into an image, in place."""
    if truth is not None:
        draw_box(image, truth, colour=TRUE, dashed=True, scale=scale)
    draw_box(image, box, label=f"{score:.2f}", scale=scale)


def spread(length: int, count: int) -> list[int]:
    """Return at most `count` indices evenly spread over `length` frames, the first and the last among them."""
    return sorted({round(at) for at in np.linspace(0, length - 1, min(count, length))})


def fitted(frame: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Return a frame scaled so that its longer side has `side` pixels, and the scale."""
    scale = side / max(frame.shape[:2])
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), scale


def grid(
    cells: Sequence[np.ndarray],
    head: Sequence[tuple[str, Colour, int]],
    *,
    columns: int,
    text: int = 15,
    legend: Sequence[tuple[str, Colour]] = (),
    least: int = 0,
) -> np.ndarray:
    """Lay cells (height, width, 3) uint8 BGR of any size out in rows under a head of text; returns such an image.

    The texts of the head have a colour and the most lines that they may take each; those of the legend are side by side
    below it. `text` is the font size, `least` the smallest width in pixels.
    """
    columns = min(columns, len(cells))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [max(cell.shape[0] for cell in row) for row in rows]
    step = max(cell.shape[1] for cell in cells) + _GAP
    widths = [text_width(label, text) + 26 for label, _ in legend]
    width = max(columns * step + _GAP, sum(widths) + 8, least)
    lines = [(line, colour) for words, colour, most in head for line in wrap_text(words, text, width - 8, most)]
    line = line_height(text)
    top = line * (len(lines) + bool(legend)) + 8
    sheet = np.full((top + sum(heights) + _GAP * len(rows), width, 3), BACK, np.uint8)
    for number, (words, colour) in enumerate(lines):
        put_text(sheet, (4, 3 + line * number), words, size=text, colour=colour)
    for number, (words, colour) in enumerate(legend):
        put_text(sheet, (4 + sum(widths[:number]), 4 + line * len(lines)), words, size=text, colour=colour)
    for row, height in zip(rows, heights, strict=True):
        for place, cell in enumerate(row):
            x = _GAP + place * step
            sheet[top : top + cell.shape[0], x : x + cell.shape[1]] = cell
        top += height + _GAP
    return sheet


def save_picture(picture: np.ndarray, file: Path) -> None:
    """Write a picture (height, width, 3) uint8 BGR as .png or .jpg; the file is there as a whole or not at all."""
    kind = file.suffix.lower()
    if kind not in (".png", ".jpg", ".jpeg"):
        raise DataError(Problem(str(file), "a picture's name must end with .png or .jpg", f"'{file.suffix}'"))
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444  # thin lines keep their colours
    options = [] if kind == ".png" else [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full, cv2.IMWRITE_JPEG_QUALITY, 90]
    _good, data = cv2.imencode(kind, picture, options)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, data.tobytes())
    except OSError as error:
        rule, value = "the picture must be writable", error.strerror or str(error)
        raise DataError(Problem(str(file), rule, value, "Choose another place.")) from None
