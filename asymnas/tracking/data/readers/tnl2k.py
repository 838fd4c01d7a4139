"""TNL2K: `{train,test}/<seq>/{imgs/*, groundtruth.txt, language.txt}`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asymnas.tracking.data.readers._annotations import read_boxes, read_flags, read_named_flags, read_sentence
from asymnas.tracking.data.readers.folders import dataset_folder, find_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles
from asymnas.tracking.data.registry import dataset_info

__all__ = ["ATTRIBUTES", "READER", "check", "load"]

ATTRIBUTES = (
    *("CM", "ROT", "DEF", "FOC", "IV", "OV", "POC", "VC", "SV"),
    *("BC", "MB", "ARC", "LR", "FM", "AS", "TC", "MS"),
)
_CLASH = "The published counts of boxes and absence flags differ: they are cut to the shorter."
_KNOWN = {
    "advSamp_monitor_bikeyellow": _CLASH,
    "advSamp_Baseball_game_002-Done": _CLASH,
    "INF_run1": "The published sentence file is empty.",
    "Fight_video_6": "It was published without images: `exclude` it.",
    "test_015_Sord_video_Q01_done": "The published 00000492.png is damaged; the toolkit's repository has another.",
}


def _index(root: Path, split: str) -> Index:
    """List the folders of a split.

    Boxes are 0-based. Frame names are irregular and sorted naturally. Absence flags are read from `<seq>/absent.txt` or
    the toolkit's `TNL2K/annos/absent/<seq>.txt`, attributes from `<seq>/attributes.txt` or
    `TNL2K/annos/att/<seq>_attribute.txt`, where they are there; without absence flags (the train split has none) a
    frame is absent where its box has no area.
    """
    top = dataset_folder(root, "tnl2k")
    base = find_folder(top, (split, f"TNL2K_{split}", f"TNL2K_{split}_subset"), dataset_info("tnl2k").layout)
    names = sorted(item.name for item in base.iterdir() if item.is_dir() and not item.name.startswith("."))
    return Index(names, lambda name: _read(top, base / name, name), base)


def _read(top: Path, folder: Path, name: str) -> VideoFiles:
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=False)
    flags = _first(folder / "absent.txt", top / "annos" / "absent" / f"{name}.txt", top / "absent" / f"{name}.txt")
    if flags is None:
        absent: tuple[np.ndarray, ...] = (missing | (boxes[:, 2:] <= 0).any(axis=1),)
    else:
        absent = (missing, read_flags(flags) == 1)
    marks = f"att/{name}_attribute.txt"
    attributes = _first(folder / "attributes.txt", top / "annos" / marks, top / marks)
    named = frozenset() if attributes is None else read_named_flags(attributes, ATTRIBUTES)
    sentence = read_sentence(folder / "language.txt")
    cut = _KNOWN.get(name) == _CLASH
    return VideoFiles(name, annotation, folder / "imgs", boxes, absent, sentence=sentence, attributes=named, cut=cut)


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


READER = Reader(name="tnl2k", index=_index, known=_KNOWN)
load, check = READER.load, READER.check
