"""The tracker contract and registry, the online loop and result files."""

from asymnas.tracking._contract import Language, OnlineTracker, Path, TrackerPlugin, TrainableTracker, TrainingBatch
from asymnas.tracking._online import TrackResult, track
from asymnas.tracking._registry import get_tracker, list_trackers, register_tracker
from asymnas.tracking._results import read_result, write_result
from asymnas.tracking._video_io import Footage, VideoFrames, open_footage
from asymnas.tracking._video_sink import VideoSink

__all__ = [
    "Footage",
    "Language",
    "OnlineTracker",
    "Path",
    "TrackResult",
    "TrackerPlugin",
    "TrainableTracker",
    "TrainingBatch",
    "VideoFrames",
    "VideoSink",
    "get_tracker",
    "list_trackers",
    "open_footage",
    "read_result",
    "register_tracker",
    "track",
    "write_result",
]
