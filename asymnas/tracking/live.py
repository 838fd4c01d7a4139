"""One target, frame by frame: the tracker that programs use on a camera or a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import Problem, TrackerError
from asymnas.tracking.online import begin, follow

if TYPE_CHECKING:
    from asymnas.tracking import Language, OnlineTracker

__all__ = ["LiveTracker"]


class LiveTracker:
    """Follows one target; `start` on another one at any time.

    Args:
        tracker: the tracker.
        path: the architecture's path; None for a tracker without a search space.
        embed: embeds sentences; returns None for a tracker that reads none.

    Example:
        tracker = asymnas.load_run("runs/vlt_scar").tracker()
        tracker.start(frame, box, "the brown dog")
        box, score = tracker.step(frame)
    """

    def __init__(
        self,
        tracker: OnlineTracker,
        path: Mapping[str, str] | None = None,
        embed: Callable[[Sequence[str | None]], Language | None] = lambda sentences: None,
    ) -> None:
        self.tracker, self.path, self._embed = tracker, path, embed
        self._sessions: list[Any] = []

    def start(self, frame: np.ndarray, box: Sequence[float] | np.ndarray, sentence: str | None = None) -> None:
        """Start on the target in a box x, y, w, h of a frame (height, width, 3) uint8 BGR, described by a sentence.

        Raises:
            LanguageError: the sentence is empty.
        """
        row = np.asarray(box, np.float64).reshape(1, 4)
        language = self._embed([sentence])
        self._sessions = begin(self.tracker, [frame], row, language=language, path=self.path)

    def step(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """Follow the target into the next frame: box (4,) float64 x, y, w, h in pixels, and the score in [0, 1].

        Raises:
            TrackerError: `start` was not called.
        """
        if not self._sessions:
            raise TrackerError(Problem("step", "needs a target", way_out="Call `start(frame, box)` before."))
        boxes, scores = follow(self.tracker, self._sessions, [frame])
        return boxes[0], float(scores[0])
