"""YouTube-BB: `yt_bb_detection_train.csv` and one JPEG a box; each object of a clip is a target."""

from __future__ import annotations

import csv
import gzip
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.tables import TableBuilder, load_table

__all__ = ["check", "load"]

_FILES = "{class_id}/{youtube_id}_{timestamp_ms}_{class_id}_{object_id}.jpg"
_FIELDS = ("youtube_id", "timestamp_ms", "class_id", "object_id")
_COLUMNS = 10


def load(split: str, *, root: Path, files: str = _FILES, index: bool = True) -> Dataset:
    """Load YouTube-BB, a target for each object of a clip, named `<youtube id>-<class>-<object>`.

    A line of the CSV (or of `.csv.gz`) is youtube_id, timestamp_ms, class_id, class_name, object_id, object_presence,
    xmin, xmax, ymin, ymax: both x before both y, as shares of the image. They become pixels by the size of the
    target's first frame. Lines whose object is absent, whose corners are negative or in the wrong order, or whose frame
    is not on disk (videos vanish from YouTube) are left out and counted in a warning. Nothing has a sentence.

    Args:
        split: "train" or "validation".
        root: the data root.
        files: where a line's frame lies below `yt_bb_detection_<split>/`, by the first, second, third and fifth column.
        index: keep what is read in the cache folder; made anew when the CSV changes, not when frames are added.

    Raises:
        DataError: the annotations are missing or malformed, or `files` names something else.
    """
    problems = check(split, files=files)
    if problems:
        raise DataError(problems)
    base = dataset_folder(root, "youtube_bb")
    name = f"yt_bb_detection_{split}"
    frames = dataset_folder(root, "youtube_bb", name)
    table = next((path for path in (base / f"{name}.csv", base / f"{name}.csv.gz") if path.is_file()), None)
    if table is None:
        rule = f"the split needs {name}.csv or {name}.csv.gz"
        raise DataError(Problem(str(base), rule, "neither is there", "Put YouTube-BB's annotations there."))
    options = f"{frames} {files}"
    return load_table("youtube_bb", split, [table], lambda: _read(table, frames, files), options=options, index=index)


def check(split: str, *, files: str = _FILES, **_: object) -> list[Problem]:
    """Return what is wrong with the options of `load`, known without files."""
    try:
        files.format(**dict.fromkeys(_FIELDS, ""))
    except (KeyError, ValueError, IndexError) as error:
        rule = f"must be a pattern of {', '.join(f'{{{name}}}' for name in _FIELDS)}"
        way_out = nearest(str(error.args[0]), _FIELDS) if isinstance(error, KeyError) else ""
        return [Problem("files", rule, repr(files), way_out)]
    return []


class _Lines:
    """The usable lines of the CSV as columns; texts as numbers into lists."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.keys = array("q")  # youtube_id, class_id, object_id and timestamp of each line
        self.boxes = array("d")

    def add(self, row: list[str]) -> None:
        codes = [self.texts.setdefault(text, len(self.texts)) for text in (row[0], row[2], row[4])]
        self.keys.extend((*codes, int(row[1])))
        left, right, top, bottom = map(float, row[6:10])
        self.boxes.extend((left, top, right - left, bottom - top))


def _read(path: Path, frames: Path, files: str) -> TableBuilder:
    table = TableBuilder("youtube_bb", frames, normalised=True)
    lines = _lines(path, table)
    keys = np.frombuffer(lines.keys, dtype=np.int64).reshape(-1, 4)
    boxes = np.frombuffer(lines.boxes, dtype=np.float64).reshape(-1, 4)
    texts = list(lines.texts)
    del lines
    # By class first: frames lie in a folder a class, and one folder's listing is held at a time.
    order = np.lexsort((keys[:, 3], keys[:, 2], keys[:, 0], keys[:, 1]))
    keys, boxes = keys[order], boxes[order]
    starts = np.flatnonzero((np.diff(keys[:, :3], axis=0, prepend=-1) != 0).any(axis=1))
    seen: tuple[str, frozenset[str]] = ("", frozenset())
    for first, last in zip(starts, np.append(starts[1:], len(keys)), strict=True):
        video, kind, thing = (texts[code] for code in keys[first, :3])
        names, kept = [], []
        for row in range(first, last):
            file = files.format(youtube_id=video, timestamp_ms=keys[row, 3], class_id=kind, object_id=thing)
            folder, _, name = file.rpartition("/")
            if folder != seen[0] or not seen[1]:
                seen = (folder, _listing(frames / folder))
            if name in seen[1]:
                names.append(name)
                kept.append(row)
        table.skip("frames that are not on disk", int(last - first) - len(kept))
        if kept:
            table.add(f"{video}-{kind}-{thing}", folder, names, boxes[kept], scene=video)
    return table


def _listing(folder: Path) -> frozenset[str]:
    return frozenset(os.listdir(folder)) if folder.is_dir() else frozenset()


def _lines(path: Path, table: TableBuilder) -> _Lines:
    lines = _Lines()
    problems: list[Problem] = []
    with _open(path) as file:
        for number, row in _rows(file, path):
            try:
                if len(row) != _COLUMNS:
                    raise ValueError(f"{len(row)} values")
                if row[5] == "absent":
                    table.skip("lines whose object is absent")
                    continue
                left, right, top, bottom = map(float, row[6:])
                if not (0 <= left < right and 0 <= top < bottom):
                    table.skip("lines without a box")
                    continue
                lines.add(row)
            except ValueError as error:
                rule = "a line must hold id, ms, class, name, object, presence, xmin, xmax, ymin, ymax"
                problems.append(Problem(f"{path}:{number}", rule, str(error), "Restore the file."))
                if len(problems) == 20:
                    break
    if problems:
        raise DataError(problems)
    return lines


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(file: IO[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        for number, row in enumerate(csv.reader(file), 1):
            if row:
                yield number, [item.strip() for item in row]
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(Problem(str(path), "must be a CSV file", str(error), "Restore the file.")) from None
