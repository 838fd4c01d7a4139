"""OTB-100 (`<Seq>/{img/*.jpg, groundtruth_rect*.txt}`) and OTB99-LANG, its videos with `OTB_query_*/<Seq>.txt`."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.frames import list_images
from asymnas.tracking.data.otb_names import OTB100, RANGES, otb_target
from asymnas.tracking.data.readers._annotations import read_boxes, read_sentence
from asymnas.tracking.data.readers.folders import dataset_folder, find_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles
from asymnas.tracking.data.registry import dataset_info

__all__ = ["check_otb99_lang", "check_otb100", "load_otb99_lang", "load_otb100"]

log = logging.getLogger("asymnas.tracking.data")


def _index_otb100(root: Path, split: str) -> Index:
    """List the targets whose folder is there, by their names in the benchmark; a warning counts the others."""
    base = dataset_folder(root, "otb100")
    there = {item.name for item in base.iterdir() if item.is_dir()}
    names = [name for name in OTB100 if name in there or name.partition("-")[0] in there]
    if 0 < len(names) < len(OTB100):
        lost = [name for name in OTB100 if name not in names]
        log.warning("%s: %d of %d targets are not there, such as %s", base, len(lost), len(OTB100), lost[0])
    return Index(names, lambda name: _read_target(base, name, str(base)), base)


OTB_100 = Reader(name="otb100", index=_index_otb100)
load_otb100, check_otb100 = OTB_100.load, OTB_100.check


def _index_otb99(root: Path, split: str) -> Index:
    """List the query files of a split; see `_read_target` for boxes, ranges and videos with several targets.

    Without `OTB_videos` the videos of OTB-100 in the same data root are taken, which the authors of SNLT advise.
    """
    base = dataset_folder(root, "otb99_lang")
    if not (base / "OTB_videos").is_dir() and (base / "OTB_sentences").is_dir():
        base = base / "OTB_sentences"
    queries = find_folder(base, (f"OTB_query_{split}",), dataset_info("otb99_lang").layout)
    videos = base / "OTB_videos"
    other = next((root / name for name in dataset_info("otb100").folders if (root / name).is_dir()), None)
    if not videos.is_dir() and other is not None:
        log.warning("%s is not there: the videos of %s are taken", videos, other)
        videos = other

    def read(name: str) -> VideoFiles:
        query = queries / f"{name}.txt"
        return _read_target(videos, name, str(query), read_sentence(query))

    return Index(sorted(path.stem for path in queries.glob("*.txt")), read, queries)


OTB99_LANG = Reader(name="otb99_lang", index=_index_otb99)
load_otb99_lang, check_otb99_lang = OTB99_LANG.load, OTB99_LANG.check


def _read_target(videos: Path, name: str, where: str, sentence: str | None = None) -> VideoFiles:
    """Read the files of one target."""
    folder, annotation = _place(videos, name, where)
    boxes, missing = read_boxes(annotation, one_based=True)
    images = folder / "img"

    def names() -> list[str]:
        return _annotated(folder.name, list_images(images), len(boxes))

    return VideoFiles(name, annotation, images, boxes, (missing,), names, sentence)


def _place(videos: Path, name: str, where: str) -> tuple[Path, Path]:
    """Return the folder and the annotation file of a target."""
    cut = re.fullmatch(r"(.+?)[-._]?(\d)", name)
    video, _, target = (otb_target(name) or "").partition("-")
    for given, number in [(name, ""), (video or name, target), cut.groups() if cut else (name, "")]:
        folder = videos / given
        numbered = [f"groundtruth_rect.{number}.txt"] if number else []
        for file in (*numbered, "groundtruth_rect.txt"):
            if (folder / file).is_file():
                return folder, folder / file
    rule = f"'{name}' needs {videos.name}/{name}/groundtruth_rect.txt, or a target of a folder without its suffix"
    raise DataError(Problem(where, rule, "neither is there", "Unpack the video, or `exclude` it."))


def _annotated(folder: str, names: list[str], boxes: int) -> list[str]:
    """Return the frames that the boxes belong to: all, or the annotated range where that explains the count."""
    if len(names) == boxes or folder not in RANGES:
        return names
    first, last = RANGES[folder]
    numbers = [int(digits[-1]) if (digits := re.findall(r"\d+", Path(name).stem)) else -1 for name in names]
    inside = [name for name, number in zip(names, numbers, strict=True) if first <= number <= last]
    return inside if len(inside) == boxes else names
