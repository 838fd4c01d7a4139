"""The trackers of OpenCV behind the tracker contract."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import cv2
import numpy as np

from asymnas.tracking import Language, OnlineTracker, Path

__all__ = ["OpenCVTracker"]

logger = logging.getLogger("asymnas.trackers.opencv")

_C_LIBRARY = None if sys.platform == "win32" else ctypes.CDLL(None)
"""MIL draws its features by the C library's `rand`, which OpenCV's own seed does not reach."""


@dataclass(slots=True)
class _Session:
    tracker: Any  # None where OpenCV could not begin
    box: np.ndarray
    scale: float
    cut: np.ndarray  # (4,) of the given box, as shares of what OpenCV got: left, top, right and bottom of the frame
    steps: int = 0


class OpenCVTracker(OnlineTracker):
    """One of OpenCV's trackers; boxes go in and come out in whole pixels, and its score is 1 where it answers, else 0.

    Where OpenCV says that it lost the target, or cannot begin with a box (outside of the frame, or as large as it), the
    last box stays with score 0; the latter is also logged.

    Args:
        name: for messages.
        factory: `cv2.<factory>_create` makes the tracker of one video.
        seed: of all that it draws at random.
        min_side: boxes with a shorter side are enlarged for OpenCV; MIL cannot begin with very small ones.
    """

    deterministic = _C_LIBRARY is not None

    def __init__(self, name: str, factory: str, *, seed: int = 0, min_side: int = 8) -> None:
        self.name, self.seed, self.min_side = name, seed, min_side
        self._create: Callable[[], Any] = attrgetter(f"{factory}_create")(cv2)

    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: Path | None = None,
    ) -> list[_Session]:
        """Make one tracker of OpenCV a video."""
        return [self._begin(frame, np.array(box, float)) for frame, box in zip(frames, boxes, strict=True)]

    def step(self, sessions: Sequence[_Session], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Ask each video's tracker for its next box."""
        found = [self._follow(session, frame) for session, frame in zip(sessions, frames, strict=True)]
        return np.array([session.box for session in sessions]).reshape(-1, 4), np.array(found, float)

    def _begin(self, frame: np.ndarray, box: np.ndarray) -> _Session:
        scale = max(1.0, self.min_side / min(box[2:]))
        given, cut = _whole(_scaled(box, scale), frame)
        if given is None:
            logger.warning("%s cannot begin with the box %s: it is outside of the frame.", self.name, box.tolist())
            return _Session(None, box, scale, cut)
        self._seed(0)
        tracker = self._create()
        try:
            begun = tracker.init(frame, given)  # None from most trackers, False where a legacy one refuses
        except cv2.error as error:
            logger.warning("%s cannot begin with the box %s: %s", self.name, box.tolist(), str(error).strip())
            begun = False
        return _Session(None if begun is False else tracker, box, scale, cut)

    def _follow(self, session: _Session, frame: np.ndarray) -> float:
        if session.tracker is None:
            return 0.0
        session.steps += 1
        self._seed(session.steps)
        try:
            found, box = session.tracker.update(frame)
        except cv2.error as error:  # some trackers raise where others answer False
            logger.info("%s lost the target: %s", self.name, str(error).strip())
            return 0.0
        box = np.asarray(box, float)
        if not found or not np.isfinite(box).all() or (box[2:] <= 0).any():
            return 0.0
        left, top, right, bottom = session.cut * np.tile(box[2:], 2)
        whole = box + np.array([-left, -top, left + right, top + bottom])
        session.box = _scaled(whole, 1.0 / session.scale)
        return 1.0

    def _seed(self, step: int) -> None:
        """Before each call, so that no video's random numbers depend on the others."""
        cv2.setRNGSeed((self.seed + step) % 2**31)
        if _C_LIBRARY is not None:
            _C_LIBRARY.srand((self.seed + step) % 2**31)


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
