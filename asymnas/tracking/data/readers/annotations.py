"""Annotations without frames: toolkit folders, archives and JSON files, recognised by what they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.core.archives import is_archive
from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._annotation import Annotation, AnnotationSet
from asymnas.tracking.data.otb_names import otb_aliases
from asymnas.tracking.data.readers import _json_boxes, _toolkits
from asymnas.tracking.data.readers._annotations import TextFiles, open_text_files
from asymnas.tracking.data.readers.reader import Reader, VideoFiles

__all__ = ["as_downloaded", "find"]

Parsed = tuple[list[Annotation], list[str]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a toolkit lays out the annotations of a data set."""

    words: tuple[str, ...]
    marker: str
    folders: tuple[str, ...]
    parse: Callable[[TextFiles, str, str], Parsed] | None
    shown: str
    lists: tuple[str, ...] = ()


_ANNOS = ("annos", "annos/absent", "annos/att", "annos/nlp", "sequence_evaluation_config", "")
_LASOT = "annos/{<video>.txt, absent/, att/, nlp/}"
_LAYOUTS = {
    "lasot": _Layout(("lasot",), "annos", _ANNOS, _toolkits.lasot, _LASOT),
    "lasot_ext": _Layout(("lasot",), "annos", _ANNOS, _toolkits.lasot, _LASOT),
    "tnl2k": _Layout(
        ("tnl2k",),
        "gt_rect",
        ("gt_rect", "absent", "att", "sequence_evaluation_config", "../sequence_evaluation_config", ""),
        _toolkits.tnl2k,
        "{gt_rect/<video>.txt, absent/<video>.txt, att/<video>_attribute.txt}",
        ("TNL2K_testing_set.txt", "testing_set.txt", "training_set.txt"),
    ),
    "otb100": _Layout(("otb",), "", (), None, "{<name>: {gt_rect: ...}}"),
    "otb99_lang": _Layout(("otb",), "", (), None, "{<name>: {gt_rect: ...}}"),
    "trackingnet": _Layout(("trackingnet",), "", ("",), _toolkits.trackingnet, "<video>.txt"),
    "got10k": _Layout(("got10k", "got-10k"), "", (), None, "{<name>: {gt_rect: ...}}"),
}
_RESULTS = ("result", "submission", "prediction")
# Parts of one toolkit that are packed one by one, side by side.
_PARTS = ("gt_rect", "absent", "att")


def find(dataset: str, split: str, place: Path) -> AnnotationSet | None:
    """Return the annotations that lie in a toolkit's layout at or below `place`; None without any of the split."""
    layout = _LAYOUTS.get(dataset)
    if layout is None:
        return None
    if place.is_file():
        found = _of_files(dataset, split, layout, _siblings(place))
        if found is None:
            rule = f"a file of annotations of {dataset}/{split} must hold {layout.shown} of it, as archive or JSON"
            raise DataError(Problem(str(place), rule, "none", "Give the annotations' own archive or folder."))
        return found
    folder = _toolkit_folder(place, layout, dataset)
    if folder is not None:
        return _set(dataset, split, layout, open_text_files(folder, layout.folders), folder)
    if dataset == "trackingnet" and _toolkits.fits(dataset, (path.stem for path in place.glob("*.txt"))):
        return _set(dataset, split, layout, open_text_files(place), place)
    return _in_archives(dataset, split, layout, place)


def _toolkit_folder(place: Path, layout: _Layout, dataset: str) -> Path | None:
    """Return the folder that holds the marker's folder with annotations of the data set."""
    if not layout.marker:
        return None
    candidates = [place.parent] if place.name == layout.marker else []
    candidates += [path.parent for depth in ("", "*/", "*/*/") for path in sorted(place.glob(depth + layout.marker))]
    for folder in candidates:
        names = [path.stem for path in (folder / layout.marker).glob("*.txt")]
        if _toolkits.fits(dataset, names):
            return folder
    return None


