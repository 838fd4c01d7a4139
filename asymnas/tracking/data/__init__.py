"""Data sets, the synthetic benchmark, pair sampling and augmentation."""

from asymnas.tracking.data._annotation import (
    Annotation,
    AnnotationSet,
    annotation_of,
    evaluation_split,
    load_annotations,
    require_boxes,
)
from asymnas.tracking.data._check import check
from asymnas.tracking.data._data_report import DataReport, check_dataset
from asymnas.tracking.data._on_disk import find_video, reader_of, splits_of, splits_to_check
from asymnas.tracking.data._registry import (
    DatasetInfo,
    add_dataset,
    data_root,
    dataset_info,
    dataset_names,
    list_datasets,
    load_dataset,
    register_dataset,
)
from asymnas.tracking.data._subset import subset
from asymnas.tracking.data._video import Dataset, FrameSource, Video
from asymnas.tracking.data.frames import CachedFrames, FirstFrames, FolderFrames, FrameCache, cached, scene_of
from asymnas.tracking.data.pairs.augment import Augmentation
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.mixture import LanguageShare, Mixture, PairSource
from asymnas.tracking.data.pairs.prefetch import prefetch
from asymnas.tracking.data.pairs.sampler import PairSampler

__all__ = [
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
    "evaluation_split",
    "find_video",
    "list_datasets",
    "load_annotations",
    "load_dataset",
    "prefetch",
    "reader_of",
    "register_dataset",
    "require_boxes",
    "scene_of",
    "splits_of",
    "splits_to_check",
    "subset",
]

for _name, _summary, _layout in (
    (
        "synthetic",
        "generated, language-annotated video with LaSOT's attributes; parts standard and language_critical",
        "",
    ),
    (
        "otb99_lang",
        "OTB99-LANG: 51 training and 48 test targets with a sentence each",
        "OTB99-LANG/OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}, OTB99-LANG/OTB_query_{train,test}/<Seq>.txt",
    ),
    (
        "otb100",
        "OTB-100: 100 test targets in 98 videos, no sentences",
        "OTB100/<Seq>/{img/*.jpg, groundtruth_rect*.txt}",
    ),
    (
        "got10k",
        "GOT-10k: train, val, test; class words as a pseudo sentence",
        "GOT-10k/{train,val,test}/{list.txt, GOT-10k_*/{%08d.jpg, groundtruth.txt, *.label, meta_info.ini}}",
    ),
    (
        "lasot",
        "LaSOT: 1,400 long videos with a sentence each",
        "LaSOT/<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}",
    ),
    (
        "lasot_ext",
        "LaSOT_ext: 150 test videos of 15 further classes with a sentence each",
        "LaSOT_ext/<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}",
    ),
    (
        "tnl2k",
        "TNL2K: 1,300 training and 700 test videos with a sentence each",
        "TNL2K/{train,test}/<seq>/{imgs/*, groundtruth.txt, language.txt}",
    ),
    (
        "trackingnet",
        "TrackingNet: 30,132 training videos in 12 chunks, 511 test videos with their first box; no sentences",
        "TrackingNet/{TRAIN_0..11,TEST}/{anno/<video>.txt, frames/<video>/<k>.jpg}",
    ),
    (
        "coco",
        "COCO 2014 and 2017: each object of an image is a video of one frame, no sentences",
        "COCO/{images/train2017/*.jpg, annotations/instances_train2017.json}",
    ),
    (
        "imagenet_vid",
        "ImageNet VID: each track of a video, no sentences",
        "ILSVRC2015/{Data,Annotations}/VID/{train/<part>,val}/<video>/%06d.{JPEG,xml}",
    ),
    (
        "imagenet_det",
        "ImageNet DET: each object of an image is a video of one frame, no sentences",
        "ILSVRC2015/{Data,Annotations}/DET/{train,val}/**/*.{JPEG,xml}",
    ),
    (
        "youtube_bb",
        "YouTube-BB: each object of a clip at one frame a second, no sentences",
        "YouTube-BB/{yt_bb_detection_train.csv, yt_bb_detection_train/<class>/<id>_<ms>_<class>_<object>.jpg}",
    ),
    (
        "crop511",
        "crops of 511 px with their JSON as pysot, SiamCAR and SOTS train on; sentences under `phrase`",
        "<folder>/{crop511/<video>/%06d.<track>.x.jpg, train.json}",
    ),
):
    _module = "synthetic" if _name == "synthetic" else f"readers.{_name}"
    _check = (
        None if _name == "crop511" else f"asymnas.tracking.data.{_module}:check"
    )  # its splits are the files that are there
    add_dataset(DatasetInfo(_name, _summary, _layout, f"asymnas.tracking.data.{_module}:load", _check))
