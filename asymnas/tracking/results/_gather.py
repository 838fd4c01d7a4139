"""From files to numbers: the tables of boxes, scores and seconds of the videos that are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results._canonical import seconds_of, split_rows
from asymnas.tracking.results._otb import read_otb
from asymnas.tracking.results._text import Table, read_table
from asymnas.tracking.results.files import Entry
from asymnas.tracking.results.layout import Found, VideoEntries

__all__ = ["Raw", "gather", "read_records"]

_SHOWN = 20
"""Broken files that are described, before the rest is counted."""

_CORNER_WORDS = {"x2", "xmax", "right", "x_max", "x_br"}


@dataclass(slots=True)
class Raw:
    """Numbers as the files have them, by video, and what was noticed on the way."""

    tables: dict[str, Table] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float | np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    named_corners: bool = False


def read_records(found: Found) -> dict[str, tuple[Table, float | None]]:
    """Read all of a tracker's OTB JSON files.

    Raises:
        DataError: broken files, or a video in two of them.
    """
    records: dict[str, tuple[Table, float | None]] = {}
    problems: list[Problem] = []
    for files in found.videos.values():
        entry = files.boxes[1]
        try:
            new = read_otb(entry)
        except DataError as error:
            problems += error.problems
            continue
        for name in set(new) & set(records):
            rule = f"video '{name}' must be in one file"
            problems.append(Problem(entry.where, rule, f"also in {records[name][0].where}"))
        records.update(new)
    _raise(problems)
    return records


def gather(
    found: Found,
    wanted: Mapping[str, str],
    records: Mapping[str, tuple[Table, float | None]],
    repetition: int,
    raw: Raw,
) -> None:
    """Fill `raw` with the videos in `wanted` (name in the files -> name of the video)."""
    problems: list[Problem] = []
    for given, video in wanted.items():
        try:
            if found.form == "otb-json":
                raw.tables[video], seconds = records[given]
                if seconds is not None:
                    raw.seconds[video] = seconds
            else:
                _video(found, given, found.videos[given], video, repetition, raw)
        except DataError as error:
            problems += error.problems
    _raise(problems)
    if found.form == "asymnas":
        return
    separators = Counter(table.separator for table in raw.tables.values())
    raw.notes.append("separator: " + ", ".join(f"{name} ({n} files)" for name, n in separators.most_common()))
    headed = [table for table in raw.tables.values() if table.header]
    if headed:
        raw.notes.append(f"{len(headed)} files have a header: {' '.join(headed[0].header)}")
    coded = [table for table in raw.tables.values() if table.encoding]
    if coded:
        raw.notes.append(f"{len(coded)} files are {coded[0].encoding}")
    repeats = max((len(found.videos[given].boxes) for given in wanted if given in found.videos), default=1)
    if repeats > 1:
        raw.notes.append(f"up to {repeats} repetitions; repetition {repetition} is read")


def _raise(problems: list[Problem]) -> None:
    if problems:
        rest = len(problems) - _SHOWN
        more = [Problem("", "all result files must be readable", f"{rest} more that are not")] if rest > 0 else []
        raise DataError([*problems[:_SHOWN], *more])


def _video(found: Found, given: str, files: VideoEntries, video: str, repetition: int, raw: Raw) -> None:
    if repetition not in files.boxes:
        have = ", ".join(map(str, sorted(files.boxes)))
        entry = next(iter(files.boxes.values()))
        raise DataError(Problem(str(Path(entry.where).parent), f"'{given}' must have repetition {repetition}", have))
    table = read_table(files.boxes[repetition], opening=found.longterm)
    table, scores = _columns(table, canonical=found.form == "asymnas", raw=raw)
    raw.tables[video] = table
    if scores is None and files.scores is not None:
        scores = _side(files.scores, len(table.rows), 1, "scores", raw)
    if scores is not None:
        raw.scores[video] = scores
    if files.seconds is not None:
        if found.form == "asymnas":
            raw.seconds[video] = seconds_of(files.seconds)
        else:
            seconds = _side(files.seconds, len(table.rows), repetition, "seconds", raw)
            if seconds is not None:
                raw.seconds[video] = seconds


def _columns(table: Table, *, canonical: bool, raw: Raw) -> tuple[Table, np.ndarray | None]:
    """Part the columns of a file into four numbers of a box, and scores where a fifth column holds them."""
    if canonical:
        boxes, scores = split_rows(table.where, table.rows)
        return _with(table, boxes), scores
    rows = table.rows
    words = [word.strip("()[]'\"") for word in table.header]
    if rows.shape[1] == len(words) and _CORNER_WORDS & set(words):
        raw.named_corners = True
    if rows.shape[1] == 5 and _counts(rows[:, 0]):
        if not any("frame number" in note for note in raw.notes):
            raw.notes.append("a first column that counts frames is left out (a frame number)")
        return _with(table, rows[:, 1:]), None
    if rows.shape[1] == 5 and np.all((rows[:, 4] >= 0) & (rows[:, 4] <= 1) | np.isnan(rows[:, 4])):
        if not any("fifth column" in note for note in raw.notes):
            raw.notes.append("the fifth column, all within 0 and 1, is read as scores")
        return _with(table, rows[:, :4]), np.nan_to_num(rows[:, 4], nan=1.0)
    if rows.shape[1] == 1:
        out = "Results of restarted runs (codes 1, 2, 0) cannot be scored as one pass; give those of the one-pass run."
        raise DataError(Problem(table.line(0), "a row must be a box of four numbers", "one value a row", out))
    if rows.shape[1] != 4:
        out = "Convert polygons and other shapes to x, y, w, h."
        value = f"{rows.shape[1]} columns"
        raise DataError(Problem(table.line(0), "a row must be a box of four numbers", value, out))
    return table, None


def _with(table: Table, rows: np.ndarray) -> Table:
    return Table(table.where, rows, table.separator, table.header, table.opening, table.first_line, table.encoding)


def _counts(column: np.ndarray) -> bool:
    """Tell whether a column of some length counts 0, 1, 2, ... or 1, 2, 3, ..."""
    return len(column) > 2 and column[0] in (0, 1) and bool(np.all(np.diff(column) == 1))


def _side(entry: Entry, length: int, column: int, what: str, raw: Raw) -> np.ndarray | None:
    """Read scores or seconds beside the boxes; None, with a note, where they do not fit."""
    table = read_table(entry)
    values = table.rows[:, column - 1] if column <= table.rows.shape[1] else np.empty(0)
    if len(values) == 1 < length and what == "seconds":  # of the whole video
        values = np.full(length, values[0] / length)
    if len(values) != length:
        raw.notes.append(f"{entry.where}: {len(values)} {what} for {length} boxes, left out")
        return None
    return None if what == "seconds" and np.isnan(values).all() else np.array(values)