def _in_archives(dataset: str, split: str, layout: _Layout, place: Path) -> AnnotationSet | None:
    groups: dict[str, list[Path]] = {}
    for item in sorted(place.iterdir()):
        name = item.name.lower()
        named = any(word in name for word in layout.words) and not any(word in name for word in _RESULTS)
        if named and (is_archive(item) or (item.suffix == ".json" and _json_boxes.holds_boxes(item))):
            groups.setdefault(_group(item.name), []).append(item)
    fitting = []
    for files in groups.values():
        found = _of_files(dataset, split, layout, files)
        if found is not None:
            fitting.append(found)
    if len(fitting) > 1:
        value = ", ".join(item.source.name for item in fitting)
        rule = f"one source of annotations of {dataset} must be in the folder"
        raise DataError(Problem(str(place), rule, value, "Give the path of the one that is meant."))
    return fitting[0] if fitting else None


def _group(name: str) -> str:
    """Return what archives of parts of one toolkit share."""
    for part in _PARTS:
        name = name.replace(part, "*")
    return name


def _siblings(path: Path) -> list[Path]:
    """Return the archive with those of the toolkit's other parts, the boxes first."""
    part = next((part for part in _PARTS if part in path.name), None)
    if part is None or not is_archive(path):
        return [path]
    others = [path.with_name(path.name.replace(part, other)) for other in _PARTS]
    return [other for other in others if other.is_file()]


def _of_files(dataset: str, split: str, layout: _Layout, paths: Sequence[Path]) -> AnnotationSet | None:
    paths = sorted(paths, key=lambda path: "gt_rect" not in path.name)
    if paths[0].suffix == ".json":
        annotations, notes = _json_boxes.parse(paths[0], dataset, split)
        return AnnotationSet(dataset, split, tuple(annotations), paths[0], tuple(notes)) if annotations else None
    if is_archive(paths[0]) and layout.parse is not None:
        files = TextFiles()
        for source in (*paths, *(paths[0].with_name(name) for name in layout.lists)):
            if source.is_file():
                files |= {name: item for name, item in open_text_files(source).items() if name not in files}
        boxes = files.folder(layout.marker) or files.folder("")
        found = _set(dataset, split, layout, files, paths[0]) if _toolkits.fits(dataset, boxes) else None
        if found is not None:
            more = [f"read together with {path.name}" for path in paths[1:]]
            return AnnotationSet(dataset, split, found.annotations, paths[0], (*more, *found.notes))
    return None


def _set(dataset: str, split: str, layout: _Layout, files: TextFiles, source: Path) -> AnnotationSet | None:
    annotations, notes = layout.parse(files, dataset, split) if layout.parse is not None else ([], [])
    return AnnotationSet(dataset, split, tuple(annotations), source, tuple(notes)) if annotations else None


def as_downloaded(reader: Reader, split: str, root: Path) -> AnnotationSet:
    """Read the annotation files of a data set as it was downloaded; its frames need not be there."""
    listing = reader.listing(root, split)
    if not listing.names:
        raise DataError(Problem(str(listing.where), "the split must hold videos", "none", "Check the path."))
    annotations, notes = _toolkits.gather(
        listing.names, lambda name: _of_video(listing.read(name), reader.name), str(listing.where)
    )
    total = reader.videos.get(split)
    if total is not None and total != len(annotations):
        notes.insert(0, f"{len(annotations)} of the {total} published videos of the split are there")
    notes += _toolkits.note_absences(annotations, True)
    return AnnotationSet(reader.name, split, tuple(annotations), listing.where, tuple(notes))


def _of_video(files: VideoFiles, dataset: str) -> tuple[Annotation, list[str]]:
    counts = [len(files.boxes), *map(len, files.absent), *([] if files.cover is None else [len(files.cover)])]
    length = min(counts)
    cut = f"'{files.name}' has {counts[0]} boxes and {max(counts[1:])} flags: cut to {length}"
    annotation = Annotation(
        files.name,
        np.ascontiguousarray(files.boxes[:length]),
        np.any([flags[:length] for flags in files.absent], axis=0),
        files.sentence,
        files.attributes,
        None if files.cover is None else files.cover[:length],
        files.size,
        files.server,
        otb_aliases(files.name) if dataset.startswith("otb") else (),
    )
    return annotation, [cut] if max(counts) > length else []
