"""What OTB-100 and OTB99-LANG share: folders, targets, annotated ranges."""

from __future__ import annotations

import re
from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.frames import list_images
from asymnas.tracking.data.otb_names import RANGES, otb_target
from asymnas.tracking.data.readers._annotations import read_boxes
from asymnas.tracking.data.readers.reader import VideoFiles

__all__ = ["read_target"]


def read_target(videos: Path, name: str, where: str, sentence: str | None = None) -> VideoFiles:
    """Read the files of one target.

    Boxes are 1-based on disk. Videos that OTB annotates in part (David 300-770 and others) are cut to that range of
    frame numbers where the folder holds more frames than there are boxes and the range holds as many.

    Args:
        videos: the folder of the videos.
        name: a target's name, e.g. `Jogging-1` for the first one of the folder `Jogging`.
        where: the file or folder that names it, for messages.
        sentence: its description.

    Raises:
        DataError: no such folder or annotation, or a damaged one.
    """
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
