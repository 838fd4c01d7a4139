"""The named protocols: each class states and applies the rules of one toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from asymnas.errors import DataError, Problem, nearest
from asymnas.metrics._frames import Annotated, Hits, Masks, Truth
from asymnas.metrics._protocol import TWENTIETHS, Protocol

__all__ = ["PROTOCOLS", "get_protocol", "suc"]


def _absent(videos: Sequence[Annotated]) -> np.ndarray:
    return np.concatenate([np.asarray(video.absent, bool) for video in videos])


def _sized(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] > 0).all(1) & np.isfinite(boxes).all(1)


class Lasot(Protocol):
    """LaSOT's MATLAB toolkit (LaSOT_Evaluation_Toolkit).

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP centre error in
        units of the true width and height <= 0.20 of 0, 0.01, ..., 0.5. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: never a hit, but in the denominator.
    Invalid truth (x, y, counted from 1, w or h not positive) on a visible frame: a miss of SUC, a hit of P and NP.
    Invalid prediction (not finite, or without area): replaced by the row before it.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "lasot"

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Absent frames are far, invalid ones near."""
        absent = _absent(videos)
        invalid = ~(_sized(boxes) & (boxes[:, :2] > -1).all(1))
        return _masks(missed=absent | invalid, near=invalid & ~absent, far=absent), ()


class Tnl2k(Lasot):
    """TNL2K's MATLAB toolkit: the rules of `lasot`, on TNL2K's boxes and absence flags.

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP centre error in
        units of the true width and height <= 0.20 of 0, 0.01, ..., 0.5. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: never a hit, but in the denominator.
    Invalid truth (x, y, counted from 1, w or h not positive) on a visible frame: a miss of SUC, a hit of P and NP. That
        is 14,555 frames of TNL2K's test set, where boxes touch the border; scores of Python toolkits, which keep
        them (`pysot`, `pytracking`), are higher and not comparable.
    Invalid prediction (not finite, or without area): replaced by the row before it.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "tnl2k"


class Otb(Protocol):
    """The OTB MATLAB toolkit (tracker_benchmark_v1.0, one-pass evaluation), with normalised precision added.

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP, not of the
        toolkit, as in `lasot`. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: OTB has none; flags are not looked at.
    Invalid truth (x, y, counted from 1, w or h not positive): a miss of SUC, a hit of P and NP.
    Invalid prediction (not finite, or without area): replaced by the row before it.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "otb"

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Invalid frames are near."""
        invalid = ~(_sized(boxes) & (boxes[:, :2] > -1).all(1))
        return _masks(missed=invalid, near=invalid), ()


class Pysot(Protocol):
    """The pysot toolkit (OPEBenchmark).

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP centre error in
        units of the true width and height <= 0.20 of 0, 0.01, ..., 0.5. SUC is the mean of the success curve.
    First frame: the prediction is kept as it is, and counts.
    Absent frames: never a hit, but in the denominator.
    Invalid truth on a visible frame: w or h not positive is a miss of SUC; a centre (counted from 0) not positive in
        x or y is a hit of P and NP. The corner does not matter.
    Invalid prediction: taken as it is; without area or not finite it is a miss of SUC.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "pysot"
    first_frame_given = False
    repair = False
    clip = True

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Absent frames are far, those whose centre lies outside the image's corner near."""
        absent = _absent(videos)
        outside = ~(boxes[:, :2] + (boxes[:, 2:] - 1) / 2 > 0).all(1)
        return _masks(missed=absent | ~_sized(boxes), near=outside & ~absent, far=absent), ()


class Pytracking(Protocol):
    """The analysis of pytracking, as the OSTrack family uses it; its rules for LaSOT where they depend on the data set.

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP centre error in
        units of the true width and height <= 0.20 of 0, 0.01, ..., 0.5. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: never a hit, but in the denominator.
    Invalid truth (w or h not positive) on a visible frame: a miss of SUC and P, a hit of NP.
    Invalid prediction: without area, replaced by the row before it; the toolkit refuses negative sizes and NaN, here
        they are treated likewise and counted in `Scores.invalid`.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "pytracking"

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Absent frames are far, those without size far in pixels and near when normalised."""
        absent, invalid = _absent(videos), ~_sized(boxes)
        missed = absent | invalid
        return Masks(missed=missed, far=missed, near_scaled=invalid & ~absent, far_scaled=absent), ()


