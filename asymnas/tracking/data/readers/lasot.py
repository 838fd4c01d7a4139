"""LaSOT and LaSOT_ext: `<class>/<class>-<n>/{img/*, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}`."""

from __future__ import annotations

from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.lasot_names import TEST, TRAIN, is_extension, natural_order
from asymnas.tracking.data.readers._annotations import (
    read_boxes,
    read_flags,
    read_named_flags,
    read_names,
    read_sentence,
)
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles

__all__ = ["ATTRIBUTES", "LISTS", "check_lasot", "check_lasot_ext", "load_lasot", "load_lasot_ext"]

ATTRIBUTES = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC")
LISTS = {"train": "training_set.txt", "test": "testing_set.txt"}
_FLAGS = ("full_occlusion.txt", "out_of_view.txt")


def _index(root: Path, split: str) -> Index:
    """List a split: the names of the protocol, or of the toolkit's list where one is there; "all" is what is there.

    Boxes are 1-based on disk. A frame is absent where `full_occlusion.txt` or `out_of_view.txt` (one line of flags
    each) says so; without either file, where the box has no area. Attributes are read from `<video>/attributes.txt` or
    the evaluation toolkit's `LaSOT/annos/att/<video>.txt`, where they are there. Lists may lie in `LaSOT/` or
    `LaSOT/sequence_evaluation_config/`.
    """
    base = dataset_folder(root, "lasot")
    folders = _video_folders(base)
    names = sorted(folders, key=natural_order) if split == "all" else _names(base, split)
    missing = [name for name in names if name not in folders]
    if missing:
        value = f"{len(missing)} of {len(names)} are not, such as '{missing[0]}'"
        way_out = f"Unpack the other classes, put a shorter {LISTS[split]} there, or use split 'all'."
        raise DataError(Problem(str(base), f"the videos of split '{split}' must be on disk", value, way_out))
    return Index(names, lambda name: _read_video(base, folders[name], name), base)


def _video_folders(base: Path) -> dict[str, Path]:
    """Map video names to folders, one or two levels below `base`."""
    tops = sorted(item for item in base.iterdir() if item.is_dir())
    found = {}
    for top in tops:
        inner = [top] if (top / "groundtruth.txt").is_file() else [item for item in top.iterdir() if item.is_dir()]
        found.update({item.name: item for item in inner if (item / "groundtruth.txt").is_file()})
    return found


def _names(base: Path, split: str) -> list[str]:
    for path in (base / LISTS[split], base / "sequence_evaluation_config" / LISTS[split]):
        if path.is_file():
            return read_names(path)
    return list(TEST if split == "test" else TRAIN)


def _read_video(base: Path, folder: Path, name: str) -> VideoFiles:
    """Read the files of one video of LaSOT or LaSOT_ext; `base` is the benchmark's folder."""
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=True)
    flags = [read_flags(folder / file) != 0 for file in _FLAGS if (folder / file).is_file()]
    absent = (missing, *flags) if flags else (missing | (boxes[:, 2:] <= 0).any(axis=1),)
    attributes = [folder / "attributes.txt", base / "annos" / "att" / f"{name}.txt"]
    path = next((item for item in attributes if item.is_file()), None)
    named = frozenset() if path is None else read_named_flags(path, ATTRIBUTES)
    sentence = read_sentence(folder / "nlp.txt")
    return VideoFiles(name, annotation, folder / "img", boxes, absent, sentence=sentence, attributes=named)


READER = Reader(name="lasot", index=_index)
load_lasot, check_lasot = READER.load, READER.check


def _index_ext(root: Path, split: str) -> Index:
    """List what is there of LaSOT_ext; boxes, flags, attributes and sentences are as in LaSOT."""
    base = dataset_folder(root, "lasot_ext")
    folders = _video_folders(base)
    names = sorted((name for name in folders if is_extension(name)), key=natural_order)
    return Index(names, lambda name: _read_video(base, folders[name], name), base)


EXTENSION = Reader(name="lasot_ext", index=_index_ext)
load_lasot_ext, check_lasot_ext = EXTENSION.load, EXTENSION.check
