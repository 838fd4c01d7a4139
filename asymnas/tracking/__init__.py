"""Vision-language tracking: the first task, with its data, protocols, trackers and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.tracking.adapter import FrameTracker, frame_tracker
    from asymnas.tracking.contract import Language, OnlineTracker, TrackerPlugin, TrainableTracker, TrainingBatch
    from asymnas.tracking.demo.video_in import Footage, VideoFrames, open_footage
    from asymnas.tracking.demo.video_out import VideoSink
    from asymnas.tracking.online import TrackResult, track
    from asymnas.tracking.registry import get_tracker, list_trackers, load_tracker_weights, register_tracker
    from asymnas.tracking.results import read_result, write_result

__all__ = [
    "Footage",
    "FrameTracker",
    "Language",
    "OnlineTracker",
    "TrackResult",
    "TrackerPlugin",
    "TrainableTracker",
    "TrainingBatch",
    "VideoFrames",
    "VideoSink",
    "frame_tracker",
    "get_tracker",
    "list_trackers",
    "load_tracker_weights",
    "open_footage",
    "read_result",
    "register_tracker",
    "track",
    "write_result",
]

__getattr__ = lazy(
    __name__,
    {
        **dict.fromkeys(("FrameTracker", "frame_tracker"), "asymnas.tracking.adapter"),
        **dict.fromkeys(
            ("Language", "OnlineTracker", "TrackerPlugin", "TrainableTracker", "TrainingBatch"),
            "asymnas.tracking.contract",
        ),
        **dict.fromkeys(("Footage", "VideoFrames", "open_footage"), "asymnas.tracking.demo.video_in"),
        "VideoSink": "asymnas.tracking.demo.video_out",
        **dict.fromkeys(("TrackResult", "track"), "asymnas.tracking.online"),
        **dict.fromkeys(
            ("get_tracker", "list_trackers", "load_tracker_weights", "register_tracker"), "asymnas.tracking.registry"
        ),
        **dict.fromkeys(("read_result", "write_result"), "asymnas.tracking.results"),
    },
)
