"""OTB99-LANG: `OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}` and `OTB_query_{train,test}/<Seq>.txt`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from asymnas.data._frames import list_images
from asymnas.data._video import Dataset
from asymnas.data.readers._annotations import read_boxes, read_sentence
from asymnas.data.readers._build import Choice, VideoFiles, build, check_split, find_folder
from asymnas.errors import DataError, Problem

__all__ = ["load"]

_LAYOUT = "OTB99-LANG/OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}, OTB99-LANG/OTB_query_{train,test}/<Seq>.txt"
# First and last frame number of the sequences that OTB annotates in part.
_RANGES = {
    "BlurCar1": (247, 988),
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Tiger1": (6, 354),
}
# Query names of some copies that cutting the suffix does not lead to a folder and a target.
_ALIASES = {"Skating2": ("Skating2", "1"), "Skating3": ("Skating2", "2")}


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
    """Load OTB99-LANG; see `Choice` for the options.

    A video is a query file; `Jogging-1` is the first target of folder `Jogging`. Boxes are 1-based on disk. Sequences
    that OTB annotates in part (David 300-770 and others) are cut to that range of frame numbers where the folder holds
    more frames than there are boxes and the range holds as many. A frame is absent where its box has no area.

    Args:
        split: "train" or "test".
        root: the data root.

    Raises:
        DataError: whatever is wrong with the files of the chosen videos, all at once.
    """
    check_split("otb99_lang", split, ("train", "test"))
    choice = Choice(
        videos=videos, frames=frames, seed=seed, exclude=tuple(exclude), on_length_mismatch=on_length_mismatch
    )
    base = find_folder(root, ("OTB99-LANG", "OTB_sentences", "OTB99"), _LAYOUT)
    if not (base / "OTB_videos").is_dir() and (base / "OTB_sentences").is_dir():
        base = base / "OTB_sentences"
    queries = find_folder(base, (f"OTB_query_{split}",), _LAYOUT)
    names = sorted(path.stem for path in queries.glob("*.txt"))
    return build("otb99_lang", split, names, lambda name: _read(base / "OTB_videos", queries, name), choice, queries)


def _read(videos: Path, queries: Path, name: str) -> VideoFiles:
    folder, annotation = _place(videos, name, queries / f"{name}.txt")
    boxes, missing = read_boxes(annotation, one_based=True)
    absent = missing | (boxes[:, 2:] <= 0).any(axis=1)
    images = folder / "img"
    names = _annotated(folder.name, list_images(images), len(boxes))
    return VideoFiles(name, annotation, images, boxes, (absent,), names, read_sentence(queries / f"{name}.txt"))


def _place(videos: Path, name: str, query: Path) -> tuple[Path, Path]:
    """Return the folder and the annotation file of a query name."""
    cut = re.fullmatch(r"(.+?)[-._]?(\d)", name)
    candidates = [(name, ""), _ALIASES.get(name), cut.groups() if cut else None]
    for candidate in candidates:
        if candidate is None:
            continue
        folder = videos / candidate[0]
        numbered = [f"groundtruth_rect.{candidate[1]}.txt"] if candidate[1] else []
        for file in (*numbered, "groundtruth_rect.txt"):
            if (folder / file).is_file():
                return folder, folder / file
    rule = f"query '{name}' needs OTB_videos/{name}/groundtruth_rect.txt, or a target of a folder without its suffix"
    raise DataError(Problem(str(query), rule, "neither is there", "Unpack the video, or `exclude` the query."))


def _annotated(folder: str, names: list[str], boxes: int) -> list[str]:
    """Return the frames that the boxes belong to: all, or the annotated range where that explains the count."""
    if len(names) == boxes or folder not in _RANGES:
        return names
    first, last = _RANGES[folder]
    numbers = [int(digits[-1]) if (digits := re.findall(r"\d+", Path(name).stem)) else -1 for name in names]
    inside = [name for name, number in zip(names, numbers, strict=True) if first <= number <= last]
    return inside if len(inside) == boxes else names
