"""The annotation forms of the LaSOT, TNL2K and TrackingNet toolkits, without frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data import _lasot_names
from asymnas.tracking.data._annotation import Annotation
from asymnas.tracking.data.readers import lasot as lasot_reader
from asymnas.tracking.data.readers import tnl2k as tnl2k_reader
from asymnas.tracking.data.readers._annotations import (
    parse_boxes,
    parse_flags,
    parse_named_flags,
    parse_names,
    parse_sentence,
)
from asymnas.tracking.data.readers._build import raise_all
from asymnas.tracking.data.readers._servers import SERVERS
from asymnas.tracking.data.readers._text_files import TextFiles

__all__ = ["fits", "join_flags", "lasot", "note_absences", "some", "tnl2k", "trackingnet"]

_CLIP = re.compile(r"[\w-]{11}_\d+")  # TrackingNet's names: a YouTube id and a number

Parsed = tuple[list[Annotation], list[str]]


def fits(dataset: str, names: Iterable[str]) -> bool:
    """Whether video names can be those of the data set: toolkits share their folders' names."""
    if dataset == "lasot_ext":
        return any(_lasot_names.is_extension(name) for name in names)
    if dataset == "lasot":
        known = {*_lasot_names.TEST, *_lasot_names.TRAIN}
        return any(name in known for name in names)
    if dataset == "trackingnet":
        return any(map(_CLIP.fullmatch, names))
    return any(True for _ in names)


def lasot(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `annos/` of the LaSOT evaluation toolkit: 1-based boxes, absent flags, 14 attributes, sentences."""
    boxes = files.folder("annos") or files.folder("")
    names, notes = _lasot_split(files, boxes, dataset, split)
    absent, attributes, sentences = (files.folder(folder) for folder in ("absent", "att", "nlp"))
    annotations: list[Annotation] = []
    problems: list[Problem] = []
    for name in names:
        try:
            rows, missing = parse_boxes(files.text(boxes[name]), files.where(boxes[name]), one_based=True)
            flags = _flags(files, absent.get(name))
            rows, gone, cut = join_flags(name, rows, missing, flags)
            notes += cut
            words = sentences.get(name)
            sentence = None if words is None else parse_sentence(files.text(words), files.where(words))
            marks = _attributes(files, attributes.get(name), lasot_reader.ATTRIBUTES)
            annotations.append(Annotation(name, rows, gone, sentence, marks))
        except DataError as error:
            problems += error.problems
    raise_all(problems, dataset)
    return annotations, [*notes, *note_absences(annotations, bool(absent))]


def _lasot_split(files: TextFiles, boxes: dict[str, str], dataset: str, split: str) -> tuple[list[str], list[str]]:
    there = sorted((name for name in boxes), key=_lasot_names.natural_order)
    if dataset == "lasot_ext":
        return [name for name in there if _lasot_names.is_extension(name)], []
    there = [name for name in there if not _lasot_names.is_extension(name)]
    if split == "all":
        return there, []
    known = _lasot_names.TEST if split == "test" else _lasot_names.TRAIN
    listed = files.last(lasot_reader.LISTS[split])
    wanted = parse_names(files.text(listed)) if listed else list(known)
    if not set(wanted) & set(known):  # a list of the same name of another benchmark
        wanted = list(known)
    return _those_there(wanted, boxes)


def tnl2k(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `gt_rect/`, `absent/` and `att/` of the TNL2K toolkit: 0-based boxes, flags, 17 attributes."""
    boxes = files.folder("gt_rect") or files.folder("")
    absent = files.folder("absent")
    attributes = {name.removesuffix("_attribute"): file for name, file in files.folder("att").items()}
    lists = ("TNL2K_testing_set.txt", "testing_set.txt") if split == "test" else ("training_set.txt",)
    listed = files.last(*lists)
    wanted = parse_names(files.text(listed)) if listed else []
    if set(wanted) & set(boxes):
        names, notes = _those_there(wanted, boxes)
    else:  # no list, or one of the same name of another benchmark: the toolkit has the test split alone
        names, notes = (sorted(boxes) if split == "test" else []), []
    annotations: list[Annotation] = []
    problems: list[Problem] = []
    for name in names:
        try:
            rows, missing = parse_boxes(files.text(boxes[name]), files.where(boxes[name]), one_based=False)
            rows, gone, cut = join_flags(name, rows, missing, _flags(files, absent.get(name)))
            notes += cut
            marks = _attributes(files, attributes.get(name), tnl2k_reader.ATTRIBUTES)
            annotations.append(Annotation(name, rows, gone, None, marks))
        except DataError as error:
            problems += error.problems
    raise_all(problems, dataset)
    notes.append("the toolkit's annotations have no sentences")
    return annotations, [*notes, *note_absences(annotations, bool(absent))]


def trackingnet(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `<video>.txt` of the TrackingNet development kit, of the test split: 0-based boxes, used as they are."""
    if split != "test":
        return [], []
    annotations: list[Annotation] = []
    problems: list[Problem] = []
    boxes = files.folder("anno") or files.folder("")
    for name, file in sorted(item for item in boxes.items() if _CLIP.fullmatch(item[0])):
        try:
            rows, missing = parse_boxes(files.text(file), files.where(file), one_based=False)
            server = SERVERS["trackingnet"] if len(rows) == 1 else ""
            annotations.append(Annotation(name, rows, missing, server=server))
        except DataError as error:
            problems += error.problems
    raise_all(problems, dataset)
    return annotations, note_absences(annotations, True)


def _those_there(wanted: Sequence[str], boxes: dict[str, str]) -> tuple[list[str], list[str]]:
    names = [name for name in wanted if name in boxes]
    lost = [name for name in wanted if name not in boxes]
    return names, [f"{len(lost)} of the {len(wanted)} videos of the split are not there: {some(lost)}"] if lost else []


def _flags(files: TextFiles, name: str | None) -> np.ndarray | None:
    return None if name is None else parse_flags(files.text(name), files.where(name)) == 1


def _attributes(files: TextFiles, name: str | None, names: Sequence[str]) -> frozenset[str]:
    return frozenset() if name is None else parse_named_flags(files.text(name), files.where(name), names)


def join_flags(
    name: str, boxes: np.ndarray, missing: np.ndarray, flags: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Cut boxes and absence flags of different length to the shorter; a row without a box is absent.

    Returns:
        boxes (n, 4), absent (n,) bool, and a note where something was cut.
    """
    if flags is None:
        return boxes, missing, []
    length = min(len(boxes), len(flags))
    notes = []
    if len(boxes) != len(flags):
        notes.append(f"'{name}' has {len(boxes)} boxes and {len(flags)} absence flags: cut to {length}")
    return boxes[:length], missing[:length] | flags[:length], notes


def note_absences(annotations: Sequence[Annotation], flagged: bool) -> list[str]:
    """Return notes on rows without a box or an area, and on missing absence flags."""
    notes = [] if flagged else ["no absence flags: a frame is absent only where no box is written"]
    flat = {item.name: np.sum((item.boxes[:, 2:] <= 0).any(axis=1) & ~item.absent) for item in annotations}
    flat = {name: int(count) for name, count in flat.items() if count}
    if flat:
        total = sum(flat.values())
        notes.append(f"{total} frames of {len(flat)} videos that are not marked absent have a box without an area")
    return notes


def some(names: Sequence[str], shown: int = 5) -> str:
    """Return the first names, and that there are more."""
    return ", ".join(names[:shown]) + (", ..." if len(names) > shown else "")
