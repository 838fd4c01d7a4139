"""The static tracker and template matching."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from asymnas.task import GenePath
from asymnas.tracking import Language, OnlineTracker


class StaticTracker(OnlineTracker):
    """Never moves its box; what it scores is the motion that a benchmark lacks."""

    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: GenePath | None = None,
    ) -> list[np.ndarray]:
        """Remember the boxes."""
        return [np.array(box, float) for box in boxes]

    def step(self, sessions: Sequence[np.ndarray], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first boxes with score 1."""
        return np.stack(sessions), np.ones(len(sessions))


class TemplateMatchingOptions(BaseModel):
    """Options of template matching."""

    model_config = ConfigDict(extra="forbid")

    search_factor: float = Field(4.0, gt=1.0, le=20.0)
    """Side of the searched region as a multiple of the box, as wide as a Siamese tracker's; at most the frame."""


class TemplateMatching:
    """Zero-mean normalised cross-correlation of the first box around the last position; position only, fixed size.

    A box of one colour, as one pixel is, matches nothing: it stays where it was, with score 0.
    """

    def __init__(self, options: TemplateMatchingOptions) -> None:
        self.search_factor = options.search_factor

    def init(self, frame: np.ndarray, box: np.ndarray) -> None:
        """Cut the template out of the first frame."""
        # `inset`: pixels of the box left of and above the frame, where it reaches over the border.
        self.template, self.inset = _cut(frame, box)
        self.box = box

    def update(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """Move the box to the best match in its region; returned with the correlation there, at least 0."""
        if not np.ptp(self.template, axis=(0, 1)).any():  # OpenCV answers 1 everywhere, so the corner would win
            return self.box, 0.0
        height, width = self.template.shape[:2]
        x, y, w, h = self.box
        reach_x, reach_y = w * (self.search_factor - 1) / 2, h * (self.search_factor - 1) / 2
        left, top = int(max(0, np.floor(x - reach_x))), int(max(0, np.floor(y - reach_y)))
        right = int(min(frame.shape[1], np.ceil(x + w + reach_x)))
        bottom = int(min(frame.shape[0], np.ceil(y + h + reach_y)))
        region = frame[top:bottom, left:right]
        if region.shape[0] < height or region.shape[1] < width:
            return self.box, 0.0
        response = cv2.matchTemplate(region, self.template, cv2.TM_CCOEFF_NORMED)
        response = np.where(np.isfinite(response), response, -1.0)
        row, column = np.unravel_index(int(response.argmax()), response.shape)
        self.box[:2] = np.array([left + column, top + row]) - self.inset
        return self.box, float(np.clip(response[row, column], 0.0, 1.0))


def _cut(frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box's pixels, clipped to the frame, at least one; and how far its corner is left of and above the frame."""
    x, y, w, h = box
    left = int(np.clip(round(x), 0, frame.shape[1] - 1))
    top = int(np.clip(round(y), 0, frame.shape[0] - 1))
    right = int(np.clip(round(x + w), left + 1, frame.shape[1]))
    bottom = int(np.clip(round(y + h), top + 1, frame.shape[0]))
    inset = np.maximum([-round(x), -round(y)], 0)
    return frame[top:bottom, left:right].copy(), inset.astype(float)
