"""The annotations of the LaSOT, TNL2K and TrackingNet toolkits, without frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from asymnas.core.archives import Entry
from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data import lasot_names
from asymnas.tracking.data._annotation import Annotation
from asymnas.tracking.data.readers import lasot as lasot_reader
from asymnas.tracking.data.readers import tnl2k as tnl2k_reader
from asymnas.tracking.data.readers._annotations import (
    TextFiles,
    read_boxes,
    read_flags,
    read_named_flags,
    read_names,
    read_sentence,
)
from asymnas.tracking.data.readers.folders import raise_all
from asymnas.tracking.data.registry import dataset_info

__all__ = ["fits", "gather", "join_flags", "lasot", "lost_note", "note_absences", "some", "tnl2k", "trackingnet"]

_CLIP = re.compile(r"[\w-]{11}_\d+")  # TrackingNet's names: a YouTube id and a number

Parsed = tuple[list[Annotation], list[str]]


def fits(dataset: str, names: Iterable[str]) -> bool:
    """Whether video names can be those of the data set: toolkits share their folders' names."""
    if dataset == "lasot_ext":
        return any(lasot_names.is_extension(name) for name in names)
    if dataset == "lasot":
        return not {*lasot_names.TEST, *lasot_names.TRAIN}.isdisjoint(names)
    if dataset == "trackingnet":
        return any(map(_CLIP.fullmatch, names))
    return any(True for _ in names)


def gather(names: Iterable[str], read: Callable[[str], tuple[Annotation, list[str]]], where: str) -> Parsed:
    """Read the annotation of each video, and return them with the notes of all, or raise all that is wrong."""
    annotations: list[Annotation] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for name in names:
        try:
            annotation, more = read(name)
            annotations.append(annotation)
            notes += more
        except DataError as error:
            problems += error.problems
    raise_all(problems, where)
    return annotations, notes


def lasot(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `annos/` of the LaSOT evaluation toolkit: 1-based boxes, absent flags, 14 attributes, sentences."""
    boxes = files.folder("annos") or files.folder("")
    names, notes = _lasot_split(files, boxes, dataset, split)
    return _parsed(files, dataset, boxes, names, notes, files.folder("att"), lasot_reader.ATTRIBUTES)


def _lasot_split(files: TextFiles, boxes: dict[str, Entry], dataset: str, split: str) -> tuple[list[str], list[str]]:
    there = sorted(boxes, key=lasot_names.natural_order)
    if dataset == "lasot_ext":
        return [name for name in there if lasot_names.is_extension(name)], []
    if split == "all":
        return [name for name in there if not lasot_names.is_extension(name)], []
    known = lasot_names.TEST if split == "test" else lasot_names.TRAIN
    listed = files.last(lasot_reader.LISTS[split])
    wanted = read_names(listed) if listed else list(known)
    if not set(wanted) & set(known):  # a list of the same name of another benchmark
        wanted = list(known)
    return [name for name in wanted if name in boxes], lost_note(wanted, boxes)


def tnl2k(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `gt_rect/`, `absent/` and `att/` of the TNL2K toolkit: 0-based boxes, flags, 17 attributes."""
    boxes = files.folder("gt_rect") or files.folder("")
    attributes = {name.removesuffix("_attribute"): file for name, file in files.folder("att").items()}
    lists = ("TNL2K_testing_set.txt", "testing_set.txt") if split == "test" else ("training_set.txt",)
    listed = files.last(*lists)
    wanted = read_names(listed) if listed else []
    if set(wanted) & set(boxes):
        names, notes = [name for name in wanted if name in boxes], lost_note(wanted, boxes)
    else:  # no list, or one of the same name of another benchmark: the toolkit has the test split alone
        names, notes = (sorted(boxes) if split == "test" else []), []
    notes.append("the toolkit's annotations have no sentences")
    return _parsed(files, dataset, boxes, names, notes, attributes, tnl2k_reader.ATTRIBUTES)


def trackingnet(files: TextFiles, dataset: str, split: str) -> Parsed:
    """Read `<video>.txt` of the TrackingNet development kit, of the test split: 0-based boxes, used as they are."""
    boxes = files.folder("anno") or files.folder("")
    names = sorted(filter(_CLIP.fullmatch, boxes)) if split == "test" else []
    return _parsed(files, dataset, boxes, names, [], {}, ())


def _parsed(
    files: TextFiles,
    dataset: str,
    boxes: dict[str, Entry],
    names: Sequence[str],
    notes: list[str],
    attributes: dict[str, Entry],
    marks: Sequence[str],
) -> Parsed:
    """Read the files of some videos: boxes, and absence flags, attributes and sentences where they are there."""
    info, absent, sentences = dataset_info(dataset), files.folder("absent"), files.folder("nlp")

    def read(name: str) -> tuple[Annotation, list[str]]:
        rows, missing = read_boxes(boxes[name], one_based=info.base == 1)
        flags = read_flags(absent[name]) == 1 if name in absent else None
        rows, gone, cut = join_flags(name, rows, missing, flags)
        sentence = read_sentence(sentences[name]) if name in sentences else None
        named = read_named_flags(attributes[name], marks) if name in attributes else frozenset()
        server = info.server if len(rows) == 1 else ""
        return Annotation(name, rows, gone, sentence, named, server=server), cut

    annotations, more = gather(names, read, dataset)
    flagged = bool(absent) or dataset == "trackingnet"
    return annotations, [*notes, *more, *note_absences(annotations, flagged)]


def lost_note(wanted: Sequence[str], there: Iterable[str]) -> list[str]:
    """Return a note on the videos of a split that are not there."""
    lost = [name for name in wanted if name not in there]
    return [f"{len(lost)} of the {len(wanted)} videos of the split are not there: {some(lost)}"] if lost else []


def join_flags(
    name: str, boxes: np.ndarray, missing: np.ndarray, flags: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return boxes (n, 4) and absent (n,), cut to the shorter, with a note of it; a row without a box is absent."""
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
    flat = [int(np.sum((item.boxes[:, 2:] <= 0).any(axis=1) & ~item.absent)) for item in annotations]
    if any(flat):
        videos = f"{sum(flat)} frames of {np.count_nonzero(flat)} videos"
        notes.append(f"{videos} that are not marked absent have a box without an area")
    return notes


def some(names: Sequence[str], shown: int = 5) -> str:
    """Return the first names, and that there are more."""
    return ", ".join(names[:shown]) + (", ..." if len(names) > shown else "")
