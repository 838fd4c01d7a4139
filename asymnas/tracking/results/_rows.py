"""Rows against frames: files without the first frame, corner boxes, files too short or too long, rows without a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results._detect import Reading, Votes, corner_extent
from asymnas.tracking.results._text import Table

__all__ = ["Options", "check_lengths", "corner_readings", "fit", "missing_first", "note_nan", "note_openings"]

_CLEARLY = 0.2
"""Overlap by which one reading of the early rows must beat the other."""


@dataclass(slots=True)
class Options:
    """What the caller said, and what the form says.

    Args:
        base: index base given by the caller.
        first_row: "auto", "present" or "missing".
        corners: corner form given by the caller.
        form: the form of the files.
        explicit: whether the caller named the form.
        dataset: name of the data set, if known.
        stated: index base that a manifest states.
        named_corners: whether a header names the third column as a corner's.
    """

    base: int | None = None
    first_row: str = "auto"
    corners: str | None = None
    form: str = "text"
    explicit: bool = False
    dataset: str | None = None
    stated: int | None = None
    named_corners: bool = False


def missing_first(
    tables: Mapping[str, Table],
    lengths: Mapping[str, int],
    votes: Votes,
    base: int,
    options: Options,
    path: Path,
    notes: list[str],
) -> set[str]:
    """Return the videos whose file starts with the second frame.

    Such a file has one row less than frames, and its first row is not the given box. Where all files of a set are one
    row short, the majority decides, because a target that rests makes a second row look like the first.

    Raises:
        DataError: one row is missing and nothing tells which.
    """
    short = {name for name, table in tables.items() if len(table.rows) == lengths[name] - 1 and not table.opening}
    if not short and options.first_row == "missing":
        notes.append("no file has one row less than frames, so that none is taken to lack the first one")
    if not short or options.first_row == "present":
        return set()
    start = {n for n in tables if any(reading.base == base for reading in votes.readings.get(n, ()))}
    if options.first_row == "missing":
        missing = short
        why = "as given"
    else:
        whole = set(tables) - short
        missing = short - start
        why = "n - 1 rows, and the first is not the given box"
        if not whole and len(missing) > len(short) / 2:
            missing = short
        lost = (not whole and 0 < len(missing) < len(short)) or (whole and 2 * len(whole & start) < len(whole))
        if missing and lost:
            name = min(missing)
            out = "Give first_row='missing' or first_row='present'."
            rule = "it must be known which frame a file with one row less lacks"
            value = f"{len(missing)} such files, e.g. '{name}', while other files do not start with the given box"
            raise DataError(Problem(str(path), rule, value, out))
    if missing:
        notes.append(f"{len(missing)} of {len(tables)} files lack the first frame ({why}); the given box is put there")
    return missing


def corner_readings(
    tables: Mapping[str, Table],
    given: Mapping[str, np.ndarray],
    votes: Votes,
    base: int,
    missing: set[str],
    options: Options,
    path: Path,
    notes: list[str],
) -> tuple[dict[str, Reading], set[str]]:
    """Return how each file's rows are read, and the videos of which only the first row holds corners.

    Raises:
        DataError: first rows are corners, and the rows after them fit neither reading clearly.
    """
    plain = Reading(options.corners or "xywh", base)
    if options.corners is not None:
        notes.append(f"rows are {options.corners}, as given")
        return dict.fromkeys(tables, plain), set()
    forms = {n: [r.corners for r in votes.readings.get(n, ()) if r.base == base] for n in set(tables) - missing}
    corner = {name: found[0] for name, found in forms.items() if found and "xywh" not in found}
    if not corner:
        if options.named_corners:
            rule, out = "a header names corners, but no first row is one", "Give corners='xywh' or 'xyxy'."
            raise DataError(Problem(str(path), rule, "", out))
        return dict.fromkeys(tables, plain), set()
    form = max(sorted(set(corner.values())), key=list(corner.values()).count)
    rows = {name: tables[name].rows for name in corner}
    as_plain, as_corner = corner_extent(rows, given, base, form)
    if as_corner > as_plain + _CLEARLY:
        odd = len(forms) - len(corner)
        if any("xywh" in found for found in forms.values()):
            out = "Give corners=... for files of one kind, and read the others apart."
            value = f"{len(corner)} with corners, {odd} without"
            raise DataError(Problem(str(path), "all files of a tracker must say boxes alike", value, out))
        notes.append(f"rows are corners ({form}): {len(corner)} first rows are the given box so, later rows agree")
        return dict.fromkeys(tables, Reading(form, base)), set()
    if as_plain > as_corner + _CLEARLY or all(len(table) == 1 for table in rows.values()):
        notes.append(f"the first row of {len(corner)} files holds corners ({form}), later rows x,y,w,h; it is restored")
        return dict.fromkeys(tables, plain), set(corner)
    value = f"overlap with the given box {as_plain:.2f} as x,y,w,h and {as_corner:.2f} as corners, e.g. '{min(corner)}'"
    out = "Give corners='xywh' or corners='xyxy'."
    raise DataError(Problem(str(path), "it must be known whether rows after the first are corners", value, out))


def note_openings(tables: Mapping[str, Table], votes: Votes, base: int, missing: set[str], notes: list[str]) -> None:
    """Note files whose first line was a code, and files that do not start with the given box."""
    opened = sum(table.opening for table in tables.values())
    if opened:
        notes.append(f"the first line of {opened} files is 1, which stands for the given box; it is put there")
    away = [
        name
        for name, table in tables.items()
        if name not in missing
        and not table.opening
        and not any(reading.base == base for reading in votes.readings.get(name, ()))
    ]
    if away:
        notes.append(f"{len(away)} of {len(tables)} files do not start with the given box, e.g. '{away[0]}'")


def note_nan(tables: Mapping[str, Table], notes: list[str]) -> None:
    """Note rows with NaN, which say that the tracker gave no box; the protocol decides what that counts."""
    broken = {}
    for name, table in tables.items():
        rows = np.flatnonzero(np.isnan(table.rows).any(axis=1))
        rows = rows[rows > 0] if table.opening else rows
        if len(rows):
            broken[name] = rows
    if broken:
        name = next(iter(broken))
        count = sum(len(rows) for rows in broken.values())
        where = tables[name].line(int(broken[name][0]))
        notes.append(f"{count} rows of {len(broken)} files are NaN, no box; the first is {where}")


def check_lengths(tables: Mapping[str, Table], lengths: Mapping[str, int]) -> None:
    """Refuse files that are of other videos, or of another version of them.

    Raises:
        DataError: more than half of the files have more rows than their videos have frames.
    """
    long = sorted(name for name, table in tables.items() if len(table.rows) > lengths[name])
    if 2 * len(long) <= len(tables):
        return
    out = "Check the data set and its version."
    raise DataError(
        Problem(
            tables[name].line(lengths[name]),
            f"'{name}' has {lengths[name]} frames, so that its file must have {lengths[name]} rows",
            f"{len(tables[name].rows)} rows",
            out,
        )
        for name in long[:20]
    )


def fit(
    boxes: dict[str, np.ndarray], tables: Mapping[str, Table], lengths: Mapping[str, int], notes: list[str]
) -> dict[str, np.ndarray]:
    """Cut what is longer than its video, as the LaSOT toolkit does, and note what is shorter."""
    long = sorted(name for name, rows in boxes.items() if len(rows) > lengths[name])
    if long:
        name = long[0]
        notes.append(
            f"{len(long)} files have more rows than frames and are cut, e.g. '{name}': {len(boxes[name])} rows for "
            f"{lengths[name]} frames, from {tables[name].line(lengths[name])} on"
        )
    short = sorted(name for name, rows in boxes.items() if len(rows) < lengths[name])
    if short:
        shown = ", ".join(f"{name} {len(boxes[name])}/{lengths[name]}" for name in short[:5])
        notes.append(f"{len(short)} files are short: {shown}" + (", ..." if len(short) > 5 else ""))
    return {name: rows[: lengths[name]] for name, rows in boxes.items()}
