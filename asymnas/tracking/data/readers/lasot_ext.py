"""LaSOT_ext, 150 test videos of 15 further classes, in the layout of LaSOT."""

from __future__ import annotations

from pathlib import Path

from asymnas.tracking.data.lasot_names import is_extension, natural_order
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.lasot import read_video, video_folders
from asymnas.tracking.data.readers.reader import Index, Reader

__all__ = ["READER", "check", "load"]


def _index(root: Path, split: str) -> Index:
    """List what is there of LaSOT_ext; boxes, flags, attributes and sentences are as in LaSOT."""
    base = dataset_folder(root, "lasot_ext")
    folders = video_folders(base)
    names = sorted((name for name in folders if is_extension(name)), key=natural_order)
    return Index(names, lambda name: read_video(base, folders[name], name), base)


READER = Reader(name="lasot_ext", index=_index)
load, check = READER.load, READER.check
