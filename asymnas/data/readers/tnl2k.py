"""TNL2K: `{train,test}/<seq>/{imgs/*, groundtruth.txt, language.txt}`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asymnas.data._frames import list_images
from asymnas.data._video import Dataset
from asymnas.data.readers._annotations import named_flags, read_boxes, read_flags, read_sentence
from asymnas.data.readers._build import Choice, VideoFiles, build, check_split, find_folder

__all__ = ["load"]

_LAYOUT = "TNL2K/{train,test}/<seq>/{imgs/*, groundtruth.txt, language.txt}"
_ATTRIBUTES = (
    *("CM", "ROT", "DEF", "FOC", "IV", "OV", "POC", "VC", "SV"),
    *("BC", "MB", "ARC", "LR", "FM", "AS", "TC", "MS"),
)


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
    """Load TNL2K; see `Choice` for the options.

    Boxes are 0-based. Frame names are irregular and sorted naturally. Absence flags are read from `<seq>/absent.txt` or
    the toolkit's `TNL2K/annos/absent/<seq>.txt`, attributes from `<seq>/attributes.txt` or
    `TNL2K/annos/att/<seq>_attribute.txt`, where they are there; without absence flags (the train split has none) a
    frame is absent where its box has no area.

    Args:
        split: "train" or "test".
        root: the data root.

    Raises:
        DataError: whatever is wrong with the files of the chosen videos, all at once.
    """
    check_split("tnl2k", split, ("train", "test"))
    choice = Choice(
        videos=videos, frames=frames, seed=seed, exclude=tuple(exclude), on_length_mismatch=on_length_mismatch
    )
    top = find_folder(root, ("TNL2K", "tnl2k"), _LAYOUT)
    base = find_folder(top, (split,), _LAYOUT)
    names = sorted(item.name for item in base.iterdir() if item.is_dir() and not item.name.startswith("."))
    return build("tnl2k", split, names, lambda name: _read(top, base / name, name), choice, base)


def _read(top: Path, folder: Path, name: str) -> VideoFiles:
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=False)
    flags = _first(folder / "absent.txt", top / "annos" / "absent" / f"{name}.txt")
    if flags is None:
        absent: tuple[np.ndarray, ...] = (missing | (boxes[:, 2:] <= 0).any(axis=1),)
    else:
        absent = (missing, read_flags(flags) == 1)
    attributes = _first(folder / "attributes.txt", top / "annos" / "att" / f"{name}_attribute.txt")
    named = frozenset() if attributes is None else named_flags(attributes, _ATTRIBUTES)
    images = folder / "imgs"
    sentence = read_sentence(folder / "language.txt")
    return VideoFiles(name, annotation, images, boxes, absent, list_images(images), sentence, named)


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)
