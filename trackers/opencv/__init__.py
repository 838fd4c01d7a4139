"""OpenCV's own trackers as peers; which of them there are depends on the build of OpenCV, and MIL is in every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
from pydantic import BaseModel, ConfigDict, Field

from asymnas.core.errors import MissingDependency, Problem
from asymnas.tracking import FrameTracker, TrackerPlugin

from ._tracker import OpenCVFollower

__all__ = ["OpenCVOptions", "csrt", "kcf", "median_flow", "mil", "mosse"]


class OpenCVOptions(BaseModel):
    """Options of OpenCV's trackers; their own parameters are left as OpenCV has them."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(0, ge=0, lt=2**31)
    """What the trackers draw at random (MIL's features and samples) follows from it."""
    min_side: int = Field(8, ge=1, le=64)
    """Shorter boxes are enlarged about their centre for OpenCV, and its answers shrunk by as much."""


def _plugin(name: str, attribute: str, summary: str) -> TrackerPlugin:
    """The tracker that `cv2.<attribute>_create` makes."""
    module, _, creator = f"{attribute}_create".rpartition(".")

    def found() -> Callable[[], Any] | None:
        return getattr(getattr(cv2, module, None) if module else cv2, creator, None)

    def build(options: OpenCVOptions, **_: Any) -> FrameTracker:
        create = found()
        if create is None:
            rule = f"this build of OpenCV ({cv2.__version__}) has no cv2.{attribute}"
            way_out = "Install opencv-contrib-python in place of opencv-python; they cannot both be installed."
            raise MissingDependency(Problem(f"tracker '{name}'", rule, way_out=way_out))
        factory = partial(OpenCVFollower, name, create, seed=options.seed, min_side=options.min_side)
        return FrameTracker(factory, colour="bgr")

    absent = "" if found() else " (not in this build of OpenCV; opencv-contrib-python has it)"
    return TrackerPlugin(name, summary + absent, build, OpenCVOptions)


csrt = _plugin("csrt", "TrackerCSRT", "OpenCV's CSR-DCF: correlation filter with channel and spatial reliability.")
kcf = _plugin("kcf", "TrackerKCF", "OpenCV's kernelised correlation filter; the size of its box is fixed.")
mil = _plugin("mil", "TrackerMIL", "OpenCV's multiple-instance learning; the size of its box is fixed.")
mosse = _plugin("mosse", "legacy.TrackerMOSSE", "OpenCV's MOSSE correlation filter on gray values.")
median_flow = _plugin("median_flow", "legacy.TrackerMedianFlow", "OpenCV's median flow of points inside the box.")
