"""LaSOT: `<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asymnas.data._video import Dataset
from asymnas.data.readers._annotations import named_flags, read_boxes, read_flags, read_names, read_sentence
from asymnas.data.readers._build import Choice, VideoFiles, build, check_split, find_folder
from asymnas.errors import DataError, Problem

__all__ = ["load"]

_LAYOUT = "LaSOT/<class>/<class>-<n>/{img/%08d.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}"
_ATTRIBUTES = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC")
_FLAGS = ("full_occlusion.txt", "out_of_view.txt")
_LISTS = {"train": "training_set.txt", "test": "testing_set.txt"}


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
    """Load LaSOT; see `Choice` for the options.

    Boxes are 1-based on disk. A frame is absent where `full_occlusion.txt` or `out_of_view.txt` (one line of flags
    each) says so; without either file, where the box has no area. Attributes are read from `<video>/attributes.txt` or
    the evaluation toolkit's `LaSOT/annos/att/<video>.txt`, where they are there. "train" and "test" are the toolkit's
    lists `training_set.txt` and `testing_set.txt`, in `LaSOT/` or `LaSOT/sequence_evaluation_config/`; "all" is
    whatever lies on disk.

    Args:
        split: "train", "test" or "all".
        root: the data root.

    Raises:
        DataError: whatever is wrong with the files of the chosen videos, all at once; a list file that is not there.
    """
    check_split("lasot", split, ("train", "test", "all"))
    choice = Choice(
        videos=videos, frames=frames, seed=seed, exclude=tuple(exclude), on_length_mismatch=on_length_mismatch
    )
    base = find_folder(root, ("LaSOT", "LaSOTBenchmark", "lasot"), _LAYOUT)
    folders = _index(base)
    names = sorted(folders, key=_order) if split == "all" else _listed(base, split)
    missing = [name for name in names if name not in folders]
    if missing:
        value = f"{len(missing)} of {len(names)} are not, such as '{missing[0]}'"
        way_out = "Unpack the other classes, shorten the list to the videos at hand, or use split 'all'."
        raise DataError(Problem(str(base), f"the videos of split '{split}' must be on disk", value, way_out))
    return build("lasot", split, names, lambda name: _read(base, folders[name], name), choice, base)


def _index(base: Path) -> dict[str, Path]:
    """Map video names to folders, one or two levels below `base`."""
    tops = sorted(item for item in base.iterdir() if item.is_dir())
    found = {}
    for top in tops:
        inner = [top] if (top / "groundtruth.txt").is_file() else [item for item in top.iterdir() if item.is_dir()]
        found.update({item.name: item for item in inner if (item / "groundtruth.txt").is_file()})
    return found


def _order(name: str) -> tuple[str, int]:
    kind, _, number = name.rpartition("-")
    return kind, int(number) if number.isdecimal() else 0


def _listed(base: Path, split: str) -> list[str]:
    file = _LISTS[split]
    for path in (base / file, base / "sequence_evaluation_config" / file):
        if path.is_file():
            return read_names(path)
    way_out = f"Put {file} of the LaSOT evaluation toolkit there, or use split 'all'."
    raise DataError(Problem(str(base), f"split '{split}' needs the list {file}", "no such file", way_out))


def _read(base: Path, folder: Path, name: str) -> VideoFiles:
    annotation = folder / "groundtruth.txt"
    boxes, missing = read_boxes(annotation, one_based=True)
    flags = [read_flags(folder / file) != 0 for file in _FLAGS if (folder / file).is_file()]
    absent = (missing, *flags) if flags else (missing | (boxes[:, 2:] <= 0).any(axis=1),)
    attributes = [folder / "attributes.txt", base / "annos" / "att" / f"{name}.txt"]
    path = next((item for item in attributes if item.is_file()), None)
    named = frozenset() if path is None else named_flags(path, _ATTRIBUTES)
    sentence = read_sentence(folder / "nlp.txt")
    return VideoFiles(name, annotation, folder / "img", boxes, absent, sentence=sentence, attributes=named)
