"""The frames of a tracked video: the tracked box, the true one, the score and the sentence."""

from __future__ import annotations

import math

import cv2
import numpy as np

from asymnas.tracking.pictures.drawing import (
    BACK,
    GREY,
    draw_target,
    line_height,
    put_text,
    quoted,
    text_size,
    text_width,
    wrap_text,
)

_LEAST_WIDTH = 320
_SENTENCE_LINES = 3


class Overlay:
    """Draws the frames of one video: box and score in the picture, sentence and frame number in a band below it.

    `size` is width and height of the frames in pixels, later those of the pictures that `draw` returns: small ones are
    enlarged so that the text can be read. `title` is what tracks.
    """

    def __init__(self, size: tuple[int, int], *, title: str, sentence: str | None = None) -> None:
        self._scale = max(1, math.ceil(_LEAST_WIDTH / size[0]))
        self._picture = (size[0] * self._scale, size[1] * self._scale)
        self._title = title
        self._text = text_size(self._picture[0])
        self._words = wrap_text(quoted(sentence), self._text, self._picture[0] - 8, _SENTENCE_LINES)
        band = line_height(self._text) * (len(self._words) + 1) + 6
        self.size = (self._picture[0], self._picture[1] + band)

    def draw(
        self, frame: np.ndarray, box: np.ndarray, score: float, *, index: int, truth: np.ndarray | None = None
    ) -> np.ndarray:
        """Return a picture (height, width, 3) uint8 BGR of frame number `index`, from 0, which is not changed.

        `box` and the annotated `truth`, drawn dashed in white below it, are (4,) x, y, w, h in pixels; `score` is in
        [0, 1].
        """
        picture = np.full((self.size[1], self.size[0], 3), BACK, np.uint8)
        top = picture[: self._picture[1]]
        top[:] = cv2.resize(frame, self._picture, interpolation=cv2.INTER_CUBIC) if self._scale > 1 else frame
        draw_target(top, box, score, truth=truth, scale=self._scale)
        y = self._picture[1] + 3
        for row in self._words:
            put_text(picture, (4, y), row, size=self._text)
            y += line_height(self._text)
        right = f"frame {index}   score {score:.2f}"
        left = wrap_text(self._title, self._text, self.size[0] - text_width(right, self._text) - 12, 1)
        put_text(picture, (4, y), left[0] if left else "", size=self._text, colour=GREY)
        put_text(picture, (self.size[0], y), right, size=self._text, colour=GREY)
        return picture