class Got10kLasot(Protocol):
    """The got10k toolkit's experiment on LaSOT (its repository; the package on PyPI has it for OTB, without NP).

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP is the mean of
        the curve of centre errors in units of the true width and height, each at least 1 px, <= 0, 0.01, ..., 0.5: not
        the value at 0.20, and far lower. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: counted like any other.
    Invalid truth: NaN is left out; else taken as it is, and a miss of SUC where it has no area.
    Invalid prediction: taken as it is; without area or not finite it is a miss of SUC.
    Denominator: all frames of the video. Average: over videos.
    """

    name = "got10k-lasot"
    least_side = 1.0
    repair = False
    clip = True

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Frames whose truth is not a number are left out."""
        unknown = np.isnan(boxes).any(1)
        return Masks(left_out=unknown if unknown.any() else None), ()

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits, truth: Truth) -> dict[str, np.ndarray]:
        """Return SUC, P and the mean of the normalised curve."""
        return {**super().summarise(curves, hits, truth), "NP": curves["normalised precision"].mean(1)}


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
    thresholds: ClassVar[Mapping[str, np.ndarray]] = MappingProxyType({"success": np.linspace(0, 1, 101)})
    first_frame_given = False
    repair = False
    clip = True
    pooled = True

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """First frames and frames without the target are left out."""
        hidden, bare = [], 0
        for video in videos:
            cover = getattr(video, "cover", None)
            if cover is not None and np.shape(cover) != (len(video.boxes),):
                value = f"{np.shape(cover)} labels for {len(video.boxes)} frames"
                raise DataError(Problem(f"video {video.name}", "cover labels must be one a frame", value, "Mend them."))
            bare += cover is None
            hidden.append(np.asarray(video.absent, bool) if cover is None else np.asarray(cover) <= 0)
        left_out = np.concatenate(hidden)
        left_out[starts] = True
        notes = f"{bare} of {len(videos)} videos have no cover labels; absence flags were used in their place"
        return Masks(left_out=left_out), (notes,) if bare else ()

    def limits(self, videos: Sequence[Annotated]) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Return the image sizes, infinite where they are not known."""
        sizes = [getattr(video, "size", None) for video in videos]
        bare = sum(size is None for size in sizes)
        notes = f"{bare} of {len(videos)} videos have no image size; their boxes were not clipped to the image"
        if bare == len(videos):
            return None, (notes,)
        known = np.array([(np.inf, np.inf) if size is None else size for size in sizes], float)
        return np.repeat(known, [len(video.boxes) for video in videos], axis=0).T.copy(), (notes,) if bare else ()

    def shape(self, boxes: np.ndarray, limits: np.ndarray | None, out: np.ndarray) -> None:
        """Clip boxes to the image."""
        if limits is None:
            np.copyto(out, boxes)
            return
        low = np.where(np.isfinite(limits), 0.0, -np.inf)
        np.clip(boxes[:2], low, limits, out=out[:2])
        np.clip(boxes[2:], low, limits - out[:2], out=out[2:])

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits, truth: Truth) -> dict[str, np.ndarray]:
        """Return AO, SR0.5 and SR0.75 of each video."""
        success = curves["success"]
        mean = hits.overlap / np.maximum(truth.counted, 1)
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
            "precision": np.linspace(0, 50, 21),
            "normalised precision": np.linspace(0, 0.5, 21),
        }
    )
    repair = False
    clip = True
    inclusive = True
    filling = 0.0

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """No frame is treated apart."""
        return Masks(), ()

    def shape(self, boxes: np.ndarray, limits: np.ndarray | None, out: np.ndarray) -> None:
        """Round boxes to whole pixels."""
        np.rint(boxes, out=out)

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits, truth: Truth) -> dict[str, np.ndarray]:
        """Return the areas under the curves and the coverage of each video."""
        areas = [(curve[:, 1:] + curve[:, :-1]).mean(1) / 2 for curve in curves.values()]
        return dict(zip(self.measures, [*areas, hits.covered / np.maximum(truth.counted, 1)], strict=True))

    def weights(self, measure: str, truth: Truth) -> np.ndarray:
        """Return the frames of each video for Coverage, 1 otherwise."""
        return truth.counted.astype(float) if measure == "Coverage" else super().weights(measure, truth)


class Visible(Protocol):
    """Visible frames only: not of any toolkit, but what many papers compute; 0.8 to 1.3 points above `lasot`.

    Thresholds: success IoU > 0, 0.05, ..., 1 (21, strict); P centre error <= 20 of 0, 1, ..., 50 px; NP centre error in
        units of the true width and height <= 0.20 of 0, 0.01, ..., 0.5. SUC is the mean of the success curve.
    First frame: the prediction is replaced by the ground truth, and counts.
    Absent frames: left out.
    Invalid truth (w or h not positive) on a visible frame: a miss of everything.
    Invalid prediction (not finite, or without area): replaced by the row before it.
    Denominator: the visible frames of the video. Average: over videos; a video without a visible frame scores 0.
    """

    name = "visible"

    def masks(
        self, videos: Sequence[Annotated], boxes: np.ndarray, starts: np.ndarray
    ) -> tuple[Masks, tuple[str, ...]]:
        """Absent frames are left out, those without size missed."""
        invalid = ~_sized(boxes)
        return Masks(_absent(videos), missed=invalid, far=invalid, far_scaled=invalid), ()


def _masks(missed: np.ndarray, near: np.ndarray, far: np.ndarray | None = None) -> Masks:
    """Return masks that treat both precisions alike."""
    return Masks(missed=missed, near=near, far=far, near_scaled=near, far_scaled=far)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Lasot(),
        Tnl2k(),
        Pysot(),
        Pytracking(),
        Got10k(),
        Got10kLasot(),
        Otb(),
        TrackingNet(),
        Visible(),
    )
}
"""The protocols by name; `PROTOCOLS[name].rules` tells what each does."""


def get_protocol(name: str) -> Protocol:
    """Return the protocol of that name.

    Raises:
        DataError: no protocol has the name.
    """
    if name not in PROTOCOLS:
        raise DataError(Problem("protocol", "must be a known protocol", repr(name), nearest(name, PROTOCOLS)))
    return PROTOCOLS[name]


def suc(predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray, *, protocol: str = "lasot") -> float:
    """Return the main measure of one video under a named protocol: SUC, in [0, 20/21], or what the protocol ranks by.

    Args:
        predicted: (n, 4) x, y, w, h in pixels, 0-based.
        truth: (n, 4), likewise.
        absent: (n,) bool.
        protocol: name of the protocol.
    """
    return get_protocol(protocol).value(predicted, truth, absent)
