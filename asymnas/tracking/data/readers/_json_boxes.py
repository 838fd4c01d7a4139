"""JSON files of boxes: `{name: {gt_rect, ...}}`, with the further keys of pysot where they are there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem, shown
from asymnas.tracking.data import lasot_names
from asymnas.tracking.data._annotation import Annotation
from asymnas.tracking.data.otb_names import OTB99_TEST, OTB99_TRAIN, OTB100, otb99_name, otb_aliases, otb_target
from asymnas.tracking.data.readers._toolkits import gather, join_flags, lost_note, note_absences, some

__all__ = ["holds_boxes", "parse"]

# First boxes of some videos, 1-based as they are published: they give the base of a file that does not say it.
_FIRST = {
    "otb100": {"Basketball": (198, 214), "Bolt": (336, 165), "Biker": (262, 94), "Vase": (139, 90)},
    "lasot": {"airplane-1": (367, 101), "bear-2": (482, 183), "person-1": (456, 346)},
}
_FIRST["otb99_lang"] = _FIRST["otb100"]


def holds_boxes(path: Path) -> bool:
    """Whether a file is JSON of this kind, some of its entries with boxes."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and any(isinstance(item, dict) and "gt_rect" in item for item in data.values())


def parse(path: Path, dataset: str, split: str) -> tuple[list[Annotation], list[str]]:
    """Read the videos of a split from a JSON file of boxes; `otb99_lang` takes its part of the boxes of OTB-100."""
    entries = _entries(path)
    if dataset.startswith("otb"):
        entries, notes = _otb(entries, dataset, split)
    elif dataset == "lasot" and split in ("train", "test"):
        known = lasot_names.TEST if split == "test" else lasot_names.TRAIN
        notes = lost_note(known, entries)
        entries = {name: entries[name] for name in known if name in entries}
    else:
        notes = []
    base, how = _base(entries, dataset)
    notes.append(how)
    annotations, cut = gather(
        entries, lambda name: _annotation(f"{path}: {name}", name, entries[name], base, dataset), str(path)
    )
    notes += cut
    if not any(annotation.sentence for annotation in annotations):
        notes.append("the file has no sentences")
    return annotations, notes + note_absences(annotations, any("absent" in entry for entry in entries.values()))


def _entries(path: Path) -> dict[str, Mapping[str, Any]]:
    rule = "the file must be JSON as {name: {gt_rect: [[x, y, w, h], ...]}}"
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(Problem(str(path), rule, str(error)[:80], "Give another file.")) from None
    if not isinstance(data, dict) or not data:
        raise DataError(Problem(str(path), rule, type(data).__name__, "Give another file."))
    wrong = [name for name, entry in data.items() if not isinstance(entry, dict) or "gt_rect" not in entry]
    if wrong:
        value = f"{len(wrong)} entries without gt_rect, such as '{wrong[0]}'"
        raise DataError(Problem(str(path), rule, value, "Give another file."))
    return data


def _otb(entries: Mapping[str, Any], dataset: str, split: str) -> tuple[dict[str, Any], list[str]]:
    """Return the entries of the split under the benchmark's names, in its order."""
    found: dict[str, Any] = {}
    unknown = []
    for key, entry in entries.items():
        name = otb99_name(key) if dataset == "otb99_lang" else otb_target(key)
        if otb_target(key) is None:
            unknown.append(key)
        elif name is not None:
            found[name] = entry
    wanted = OTB100 if dataset == "otb100" else OTB99_TEST if split == "test" else OTB99_TRAIN
    notes = [f"{len(unknown)} videos are not of OTB-100: {some(unknown)}"] if unknown else []
    return {name: found[name] for name in wanted if name in found}, notes + lost_note(wanted, found)


def _base(entries: Mapping[str, Any], dataset: str) -> tuple[int, str]:
    """Return the index base of the boxes and how it is known."""
    if dataset not in _FIRST and dataset != "lasot_ext":
        return 0, "boxes are taken as they are, 0-based"
    for name, first in _FIRST.get(dataset, {}).items():
        if name in entries and len(rows := _rows(entries[name]["gt_rect"])):
            base = 1 if tuple(rows[0, :2]) == first else 0
            return base, f"boxes are {base}-based, as the first box of '{name}' shows"
    return 1, "boxes are taken as 1-based, as they are published"


def _annotation(
    where: str, name: str, entry: Mapping[str, Any], base: int, dataset: str
) -> tuple[Annotation, list[str]]:
    boxes = _rows(entry["gt_rect"])
    if not len(boxes) or np.isinf(boxes).any():
        value = f"{len(entry['gt_rect'])} rows" if isinstance(entry["gt_rect"], list) else "no list"
        raise DataError(Problem(where, "gt_rect must be rows of four finite numbers x, y, w, h", value))
    missing = np.isnan(boxes).any(axis=1)
    boxes[:, :2] -= base
    boxes[missing] = 0
    flags = _visible(where, entry)
    boxes, absent, notes = join_flags(name, boxes, missing, None if flags is None else ~flags)
    words, attributes, size = _words(where, entry), _attributes(where, entry), _size(where, entry)
    aliases = otb_aliases(name) if dataset.startswith("otb") else ()
    return Annotation(name, boxes, absent, words or None, attributes, None, size, "", aliases), notes


def _rows(rows: Any) -> np.ndarray:
    """Return rows of four numbers, NaN for null, as (n, 4); (0, 4) for anything else."""
    try:
        boxes = np.array([[float("nan") if value is None else value for value in row] for row in rows], float)
    except (TypeError, ValueError, OverflowError):
        return np.empty((0, 4))
    return boxes if boxes.ndim == 2 and boxes.shape[1] == 4 else np.empty((0, 4))


def _visible(where: str, entry: Mapping[str, Any]) -> np.ndarray | None:
    """Return (n,) bool from pysot's flag, which says the opposite of its name: 1 is a visible frame."""
    given = entry.get("absent")
    if given is None:
        return None
    flags = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in given] if given else []
    if not isinstance(given, list) or not flags or any(flag not in (0, 1) for flag in flags):
        rule = "absent must be a list with 1 for each visible frame and 0 for each other"
        raise DataError(Problem(where, rule, shown(given, 30), "Correct it, or leave it out."))
    return np.array(flags) == 1


def _words(where: str, entry: Mapping[str, Any]) -> str:
    phrase = entry.get("phrase")
    first = (phrase[0] if phrase else None) if isinstance(phrase, list) else phrase
    if not isinstance(first, str | None):
        raise DataError(Problem(where, "phrase must be a text, or a list that begins with one", shown(phrase, 30)))
    return " ".join((first or "").split())


def _attributes(where: str, entry: Mapping[str, Any]) -> frozenset[str]:
    marks = entry.get("attr") or []
    if not isinstance(marks, list):
        raise DataError(Problem(where, "attr must be a list of names", shown(marks, 30)))
    return frozenset(str(mark) for mark in marks if str(mark).upper() != "ALL")


def _size(where: str, entry: Mapping[str, Any]) -> tuple[int, int] | None:
    given = [entry.get(key) for key in ("width", "height")]
    if None in given:
        return None
    if not all(isinstance(value, int | float) and 0 < value < 1e6 for value in given):
        raise DataError(Problem(where, "width and height must be pixels", shown(given, 30)))
    return int(given[0]), int(given[1])  # type: ignore[arg-type]
