"""Data sets, the synthetic benchmark, pair sampling and augmentation."""

from asymnas.tracking.data._annotation import (
    Annotation,
    AnnotationSet,
    annotation_of,
    require_boxes,
)
from asymnas.tracking.data._subset import subset
from asymnas.tracking.data._video import Dataset, FrameSource, Video
from asymnas.tracking.data.benchmarks import BUILT_IN, dataset_of
from asymnas.tracking.data.check import DataReport, check, check_dataset
from asymnas.tracking.data.frames import CachedFrames, FirstFrames, FolderFrames, FrameCache, cached, scene_of
from asymnas.tracking.data.load_annotations import load_annotations
from asymnas.tracking.data.on_disk import find_video, reader_of, splits_of, splits_to_check
from asymnas.tracking.data.pairs.augment import Augmentation
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.mixture import LanguageShare, Mixture, PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler
from asymnas.tracking.data.registry import (
    DATASETS,
    DatasetInfo,
    data_root,
    dataset_info,
    dataset_names,
    list_datasets,
    load_dataset,
    register_dataset,
)

__all__ = [
    "BUILT_IN",
    "DATASETS",
    "Annotation",
    "AnnotationSet",
    "Augmentation",
    "CachedFrames",
    "DataReport",
    "Dataset",
    "DatasetInfo",
    "FirstFrames",
    "FolderFrames",
    "FrameCache",
    "FrameSource",
    "LanguageShare",
    "Mixture",
    "PairBatch",
    "PairSampler",
    "PairSource",
    "Video",
    "annotation_of",
    "cached",
    "check",
    "check_dataset",
    "data_root",
    "dataset_info",
    "dataset_names",
    "dataset_of",
    "find_video",
    "list_datasets",
    "load_annotations",
    "load_dataset",
    "reader_of",
    "register_dataset",
    "require_boxes",
    "scene_of",
    "splits_of",
    "splits_to_check",
    "subset",
]
