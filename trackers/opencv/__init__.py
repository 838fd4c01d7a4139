"""OpenCV's own trackers as peers; which of them there are depends on the build of OpenCV, and MIL is in every one."""

from __future__ import annotations

from typing import Any

import cv2
from pydantic import BaseModel, ConfigDict, Field

from asymnas.core.errors import MissingDependency, Problem
from asymnas.tracking import OnlineTracker, TrackerPlugin

__all__ = ["OpenCVOptions", "csrt", "kcf", "median_flow", "mil", "mosse"]


class OpenCVOptions(BaseModel):
    """Options of OpenCV's trackers; their own parameters are left as OpenCV has them."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(0, ge=0, lt=2**31)
    """What the trackers draw at random (MIL's features and samples) follows from it."""
    min_side: int = Field(8, ge=1, le=64)
    """Shorter boxes are enlarged about their centre for OpenCV, and its answers shrunk by as much."""


def _here(factory: str) -> bool:
    """Whether this build of OpenCV has `factory`, such as "TrackerMIL" or "legacy.TrackerMOSSE"."""
    module, _, name = factory.rpartition(".")
    return hasattr(getattr(cv2, module, None) if module else cv2, f"{name}_create")


def _plugin(name: str, factory: str, summary: str) -> TrackerPlugin:
    def build(options: OpenCVOptions, **_: Any) -> OnlineTracker:
        if not _here(factory):
            rule = f"this build of OpenCV ({cv2.__version__}) has no cv2.{factory}"
            way_out = "Install opencv-contrib-python in place of opencv-python; they cannot both be installed."
            raise MissingDependency(Problem(f"tracker '{name}'", rule, way_out=way_out))
        from asymnas_trackers.opencv._tracker import OpenCVTracker

        return OpenCVTracker(name, factory, seed=options.seed, min_side=options.min_side)

    absent = "" if _here(factory) else " (not in this build of OpenCV; opencv-contrib-python has it)"
    return TrackerPlugin(name, summary + absent, build, OpenCVOptions, trainable=False)


csrt = _plugin("csrt", "TrackerCSRT", "OpenCV's CSR-DCF: correlation filter with channel and spatial reliability.")
kcf = _plugin("kcf", "TrackerKCF", "OpenCV's kernelised correlation filter; the size of its box is fixed.")
mil = _plugin("mil", "TrackerMIL", "OpenCV's multiple-instance learning; the size of its box is fixed.")
mosse = _plugin("mosse", "legacy.TrackerMOSSE", "OpenCV's MOSSE correlation filter on gray values.")
median_flow = _plugin("median_flow", "legacy.TrackerMedianFlow", "OpenCV's median flow of points inside the box.")
