"""What a protocol is: the rules by which boxes become scores."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._frames import Annotated, Clip, Masks, Truth
from asymnas.tracking.metrics._hits import Hits, Rows, hits, overlaps_of

__all__ = ["Protocol", "shares"]

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

    def __repr__(self) -> str:
        return f"<protocol {self.name}>"

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Return the frames treated apart and notes of what was assumed.

        Args:
            videos: V videos.
            boxes: (4, N) columns x, y, w, h of their boxes, one video after the other.
            starts: (V,) index of each video's first frame.
        """
        raise NotImplementedError

    def limits(self, videos: Sequence[Annotated]) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Return what boxes are clipped to, and notes.

        (V, 3): the width and height of the image and the least coordinate, 0; or, for a video without image size, inf,
        inf and -inf. None where nothing is clipped.
        """
        return None, ()

    def shape(self, boxes: np.ndarray, limits: np.ndarray | None) -> None:
        """Change (4, n) columns x, y, w, h in place to what is compared: here nothing is changed.

        Args:
            boxes: the columns.
            limits: (3, n), of `limits`, a column a frame, or None.
        """

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits, truth: Truth) -> dict[str, np.ndarray]:
        """Return each measure, (V,), from the (V, K) curves of the videos."""
        success, precision, normalised = (curves[kind] for kind in self.thresholds)
        return {"SUC": success.mean(1), "P": precision[:, 20], "NP": normalised[:, 20]}

    def weights(self, measure: str, truth: Truth) -> np.ndarray:
        """Return the weight, (V,), of each video in the average: 1, or its counted frames where frames are pooled."""
        return truth.counted.astype(float) if self.pooled else np.ones(len(truth.videos))

    def overlaps(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return the IoU of every counted frame of one video, (m,) float64, -1 where the frame is a miss by rule.

        Args:
            predicted: (n, 4) x, y, w, h in pixels, 0-based.
            truth: (n, 4), likewise.
            absent: (n,) bool, True where the target cannot be seen.

        Raises:
            DataError: the three differ in length, or there is no frame.
        """
        frames, rows = self._one(predicted, truth, absent)
        values = overlaps_of(frames, rows)
        return values if frames.masks.left_out is None else values[~frames.masks.left_out]

    def curve(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return the success curve of one video, shares of its counted frames in [0, 1], one a threshold.

        Zeros where no frame counts. Arguments as in `overlaps`.
        """
        frames, rows = self._one(predicted, truth, absent)
        return hits(frames, [rows])[0].curves["success"][0] / max(int(frames.counted[0]), 1)

    def value(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> float:
        """Return the main measure of one video. Arguments as in `overlaps`."""
        frames, rows = self._one(predicted, truth, absent)
        found = hits(frames, [rows])[0]
        return float(self.summarise(shares(found, frames), found, frames)[self.main][0])

    def _one(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> tuple[Truth, Rows]:
        predicted, truth, absent = np.asarray(predicted, float), np.asarray(truth, float), np.asarray(absent, bool)
        if not len(predicted) == len(truth) == len(absent) or len(truth) == 0:
            raise DataError(
                Problem(
                    f"protocol {self.name}",
                    "predicted boxes, ground truth and absence flags must be of one length, at least 1",
                    f"{len(predicted)}, {len(truth)} and {len(absent)}",
                    "Give one row a frame.",
                )
            )
        frames = Truth.of(self, [Clip("video", truth, absent)])
        return frames, Rows(frames, {"video": predicted})


def shares(found: Hits, truth: Truth) -> dict[str, np.ndarray]:
    """Return the curves of all videos, (V, K) shares of their counted frames; zeros where no frame counts."""
    counted = np.maximum(truth.counted, 1)[:, None]
    return {kind: curve / counted for kind, curve in found.curves.items()}
