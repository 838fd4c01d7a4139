"""Drawing on frames: the tracked box, the true one, the score and the sentence."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "FOUND",
    "TRUE",
    "Overlay",
    "draw_box",
    "draw_target",
    "put_text",
    "text_size",
    "text_width",
    "undrawable",
    "wrap_text",
]

FOUND = (60, 220, 60)
"""Colour (B, G, R) of a tracker's box."""

TRUE = (255, 255, 255)
"""Colour of the annotated box."""

_INK, _GREY, _BAND = (255, 255, 255), (175, 175, 175), (28, 28, 28)
_LEAST_WIDTH = 320
_SENTENCE_LINES = 3


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
    colour: tuple[int, int, int] = _INK,
    background: tuple[int, int, int] | None = None,
) -> None:
    """Write one line of text into an image, in place, moved inwards where it would leave the image.

    Args:
        image: (height, width, 3) uint8 BGR.
        corner: left upper corner x, y of the text in pixels.
        text: any text; see `undrawable`.
        size: font size in pixels.
        colour: B, G, R.
        background: colour of a filled box behind the text; None: the image shows through.
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
    colour: tuple[int, int, int] = FOUND,
    label: str = "",
    dashed: bool = False,
    scale: float = 1.0,
    thick: int | None = None,
) -> None:
    """Draw a box into an image, in place, with a dark rim so that it is seen on any ground.

    Args:
        image: (height, width, 3) uint8 BGR.
        box: (4,) x, y, w, h in pixels; nothing is drawn for a box without an area or with a NaN.
        colour: B, G, R.
        label: text at the box's upper edge.
        dashed: for a box that is no answer, such as the annotated one.
        scale: image pixels per pixel of `box`.
        thick: pixels of the line, the rim left out; None: as suits the image.
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


def text_size(width: int) -> int:
    """Return the font size in pixels that suits an image of that width."""
    return int(np.clip(round(width / 40), 11, 40))


def text_width(text: str, size: int) -> int:
    """Return the width in pixels of one line of text at a font size."""
    return _rendered(text, size).shape[1]


class Overlay:
    """Draws the frames of one video: box and score in the picture, sentence and frame number in a band below it.

    Args:
        size: width and height of the frames in pixels; small ones are enlarged so that the text can be read.
        title: what tracks, e.g. the tracker's name.
        sentence: the description of the target; None where there is none.

    Attributes:
        size: width and height of the pictures that `draw` returns.
    """

    def __init__(self, size: tuple[int, int], *, title: str, sentence: str | None = None) -> None:
        self._scale = max(1, math.ceil(_LEAST_WIDTH / size[0]))
        self._picture = (size[0] * self._scale, size[1] * self._scale)
        self._title = title
        self._text = text_size(self._picture[0])
        self._line = sum(_font(self._text).getmetrics()) + 2
        words = f"“{sentence}”" if sentence else "(no sentence)"
        self._words = wrap_text(words, self._text, self._picture[0] - 8, _SENTENCE_LINES)
        band = self._line * (len(self._words) + 1) + 6
        self.size = (self._picture[0], self._picture[1] + band)

    def draw(
        self, frame: np.ndarray, box: np.ndarray, score: float, *, index: int, truth: np.ndarray | None = None
    ) -> np.ndarray:
        """Return a picture of a frame.

        Args:
            frame: (height, width, 3) uint8 BGR; it is not changed.
            box: (4,) x, y, w, h of the tracker, in frame pixels.
            score: its score in [0, 1].
            index: the frame's number, 0-based.
            truth: the annotated box, drawn dashed in white below the tracker's.

        Returns:
            (height, width, 3) uint8 BGR of `self.size`.
        """
        picture = np.full((self.size[1], self.size[0], 3), _BAND, np.uint8)
        top = picture[: self._picture[1]]
        top[:] = cv2.resize(frame, self._picture, interpolation=cv2.INTER_CUBIC) if self._scale > 1 else frame
        draw_target(top, box, score, truth=truth, scale=self._scale)
        y = self._picture[1] + 3
        for row in self._words:
            put_text(picture, (4, y), row, size=self._text)
            y += self._line
        right = f"frame {index}   score {score:.2f}"
        left = wrap_text(self._title, self._text, self.size[0] - _rendered(right, self._text).shape[1] - 12, 1)
        put_text(picture, (4, y), left[0] if left else "", size=self._text, colour=_GREY)
        put_text(picture, (self.size[0], y), right, size=self._text, colour=_GREY)
        return picture


def draw_target(
    image: np.ndarray, box: np.ndarray, score: float, *, truth: np.ndarray | None = None, scale: float = 1.0
) -> None:
    """Draw a tracker's box with its score, and the annotated box below it, into an image, in place."""
    if truth is not None:
        draw_box(image, truth, colour=TRUE, dashed=True, scale=scale)
    draw_box(image, box, label=f"{score:.2f}", scale=scale)
