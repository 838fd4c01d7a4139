"""Data sets, the synthetic benchmark, pair sampling and augmentation."""

from asymnas.data._batch import PairBatch
from asymnas.data._video import Dataset, FrameSource, Video

__all__ = ["Dataset", "FrameSource", "PairBatch", "Video"]
