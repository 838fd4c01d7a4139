"""OpenCV's trackers as objects with `init` and `update`."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

logger = logging.getLogger("asymnas.trackers.opencv")

_C_LIBRARY = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
"""MIL draws its features by the C library's `rand`, which OpenCV's own seed does not reach."""
_AGREE = 3
"""So many beginnings in a row must have drawn alike."""


class OpenCVFollower:
    """One of OpenCV's trackers; boxes go in and come out in whole pixels, and its score is 1 where it answers, else 0.

    Where OpenCV says that it lost the target, or cannot begin with a box (outside of the frame, or as large as it), the
    last box stays with score 0; the latter is also logged.

    Args:
        name: for messages.
        create: makes OpenCV's object.
        seed: of all that it draws at random.
        min_side: boxes with a shorter side are enlarged for OpenCV; MIL cannot begin with very small ones.
    """

    def __init__(self, name: str, create: Callable[[], Any], *, seed: int = 0, min_side: int = 8) -> None:
        self.name, self.create, self.seed, self.min_side = name, create, seed, min_side
        self.tracker: Any = None  # None where OpenCV could not begin

    def init(self, frame: np.ndarray, box: np.ndarray) -> None:
        """Begin with the part of the box inside the frame."""
        self.box, self.scale = box, max(1.0, self.min_side / min(box[2:]))
        # `cut`: what the frame's left, top, right and bottom cut off, as shares of what OpenCV gets.
        given, self.cut = _whole(_scaled(box, self.scale), frame)
        if given is None:
            logger.warning("%s cannot begin with the box %s: it is outside of the frame.", self.name, box.tolist())
            return
        try:
            self.tracker = self._begun(frame, given)
        except cv2.error as error:
            logger.warning("%s cannot begin with the box %s: %s", self.name, box.tolist(), str(error).strip())

    def _begun(self, frame: np.ndarray, given: tuple[int, int, int, int]) -> Any:
        """Return OpenCV's object, None where it refuses the box.

        `rand` is the whole process's: a thread of another library that draws from it meanwhile would change the
        features. So it begins anew until some beginnings in a row leave `rand` at the same place.
        """
        last, alike = None, 0
        while alike < _AGREE:
            self._draw_from(self.seed)
            tracker = self.create()
            begun = tracker.init(frame, given)  # None from most trackers, False where a legacy one refuses
            following = _C_LIBRARY.rand()
            alike, last = (alike + 1 if following == last else 1), following
        return None if begun is False else tracker

    def update(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """Ask for the next box."""
        if self.tracker is None:
            return self.box, 0.0
        self.seed += 1
        self._draw_from(self.seed)
        try:
            found, box = self.tracker.update(frame)
        except cv2.error as error:  # some trackers raise where others answer False
            logger.info("%s lost the target: %s", self.name, str(error).strip())
            return self.box, 0.0
        box = np.asarray(box, float)
        if not found or not np.isfinite(box).all() or (box[2:] <= 0).any():
            return self.box, 0.0
        left, top, right, bottom = self.cut * np.tile(box[2:], 2)
        whole = box + np.array([-left, -top, left + right, top + bottom])
        self.box = _scaled(whole, 1.0 / self.scale)
        return self.box, 1.0

    @staticmethod
    def _draw_from(seed: int) -> None:
        """Before each call, so that no video's random numbers depend on the others."""
        cv2.setRNGSeed(seed % 2**31)
        _C_LIBRARY.srand(seed % 2**31)


def _scaled(box: np.ndarray, factor: float) -> np.ndarray:
    """The box enlarged about its centre."""
    return np.concatenate([box[:2] + box[2:] * (1.0 - factor) / 2, box[2:] * factor])


def _whole(box: np.ndarray, frame: np.ndarray) -> tuple[tuple[int, int, int, int] | None, np.ndarray]:
    """The box in whole pixels, clipped to the frame (None if nothing of it is inside), and what was cut off.

    The latter is (4,): left, top, right, bottom as shares of the clipped box.
    """
    height, width = frame.shape[:2]
    corners = [round(value) for value in (*box[:2], *(box[:2] + box[2:]))]
    left, top = max(0, corners[0]), max(0, corners[1])
    right, bottom = min(width, corners[2]), min(height, corners[3])
    if right <= left or bottom <= top:
        return None, np.zeros(4)
    cut = np.array([left - corners[0], top - corners[1], corners[2] - right, corners[3] - bottom], float)
    return (left, top, right - left, bottom - top), cut / np.tile([right - left, bottom - top], 2)
