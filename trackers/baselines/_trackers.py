"""The static tracker and template matching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from asymnas.tracking import Language, OnlineTracker, Path

__all__ = ["StaticTracker", "TemplateMatchingTracker"]


class StaticTracker(OnlineTracker):
    """Says the first box for ever; what it scores is the motion a benchmark lacks."""

    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: Path | None = None,
    ) -> list[np.ndarray]:
        """Remember the boxes."""
        return [np.array(box, float) for box in boxes]

    def step(self, sessions: Sequence[np.ndarray], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first boxes with score 1."""
        return np.stack(sessions), np.ones(len(sessions))


@dataclass(slots=True)
class _Session:
    template: np.ndarray
    inset: np.ndarray  # (2,) pixels of the first box left of and above the frame, where it reaches over the border
    box: np.ndarray


class TemplateMatchingTracker(OnlineTracker):
    """Zero-mean normalised cross-correlation of the first box around the last position; position only, fixed size.

    A box of one colour, as one pixel is, matches nothing: it stays where it was, with score 0.

    Args:
        search_factor: side of the searched region as a multiple of the box.
    """

    def __init__(self, *, search_factor: float = 4.0) -> None:
        self.search_factor = search_factor

    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: Path | None = None,
    ) -> list[_Session]:
        """Cut the template out of each first frame."""
        return [_Session(*_cut(frame, box), np.array(box, float)) for frame, box in zip(frames, boxes, strict=True)]

    def step(self, sessions: Sequence[_Session], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Move each box to the best match in its region."""
        scores = [self._match(session, frame) for session, frame in zip(sessions, frames, strict=True)]
        return np.stack([session.box for session in sessions]), np.array(scores)

    def _match(self, session: _Session, frame: np.ndarray) -> float:
        if not np.ptp(session.template, axis=(0, 1)).any():  # OpenCV answers 1 everywhere, so the corner would win
            return 0.0
        height, width = session.template.shape[:2]
        x, y, w, h = session.box
        reach_x, reach_y = w * (self.search_factor - 1) / 2, h * (self.search_factor - 1) / 2
        left, top = int(max(0, np.floor(x - reach_x))), int(max(0, np.floor(y - reach_y)))
        right = int(min(frame.shape[1], np.ceil(x + w + reach_x)))
        bottom = int(min(frame.shape[0], np.ceil(y + h + reach_y)))
        region = frame[top:bottom, left:right]
        if region.shape[0] < height or region.shape[1] < width:
            return 0.0
        response = cv2.matchTemplate(region, session.template, cv2.TM_CCOEFF_NORMED)
        response = np.where(np.isfinite(response), response, -1.0)
        row, column = np.unravel_index(int(response.argmax()), response.shape)
        session.box[:2] = np.array([left + column, top + row]) - session.inset
        return float(np.clip(response[row, column], 0.0, 1.0))


def _cut(frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box's pixels, clipped to the frame, at least one; and how far its corner lies left of and above the frame."""
    x, y, w, h = box
    left = int(np.clip(round(x), 0, frame.shape[1] - 1))
    top = int(np.clip(round(y), 0, frame.shape[0] - 1))
    right = int(np.clip(round(x + w), left + 1, frame.shape[1]))
    bottom = int(np.clip(round(y + h), top + 1, frame.shape[0]))
    inset = np.maximum([-round(x), -round(y)], 0)
    return frame[top:bottom, left:right].copy(), inset.astype(float)
