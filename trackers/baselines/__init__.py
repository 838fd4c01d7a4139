"""Trackers without a network, to measure others against: one that never moves, and template matching."""

from __future__ import annotations

from asymnas.tracking import TrackerPlugin, frame_tracker

from ._trackers import StaticTracker, TemplateMatching, TemplateMatchingOptions

__all__ = ["TemplateMatchingOptions", "static", "template_matching"]

static = TrackerPlugin("static", "Never moves its box.", lambda options, **_: StaticTracker())
template_matching = frame_tracker(
    "template_matching",
    TemplateMatching,
    "cv2.matchTemplate of the first frame's box around the last position.",
    options=TemplateMatchingOptions,
    colour="bgr",
)
