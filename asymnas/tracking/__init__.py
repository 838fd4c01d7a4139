"""The tracker contract and registry, the online loop and result files."""

from asymnas.tracking._contract import Language, OnlineTracker, Path, TrackerPlugin, TrainableTracker, TrainingBatch
from asymnas.tracking._online import TrackResult, track
from asymnas.tracking._registry import get_tracker, list_trackers, register_tracker
from asymnas.tracking._results import read_result, write_result

__all__ = [
    "Language",
    "OnlineTracker",
    "Path",
    "TrackResult",
    "TrackerPlugin",
    "TrainableTracker",
    "TrainingBatch",
    "get_tracker",
    "list_trackers",
    "read_result",
    "register_tracker",
    "track",
    "write_result",
]
