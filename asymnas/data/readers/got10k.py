"""GOT-10k: `{train,val,test}/list.txt` and a folder a video with frames, boxes, labels and class words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asymnas.data._frames import list_images
from asymnas.data._video import Dataset
from asymnas.data.readers._annotations import read_boxes, read_flags, read_names, read_text
from asymnas.data.readers._build import Choice, VideoFiles, build, check_split, find_folder

__all__ = ["load"]

_LAYOUT = "GOT-10k/{train,val,test}/GOT-10k_*/{%08d.jpg, groundtruth.txt, *.label, meta_info.ini}"
_WORDS = ("object_class", "motion_class", "major_class", "root_class")
FIRST_BOX_ONLY = "FIRST_BOX_ONLY"
"""Attribute of test videos, whose later boxes are unknown: zeros, marked absent."""


def load(
    split: str,
    *,
    root: Path,
    videos: int | Sequence[str] | None = None,
    frames: int | None = None,
    seed: int = 0,
    exclude: Sequence[str] = (),
    on_length_mismatch: str = "error",
) -> Dataset:
    """Load GOT-10k; see `Choice` for the options.

    Boxes are used as they are. A frame is absent where `absence.label` is 1 or `cover.label` is 0 (files that are not
    there say nothing). The sentence is the VLT paper's pseudo sentence (footnote 4): object, motion, major and root
    class joined by commas. The test split has the first box only (attribute `FIRST_BOX_ONLY`): it can be tracked, but
    not scored or trained on.

    Args:
        split: "train", "val" or "test".
        root: the data root.

    Raises:
        DataError: whatever is wrong with the files of the chosen videos, all at once.
    """
    check_split("got10k", split, ("train", "val", "test"))
    choice = Choice(
        videos=videos, frames=frames, seed=seed, exclude=tuple(exclude), on_length_mismatch=on_length_mismatch
    )
    base = find_folder(find_folder(root, ("GOT-10k", "GOT10k", "got10k"), _LAYOUT), (split,), _LAYOUT)
    listed = base / "list.txt"
    if listed.is_file():
        names = read_names(listed)
    else:
        names = sorted(item.name for item in base.iterdir() if (item / "groundtruth.txt").is_file())
    return build("got10k", split, names, lambda name: _read(base / name, name, split == "test"), choice, base)


def _read(folder: Path, name: str, first_box_only: bool) -> VideoFiles:
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=False)
    names = list_images(folder)
    attributes: frozenset[str] = frozenset()
    if first_box_only and len(boxes) == 1:
        boxes = np.concatenate([boxes, np.zeros((len(names) - 1, 4))])
        missing = np.arange(len(names)) > 0
        attributes = frozenset({FIRST_BOX_ONLY})
    labels = (("absence.label", 1), ("cover.label", 0))
    flags = [read_flags(folder / label) == gone for label, gone in labels if (folder / label).is_file()]
    absent = (missing, *flags)
    return VideoFiles(name, annotation, folder, boxes, absent, names, _pseudo_sentence(folder), attributes)


def _pseudo_sentence(folder: Path) -> str | None:
    path = folder / "meta_info.ini"
    if not path.is_file():
        return None
    pairs = (line.partition(":") for line in read_text(path).splitlines())
    meta = {key.strip(): value.strip() for key, _, value in pairs}
    words = [meta[key] for key in _WORDS if meta.get(key)]
    return ", ".join(words) or None
