"""The named protocols: each class states and applies the rules of one toolkit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asymnas.core.errors import DataError
from asymnas.core.plugins import Registry
from asymnas.tracking.metrics._annotated import Annotated, Hits, Masks
from asymnas.tracking.metrics._protocol import Protocol
from asymnas.tracking.metrics._servers import Got10k, TrackingNet

__all__ = ["PROTOCOLS", "get_protocol", "main_measure"]


def _sized(boxes: np.ndarray) -> np.ndarray:
    """Return which of (4, n) columns x, y, w, h are finite boxes with an area."""
    sized = (boxes[2] > 0) & (boxes[3] > 0)
    return sized if np.isfinite(boxes.sum()) else sized & np.isfinite(boxes).all(0)


def _inside(boxes: np.ndarray) -> np.ndarray:
    """Return which are boxes by the MATLAB toolkits: x, y, counted from 1, w and h all positive."""
    return _sized(boxes) & (boxes[0] > -1) & (boxes[1] > -1)


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Absent frames are far, invalid ones near."""
        absent = np.asarray(video.absent, bool)
        invalid = ~_inside(boxes)
        return _masks(missed=absent | invalid, near=invalid & ~absent, far=absent)


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Invalid frames are near."""
        invalid = ~_inside(boxes)
        return _masks(missed=invalid, near=invalid)


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Absent frames are far, those whose centre lies outside the image's corner near."""
        absent = np.asarray(video.absent, bool)
        outside = ~(boxes[:2] + (boxes[2:] - 1) / 2 > 0).all(0)
        return _masks(missed=absent | ~_sized(boxes), near=outside & ~absent, far=absent)


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Absent frames are far, those without size far in pixels and near when normalised."""
        absent, invalid = np.asarray(video.absent, bool), ~_sized(boxes)
        missed = absent | invalid
        return Masks(missed=missed, far=missed, near_scaled=invalid & ~absent, far_scaled=absent)


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Frames whose truth is not a number are left out."""
        unknown = np.isnan(boxes).any(0)
        return Masks(left_out=unknown if unknown.any() else None)

    def summarise(self, curves: Mapping[str, np.ndarray], hits: Hits) -> dict[str, np.ndarray]:
        """Return SUC, P and the mean of the normalised curve."""
        return {**super().summarise(curves, hits), "NP": curves["normalised precision"].mean(1)}


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

    def masks(self, video: Annotated, boxes: np.ndarray) -> Masks:
        """Absent frames are left out, those without size missed."""
        invalid = ~_sized(boxes)
        return Masks(np.asarray(video.absent, bool), missed=invalid, far=invalid, far_scaled=invalid)


def _masks(missed: np.ndarray, near: np.ndarray, far: np.ndarray | None = None) -> Masks:
    """Return masks that treat both precisions alike."""
    return Masks(missed=missed, near=near, far=far, near_scaled=near, far_scaled=far)


PROTOCOLS: Registry[Protocol] = Registry(
    "protocol", "asymnas.protocols", "asymnas.tracking.metrics._protocol:Protocol", DataError
)
"""The protocols by name; `PROTOCOLS.get(name).rules` says what each does. A package adds one, an object of a class
like those here, by an entry point of the group `asymnas.protocols`."""

for _protocol in (
    *(Lasot(), Tnl2k(), Pysot(), Pytracking(), Got10k()),
    *(Got10kLasot(), Otb(), TrackingNet(), Visible()),
):
    PROTOCOLS.register(_protocol.name, _protocol, replace=True)


def get_protocol(name: str) -> Protocol:
    """Return the protocol of that name, or raise `DataError`."""
    return PROTOCOLS.get(name)


def main_measure(name: str) -> str:
    """Return the name of what a protocol ranks by, such as "SUC" or "AO"; "score" if no protocol has the name."""
    return PROTOCOLS.get(name).main if name in PROTOCOLS else "score"
