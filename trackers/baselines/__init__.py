"""Trackers without a network, to measure others against: one that never moves, and template matching."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from asymnas.tracking import OnlineTracker, TrackerPlugin

__all__ = ["StaticOptions", "TemplateMatchingOptions", "static", "template_matching"]


class StaticOptions(BaseModel):
    """The tracker that never moves has no options."""

    model_config = ConfigDict(extra="forbid")


class TemplateMatchingOptions(BaseModel):
    """Options of template matching."""

    model_config = ConfigDict(extra="forbid")

    search_factor: float = Field(4.0, gt=1.0, le=20.0)
    """Side of the searched region as a multiple of the box, as wide as a Siamese tracker's; at most the frame."""


def _build_static(options: StaticOptions, **_: Any) -> OnlineTracker:
    from asymnas_trackers.baselines._trackers import StaticTracker

    return StaticTracker()


def _build_template_matching(options: TemplateMatchingOptions, **_: Any) -> OnlineTracker:
    from asymnas_trackers.baselines._trackers import TemplateMatchingTracker

    return TemplateMatchingTracker(search_factor=options.search_factor)


static = TrackerPlugin(
    name="static", summary="Never moves its box.", build=_build_static, options=StaticOptions, trainable=False
)
template_matching = TrackerPlugin(
    name="template_matching",
    summary="cv2.matchTemplate of the first frame's box around the last position.",
    build=_build_template_matching,
    options=TemplateMatchingOptions,
    trainable=False,
)
