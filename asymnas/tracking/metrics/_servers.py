"""The protocols of the two evaluation servers, which count and average differently: GOT-10k and TrackingNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._annotated import Annotated, Hits, Masks
from asymnas.tracking.metrics._protocol import TWENTIETHS, Protocol

__all__ = ["Got10k", "TrackingNet"]


class Got10k(Protocol):
    """GOT-10k: average overlap and success rates, by the rules of the got10k toolkit and server.

    Measures: AO is the mean IoU, SR0.5 and SR0.75 the shares of frames with IoU > 0.5 and > 0.75 (strict); the success
        curve has 101 thresholds 0, 0.01, ..., 1.
    First frame: left out.
    Absent frames: those with cover label 0 are left out; without cover labels, those flagged absent (noted).
    Boxes: prediction and truth are clipped to the image, the left upper corner first and then the size to what is
        left of the image, so that a box that begins outside is moved rather than cut; not without image sizes (noted).
    Invalid prediction: taken as it is; without area or not finite its IoU is 0.
    Denominator: the counted frames. Average: over the frames of all videos together, so that long videos weigh more.
    """

    name = "got10k"
    measures = ("AO", "SR0.5", "SR0.75")
    main = "AO"
    thresholds: ClassVar[Mapping[str, np.ndarray]] = MappingProxyType({"success": np.arange(101) * 0.01})
    first_frame_given = False
    repair = False
    clip = True
    pooled = True

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """First frames and frames without the target are left out."""
        cover = getattr(video, "cover", None)
        if cover is not None and np.shape(cover) != (len(video.boxes),):
            value = f"{np.shape(cover)} labels for {len(video.boxes)} frames"
            raise DataError(Problem(f"video {video.name}", "cover labels must be one a frame", value, "Correct them."))
        left_out = np.array(video.absent, bool) if cover is None else np.asarray(cover) <= 0
        left_out[0] = True
        return Masks(left_out=left_out)

    def notes(self, videos: Sequence[Annotated]) -> tuple[str, ...]:
        """Return the numbers of videos without cover labels, and without image size."""
        wanted = {
            "cover": "have no cover labels; absence flags were used in their place",
            "size": "have no image size; their boxes were not clipped to the image",
        }
        bare = {key: sum(getattr(video, key, None) is None for video in videos) for key in wanted}
        return tuple(f"{count} of {len(videos)} videos {wanted[key]}" for key, count in bare.items() if count)

    def shape(self, boxes: np.ndarray, sizes: np.ndarray | None) -> None:
        """Clip boxes to the image."""
        for axis, side in enumerate(() if sizes is None else sizes):
            boxes[axis] = np.minimum(np.maximum(boxes[axis], 0), side)
            boxes[axis + 2] = np.minimum(np.maximum(boxes[axis + 2], 0), side - boxes[axis])

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits) -> dict[str, np.ndarray]:
        """Return AO, SR0.5 and SR0.75 of each video."""
        success = curves["success"]
        mean = hits.overlap / np.maximum(hits.counted, 1)
        return {"AO": mean, "SR0.5": success[:, 50], "SR0.75": success[:, 75]}


class TrackingNet(Protocol):
    """TrackingNet's server (TrackingNet-devkit).

    Thresholds: 21 each: success IoU >= 0, 0.05, ..., 1; precision centre error <= 0, 2.5, ..., 50 px; normalised centre
        error <= 0, 0.025, ..., 0.5 of the true width and height. Each score is the area under its curve by the
        trapezoid rule, with the axis scaled to 0..1.
    Boxes: prediction and truth are rounded to whole pixels, half to even.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: counted like any other.
    Invalid prediction: taken as it is; a box of zeros still has an IoU >= 0.
    Missing video (`missing="zero"`): boxes of zeros, as in the devkit; missing rows are misses of everything.
    Coverage: share of all frames with x + y + w + h > 0.
    Denominator: all frames of the video. Average: over videos; Coverage over the frames of all videos together.
    """

    name = "trackingnet"
    measures = ("Success", "Precision", "NormPrecision", "Coverage")
    main = "Success"
    thresholds: ClassVar[Mapping[str, np.ndarray]] = MappingProxyType(
        {
            "success": TWENTIETHS,
            "precision": np.arange(21) * 2.5,
            "normalised precision": np.arange(21) * 0.025,
        }
    )
    repair = False
    clip = True
    inclusive = True
    filling = 0.0

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """No frame is treated apart."""
        return Masks()

    def shape(self, boxes: np.ndarray, sizes: np.ndarray | None) -> None:
        """Round boxes to whole pixels."""
        np.rint(boxes, out=boxes)

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits) -> dict[str, np.ndarray]:
        """Return the areas under the curves and the coverage of each video."""
        areas = [(curve[:, 1:] + curve[:, :-1]).mean(1) / 2 for curve in curves.values()]
        return dict(zip(self.measures, [*areas, hits.covered / np.maximum(hits.counted, 1)], strict=True))

    def weights(self, measure: str, counted: np.ndarray) -> np.ndarray:
        """Return the frames of each video for Coverage, 1 otherwise."""
        return counted.astype(float) if measure == "Coverage" else super().weights(measure, counted)
