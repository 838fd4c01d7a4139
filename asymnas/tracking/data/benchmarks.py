"""The built-in data sets, all that is known of each in one record."""

from __future__ import annotations

import re
from typing import Any

from asymnas.tracking.data.registry import DATASETS, DatasetInfo

__all__ = ["BUILT_IN", "dataset_of"]

_IMAGENET = ("ILSVRC", "ILSVRC2015", "ILSVRC2017", "ImageNet")


_FAMILIES = {"otb99_lang": "otb", "otb100": "otb", "lasot": "lasot", "lasot_ext": "lasot"}
"""Modules that read several data sets, which their functions name."""


def _benchmark(name: str, summary: str, layout: str, splits: dict[str, int | None], **facts: Any) -> DatasetInfo:
    """Return a data set whose reader, of its name, can check options without files."""
    module = "asymnas.tracking.data." + ("synthetic" if not layout else f"readers.{_FAMILIES.get(name, name)}")
    ending = f"_{name}" if name in _FAMILIES else ""
    facts = {"loader": f"{module}:load{ending}", "check": f"{module}:check{ending}", **facts}
    return DatasetInfo(name, summary, layout, splits=splits, **facts)


BUILT_IN = (
    _benchmark(
        "synthetic",
        "generated, language-annotated video with LaSOT's attributes; parts standard and language_critical",
        "",
        {},
        generated=True,
        sentence_parts="asymnas.tracking.data.synthetic:sentence_parts",
    ),
    _benchmark(
        "otb99_lang",
        "OTB99-LANG: 51 training and 48 test targets with a sentence each",
        "OTB99-LANG/OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}, OTB99-LANG/OTB_query_{train,test}/<Seq>.txt",
        {"train": 51, "test": 48},
        protocol="otb",
        folders=("OTB99-LANG", "OTB_sentences", "OTB99", "OTB-LANG"),
        base=1,
        toolkits={"pysot": "OTB99_LANG"},
    ),
    _benchmark(
        "otb100",
        "OTB-100: 100 test targets in 98 videos, no sentences",
        "OTB100/<Seq>/{img/*.jpg, groundtruth_rect*.txt}",
        {"test": 100},
        protocol="otb",
        language=False,
        folders=("OTB100", "OTB-100", "OTB2015", "OTB"),
        base=1,
        toolkits={"pysot": "OTB100", "got10k": "OTB2015"},
    ),
    _benchmark(
        "got10k",
        "GOT-10k: train, val, test; class words as a pseudo sentence",
        "GOT-10k/{train,val,test}/{list.txt, GOT-10k_*/{%08d.jpg, groundtruth.txt, *.label, meta_info.ini}}",
        {"train": 9335, "val": 180, "test": 180},
        evaluated="val",
        protocol="got10k",
        folders=("GOT-10k", "GOT10k", "GOT-10K", "got10k"),
        base=0,
        toolkits={"pysot": "GOT-10k", "got10k": "GOT-10k"},
        server="the GOT-10k evaluation server (http://got-10k.aitestunion.com)",
    ),
    _benchmark(
        "lasot",
        "LaSOT: 1,400 long videos with a sentence each",
        "LaSOT/<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}",
        {"train": 1120, "test": 280, "all": 1400},
        folders=("LaSOT", "LaSOTBenchmark", "lasot"),
        base=1,
        toolkits={"pysot": "LaSOT", "got10k": "LaSOT"},
    ),
    _benchmark(
        "lasot_ext",
        "LaSOT_ext: 150 test videos of 15 further classes with a sentence each",
        "LaSOT_ext/<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}",
        {"test": 150},
        folders=(
            *("LaSOT_ext", "LaSOT_extension_subset", "LaSOT_Ext"),
            *("LaSOText", "lasot_ext", "lasot_extension_subset"),
        ),
        base=1,
        toolkits={"pysot": "LaSOT_ext"},
    ),
    _benchmark(
        "tnl2k",
        "TNL2K: 1,300 training and 700 test videos with a sentence each",
        "TNL2K/{train,test}/<seq>/{imgs/*, groundtruth.txt, language.txt}",
        {"train": 1300, "test": 700},
        protocol="tnl2k",
        folders=("TNL2K", "tnl2k"),
        base=0,
        toolkits={"pysot": "TNL2K"},
    ),
    _benchmark(
        "trackingnet",
        "TrackingNet: 30,132 training videos in 12 chunks, 511 test videos with their first box; no sentences",
        "TrackingNet/{TRAIN_0..11,TEST}/{anno/<video>.txt, frames/<video>/<k>.jpg}",
        {"train": 30132, "test": 511},
        protocol="trackingnet",
        language=False,
        folders=("TrackingNet", "trackingnet"),
        base=0,
        toolkits={"pysot": "TrackingNet", "got10k": "TrackingNet"},
        server="the TrackingNet evaluation server (https://eval.tracking-net.org)",
    ),
    _benchmark(
        "coco",
        "COCO 2014 and 2017: each object of an image is a video of one frame, no sentences",
        "COCO/{images/train2017/*.jpg, annotations/instances_train2017.json}",
        dict.fromkeys(("train2017", "val2017", "train2014", "val2014")),
        folders=("COCO", "coco", "MSCOCO", "mscoco"),
        check=None,
    ),
    _benchmark(
        "imagenet_vid",
        "ImageNet VID: each track of a video, no sentences",
        "ILSVRC2015/{Data,Annotations}/VID/{train/<part>,val}/<video>/%06d.{JPEG,xml}",
        dict.fromkeys(("train", "val")),
        folders=_IMAGENET,
        loader="asymnas.tracking.data.readers.imagenet:load_vid",
        check=None,
    ),
    _benchmark(
        "imagenet_det",
        "ImageNet DET: each object of an image is a video of one frame, no sentences",
        "ILSVRC2015/{Data,Annotations}/DET/{train,val}/**/*.{JPEG,xml}",
        dict.fromkeys(("train", "val")),
        folders=_IMAGENET,
        loader="asymnas.tracking.data.readers.imagenet:load_det",
        check=None,
    ),
    _benchmark(
        "youtube_bb",
        "YouTube-BB: each object of a clip at one frame a second, no sentences",
        "YouTube-BB/{yt_bb_detection_train.csv, yt_bb_detection_train/<class>/<id>_<ms>_<class>_<object>.jpg}",
        dict.fromkeys(("train", "validation")),
        folders=("YouTube-BB", "youtube_bb", "YoutubeBB", "yt_bb"),
    ),
    _benchmark(
        "crop511",
        "crops of 511 px with their JSON as pysot, SiamCAR and SOTS train on; sentences under `phrase`",
        "<folder>/{crop511/<video>/%06d.<track>.x.jpg, train.json}",
        {},  # the JSON files that are there
        check=None,
    ),
)

for _info in BUILT_IN:
    DATASETS.register(_info.name, _info, replace=True)


def dataset_of(spelling: str) -> str:
    """Return the registered name of a data set in another spelling ("GOT-10k", "OTB2015", "LaSOT_ext").

    A name of no data set is returned in small letters and digits.
    """
    known = {_plain(folder): info.name for info in BUILT_IN for folder in info.folders}
    known |= {_plain(name): name for name in DATASETS}
    return known.get(_plain(spelling), _plain(spelling))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
