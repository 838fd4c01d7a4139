"""Trackers with `init(image, box)` and `update(image)`, one object a video, as trackers of AsymNAS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from asymnas.core.errors import Problem, TrackerError
from asymnas.task import GenePath
from asymnas.tracking.contract import Language, NoOptions, OnlineTracker, TrackerPlugin

__all__ = ["FrameTracker", "frame_tracker"]


class FrameTracker(OnlineTracker):
    """Follows each video with an object of its own.

    The object has `init(image, box)`, or `init(image, box, sentence=...)` (text or None) if it reads language, and
    `update(image)`, which returns a box or (box, score). Images are (height, width, 3) uint8, boxes x, y, w, h in
    pixels counted from 0, the score of a lone box is 1.

    Args:
        factory: makes the object of one video.
        colour: order of the channels that the object expects.
        reads_language: whether `init` takes the sentence.
    """

    def __init__(
        self, factory: Callable[[], Any], *, colour: Literal["rgb", "bgr"] = "rgb", reads_language: bool = False
    ) -> None:
        self.factory, self.colour, self.reads_language = factory, colour, reads_language

    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: GenePath | None = None,
    ) -> list[Any]:
        """Make and begin one object a video."""
        texts = language.sentences if language is not None and language.sentences else [None] * len(frames)
        sessions = []
        for frame, box, text in zip(frames, boxes, texts, strict=True):
            sessions.append(self.factory())
            more = {"sentence": text} if self.reads_language else {}
            sessions[-1].init(self._image(frame), np.array(box, float), **more)
        return sessions

    def step(self, sessions: Sequence[Any], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Update every object.

        Raises:
            TrackerError: an object returned neither a box nor a box and a score.
        """
        boxes, scores = np.empty((len(sessions), 4)), np.ones(len(sessions))
        for row, (follower, frame) in enumerate(zip(sessions, frames, strict=True)):
            answer = follower.update(self._image(frame))
            try:
                box, scores[row] = answer if len(answer) == 2 else (answer, 1.0)
                boxes[row] = np.reshape(box, 4)
            except (TypeError, ValueError) as error:
                rule = "must return a box (x, y, w, h), or a box and a score"
                raise TrackerError(Problem(f"{type(follower).__name__}.update", rule, repr(answer))) from error
        return boxes, scores

    def _image(self, frame: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(frame[..., ::-1]) if self.colour == "rgb" else frame


def frame_tracker(
    name: str,
    factory: Callable[..., Any],
    summary: str = "",
    *,
    options: type[BaseModel] = NoOptions,
    colour: Literal["rgb", "bgr"] = "rgb",
    reads_language: bool = False,
) -> TrackerPlugin:
    """Return the plugin of a tracker that has `init(image, box)` and `update(image)`, see `FrameTracker`.

    Args:
        name: as jobs write it.
        factory: makes the object of one video: called with the options if there is a model of them, else with nothing.
        summary: one line for `asymnas list trackers`.
        options: pydantic model of the tracker's options, with `extra="forbid"`: a misspelt option is an error.
        colour: order of the channels that the object expects.
        reads_language: whether `init` takes `sentence=`.
    """

    def build(values: BaseModel, **_: Any) -> FrameTracker:
        make = factory if options is NoOptions else partial(factory, values)
        return FrameTracker(make, colour=colour, reads_language=reads_language)

    return TrackerPlugin(name, summary or name, build, options, reads_language=reads_language)
