"""The tracker contract and registry, the online loop and result files."""

from asymnas.tracking._contract import Language, OnlineTracker, Path, TrackerPlugin, TrainableTracker, TrainingBatch

__all__ = ["Language", "OnlineTracker", "Path", "TrackerPlugin", "TrainableTracker", "TrainingBatch"]
