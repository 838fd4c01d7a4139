"""GOT-10k: `{train,val,test}/list.txt` and a folder a video with frames, boxes, labels and class words."""

from __future__ import annotations

import re
from pathlib import Path

from asymnas.tracking.data.readers._annotations import read_boxes, read_flags, read_names, read_text
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles
from asymnas.tracking.data.registry import dataset_info

__all__ = ["READER", "check", "load"]

_WORDS = ("object_class", "motion_class", "major_class", "root_class")


def _index(root: Path, split: str) -> Index:
    """List the videos of `list.txt`, or without it every folder with a `groundtruth.txt`.

    Boxes are used as they are. A frame is absent where `absence.label` is 1 or `cover.label` is 0 (files that are not
    there say nothing). The sentence is the VLT paper's pseudo sentence (footnote 4): object, motion, major and root
    class joined by commas. The size of the frames is the `resolution` of `meta_info.ini`. The test split has the first
    box only (`Video.server`): it can be tracked, but not scored here or trained on.
    """
    base = dataset_folder(root, "got10k", split)
    listed = base / "list.txt"
    if listed.is_file():
        names = read_names(listed)
    else:
        names = sorted(item.name for item in base.iterdir() if (item / "groundtruth.txt").is_file())
    return Index(names, lambda name: _read(base / name, name, split == "test"), base)


def _read(folder: Path, name: str, test: bool) -> VideoFiles:
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=False)
    labels = {file: read_flags(folder / file) for file in ("absence.label", "cover.label") if (folder / file).is_file()}
    flags = [
        values == gone
        for file, gone in (("absence.label", 1), ("cover.label", 0))
        if (values := labels.get(file)) is not None
    ]
    meta = _meta(folder / "meta_info.ini")
    return VideoFiles(
        name,
        annotation,
        folder,
        boxes,
        (missing, *flags),
        sentence=", ".join(meta[key] for key in _WORDS if meta.get(key)) or None,
        cover=labels.get("cover.label"),
        size=_size(meta.get("resolution", "")),
        server=dataset_info("got10k").server if test and len(boxes) == 1 else "",
    )


def _meta(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (line.partition(":") for line in read_text(path).splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _size(text: str) -> tuple[int, int] | None:
    """Return width and height of `(1920, 1080)`; None where there is something else."""
    numbers = re.fullmatch(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)", text)
    return None if numbers is None else (int(numbers[1]), int(numbers[2]))


READER = Reader(name="got10k", index=_index)
load, check = READER.load, READER.check
