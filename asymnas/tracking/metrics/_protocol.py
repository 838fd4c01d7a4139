"""What a protocol is: the rules by which boxes become scores."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from asymnas.tracking.metrics._annotated import Annotated, Hits, Masks

__all__ = ["Protocol"]

TWENTIETHS = np.arange(21) * 0.05
PIXELS = np.arange(51) * 1.0
HUNDREDTHS = np.arange(51) * 0.01


class Protocol:
    """The rules of one benchmark toolkit; the docstring of each protocol's class states them, and `rules` returns it.

    Here the rules are those that most share. 21 overlap thresholds 0, 0.05, ..., 1; a frame is a success at threshold t
    if IoU > t, strictly, so that a perfect frame scores 20/21. SUC is the mean of a video's success curve. 51 distance
    thresholds 0, 1, ..., 50 pixels with P at 20, and 0, 0.01, ..., 0.5 of the true width and height with NP at 0.20,
    both `<=`. A benchmark's score is the mean over videos.

    Attributes:
        name: the protocol's name; no score is shown without it.
        measures: names of its scores.
        main: the measure that ranks trackers.
        thresholds: kind of curve to its thresholds, evenly spaced from 0.
        first_frame_given: the first prediction is replaced by the ground truth.
        repair: a predicted row that is not finite or has no area is replaced by the last valid row before it.
        clip: an overlap that rounding pushed over 1 is 1.
        inclusive: a success is IoU >= t.
        pooled: the average runs over frames, not over videos.
        least_side: the least width and height, in pixels, by which normalised distances are divided.
        filling: what stands in every place of the rows of a video without predictions; None for misses throughout.
    """

    name: ClassVar[str]
    measures: ClassVar[tuple[str, ...]] = ("SUC", "P", "NP")
    main: ClassVar[str] = "SUC"
    thresholds: ClassVar[Mapping[str, np.ndarray]] = MappingProxyType(
        {"success": TWENTIETHS, "precision": PIXELS, "normalised precision": HUNDREDTHS}
    )
    first_frame_given: ClassVar[bool] = True
    repair: ClassVar[bool] = True
    clip: ClassVar[bool] = False
    inclusive: ClassVar[bool] = False
    pooled: ClassVar[bool] = False
    least_side: ClassVar[float] = 0.0
    filling: ClassVar[float | None] = None

    @property
    def rules(self) -> str:
        """The rules, readable: thresholds, comparison, first frame, absent frames, invalid boxes, averaging."""
        return inspect.getdoc(type(self)) or ""

    @property
    def summary(self) -> str:
        """The first line of the rules."""
        return self.rules.partition("\n")[0]

    def __repr__(self) -> str:
        return f"<protocol {self.name}>"

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Return the frames of a video that are treated apart; `boxes` are its (4, n) columns x, y, w, h."""
        raise NotImplementedError

    def notes(self, videos: Sequence[Annotated]) -> tuple[str, ...]:
        """Return what had to be assumed of the videos."""
        return ()

    def shape(self, boxes: np.ndarray, sizes: np.ndarray | None) -> None:
        """Change (4, n) columns x, y, w, h in place to what is compared: here nothing is changed.

        `sizes` is (2, n), width and height of each frame's image in pixels; None where they are not known.
        """

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits) -> dict[str, np.ndarray]:
        """Return each measure, (V,), from the (V, K) curves of the videos."""
        success, precision, normalised = (curves[kind] for kind in self.thresholds)
        return {"SUC": success.mean(1), "P": precision[:, 20], "NP": normalised[:, 20]}

    def weights(self, measure: str, counted: np.ndarray) -> np.ndarray:
        """Return the weight, (V,), of each video in the average: 1, or its counted frames where frames are pooled."""
        return counted.astype(float) if self.pooled else np.ones(len(counted))
