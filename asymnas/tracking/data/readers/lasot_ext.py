"""LaSOT_ext, 150 test videos of 15 further classes, in the layout of LaSOT."""

from __future__ import annotations

from pathlib import Path

from asymnas.tracking.data._lasot_names import is_extension, natural_order
from asymnas.tracking.data.readers._build import Index, Reader, find_folder
from asymnas.tracking.data.readers.lasot import read_video, video_folders

__all__ = ["READER", "check", "load"]

_LAYOUT = "LaSOT_ext/<class>/<class>-<n>/{img/*, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}"
_FOLDERS = ("LaSOT_ext", "LaSOT_extension_subset", "LaSOT_Ext", "LaSOText", "lasot_ext", "lasot_extension_subset")


def _index(root: Path, split: str) -> Index:
    """List what is there of LaSOT_ext; boxes, flags, attributes and sentences are as in LaSOT."""
    base = find_folder(root, _FOLDERS, _LAYOUT)
    folders = video_folders(base)
    names = sorted((name for name in folders if is_extension(name)), key=natural_order)
    return Index(names, lambda name: read_video(base, folders[name], name), base)


READER = Reader(name="lasot_ext", videos={"test": 150}, index=_index)
load, check = READER.load, READER.check
