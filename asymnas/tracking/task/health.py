"""The tracking part of `asymnas doctor`: the data root, the data sets in it, the trackers of OpenCV's build."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from asymnas.core.errors import AsymNASError, DataError, Problem

_FOLDERS = {
    "coco": ("COCO", "coco", "MSCOCO", "mscoco"),
    "imagenet_vid": ("ILSVRC", "ILSVRC2015", "ILSVRC2017", "ImageNet"),
    "imagenet_det": ("ILSVRC", "ILSVRC2015", "ILSVRC2017", "ImageNet"),
    "youtube_bb": ("YouTube-BB", "youtube_bb", "YoutubeBB", "yt_bb"),
}
"""What the folders of training sets are called; the files in them are too many to be looked for here."""


def health(data_root: str | None) -> tuple[dict[str, Any], list[Problem]]:
    """Look for the data sets and OpenCV's trackers; see `asymnas.task.TaskPlugin.health`.

    Returns:
        "data_root" (None without one); "datasets": by data set its name, a state in words and its splits with the
        videos that are there, of how many published; "opencv_trackers". And what is wrong.
    """
    from asymnas.tracking.data import data_root as find_root
    from asymnas.tracking.data import dataset_names

    problems: list[Problem] = []
    root, rows = None, []
    try:
        root = find_root(data_root) if data_root is not None or os.environ.get("ASYMNAS_DATA") else None
    except DataError as error:
        problems += error.problems
    for name in dataset_names():
        row: dict[str, Any] = {"name": name, "state": "", "splits": {}}
        try:
            _look(name, root, row)
        except AsymNASError as error:  # a package that cannot be used, or files that cannot be read
            problems += error.problems
            row["state"] = "cannot be used"
        except OSError as error:
            where, value = str(error.filename or root), error.strerror or str(error)
            problems.append(Problem(where, f"the files of {name} must be readable", value, "Allow it with chmod."))
            row["state"] = "cannot be read"
        rows.append(row)
    found = {"data_root": None if root is None else str(root), "datasets": rows, "opencv_trackers": _opencv_trackers()}
    return found, problems


def _look(name: str, root: Path | None, row: dict[str, Any]) -> None:
    from asymnas.tracking.data import dataset_info, reader_of, splits_of

    info = dataset_info(name)
    reader = reader_of(name)
    folders = _FOLDERS.get(name) or re.findall(r"^[\w.-]+", info.layout)
    if not info.layout:
        row["state"] = "needs no files"
    elif root is None:
        row["state"] = "no data root"
    elif reader is not None:
        there, lost = splits_of(name, root)
        row["splits"] = {split: {"videos": count, "published": reader.videos[split]} for split, count in there.items()}
        row["incomplete"] = {split: str(error) for split, error in lost.items() if there}
        row["state"] = ", ".join(_split(split, **counts) for split, counts in row["splits"].items()) or "not found"
    elif folders:
        found = next((folder for folder in folders if (root / folder).is_dir()), None)
        row["state"] = "not found" if found is None else f"folder {found} is there"
    else:
        row["state"] = "lies where its job says"


def _split(name: str, videos: int, published: int | None) -> str:
    return f"{name} {videos}" + (f" of {published}" if published not in (None, videos) else "") + " videos"


def _opencv_trackers() -> list[str]:
    import cv2

    kinds = ("CSRT", "KCF", "MIL", "MOSSE", "MedianFlow")
    modules: list[Any] = [cv2, getattr(cv2, "legacy", None)]
    return [kind for kind in kinds if any(hasattr(module, f"Tracker{kind}_create") for module in modules)]
