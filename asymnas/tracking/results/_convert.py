"""From numbers to boxes: settles index base, corners and missing first rows for all files of a tracker together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results._detect import Reading, Votes, collect_votes, share_of_corners, to_xywh
from asymnas.tracking.results._forms import convention
from asymnas.tracking.results._rows import (
    Options,
    check_lengths,
    corner_readings,
    fit,
    missing_first,
    note_nan,
    note_openings,
)
from asymnas.tracking.results._text import Table

if TYPE_CHECKING:
    from asymnas.tracking.metrics import Annotated

__all__ = ["to_boxes"]

_ENOUGH = 5
"""Files that must all look like corners before that is more than a chance."""


def to_boxes(
    tables: Mapping[str, Table],
    known: Mapping[str, Annotated] | None,
    options: Options,
    path: Path,
    notes: list[str],
) -> dict[str, np.ndarray]:
    """Return (n, 4) float64 0-based x, y, w, h for each video.

    Raises:
        DataError: a convention that cannot be told; the message names the option that settles it.
    """
    if options.stated is not None:
        return _as_stated(tables, known, options, notes)
    if known is None:
        return _without_annotations(tables, options, path, notes)
    given = {name: np.asarray(known[name].boxes[0], dtype=np.float64) for name in tables}
    lengths = {name: len(known[name].boxes) for name in tables}
    check_lengths(tables, lengths)
    firsts = {n: t.rows[0] for n, t in tables.items() if not t.opening and np.isfinite(t.rows[0]).all()}
    votes = collect_votes(firsts, given)
    base = _base(votes, firsts, given, options, path, notes)
    missing = missing_first(tables, lengths, votes, base, options, path, notes)
    readings, restored = corner_readings(tables, given, votes, base, missing, options, path, notes)
    boxes: dict[str, np.ndarray] = {}
    for name, table in tables.items():
        rows = to_xywh(table.rows, readings[name])
        if name in missing:
            rows = np.concatenate([given[name][None], rows])
        elif table.opening or name in restored:
            rows[0] = given[name]
        boxes[name] = rows
    note_nan(tables, notes)
    note_openings(tables, votes, base, missing, notes)
    return fit(boxes, tables, lengths, notes)


def _as_stated(
    tables: Mapping[str, Table], known: Mapping[str, Annotated] | None, options: Options, notes: list[str]
) -> dict[str, np.ndarray]:
    """Return boxes whose manifest states everything; the annotations only check it."""
    base = options.stated or 0
    reading = Reading("xywh", base if options.base is None else options.base)
    boxes = {name: to_xywh(table.rows, reading) for name, table in tables.items()}
    against = f", as given, although the manifest states {base}" if reading.base != base else ", stated by the manifest"
    notes.append(f"base {reading.base}{against}")
    given_too = {"corners": options.corners not in (None, "xywh"), "first_row": options.first_row == "missing"}
    for name in (name for name, said in given_too.items() if said):
        notes.append(f"{name} is not looked at: the manifest states x,y,w,h from the first frame on")
    note_nan(tables, notes)
    if known is None:
        return boxes
    given = {name: np.asarray(known[name].boxes[0], dtype=np.float64) for name in tables}
    found = collect_votes({name: table.rows[0] for name, table in tables.items()}, given).base()
    if found is not None and found != reading.base:
        notes.append(f"the first rows look like base {found}; give that base if they are right")
    lengths = {name: len(known[name].boxes) for name in tables}
    check_lengths(tables, lengths)
    return fit(boxes, tables, lengths, notes)


def _without_annotations(
    tables: Mapping[str, Table], options: Options, path: Path, notes: list[str]
) -> dict[str, np.ndarray]:
    """Return boxes by convention; nothing can be compared with given boxes."""
    problems: list[Problem] = []
    base = options.base if options.base is not None else convention(options.form, options.dataset)
    if base is None:
        out = "Give the annotations, the base (0 or 1), or the format (lasot, pysot, ...) whose convention holds."
        problems.append(Problem(str(path), "the index base must be known", "files that do not tell it", out))
    if options.first_row == "missing":
        problems.append(Problem(str(path), "first_row='missing' needs annotations", "none", "Give the annotations."))
    if any(table.opening for table in tables.values()):
        rule = "a first line of 1 stands for the given box, which must be known"
        problems.append(Problem(str(path), rule, "no annotations", "Give the annotations."))
    corners = options.corners or ("xyxy" if options.named_corners else "xywh")
    looks = options.corners is None and not options.named_corners and len(tables) >= _ENOUGH
    if looks and share_of_corners([table.rows for table in tables.values()]) == 1:
        out = "Give the annotations, or corners='xywh' or 'xyxy'."
        rule = "it must be known whether rows are x,y,w,h or two corners"
        problems.append(Problem(str(path), rule, "third and fourth numbers always above the first two", out))
    if problems:
        raise DataError(problems)
    why = "as given" if options.base is not None else f"by the convention of {_title(options)}"
    notes.append(f"base {base}, {why}; no annotations to check it")
    if corners != "xywh":
        notes.append(f"rows are corners ({corners}), " + ("as given" if options.corners else "by the header"))
    notes.append("the first row is taken as the first frame; no annotations to check it")
    note_nan(tables, notes)
    return {name: to_xywh(table.rows, Reading(corners, int(base or 0))) for name, table in tables.items()}


def _title(options: Options) -> str:
    return f"{options.form} files" + (f" of {options.dataset}" if options.dataset else "")


def _base(
    votes: Votes,
    firsts: Mapping[str, np.ndarray],
    given: Mapping[str, np.ndarray],
    options: Options,
    path: Path,
    notes: list[str],
) -> int:
    """Settle the index base: what was given, what the first rows show, or a named form's convention, in this order."""
    found, counts = votes.base(), (votes.of_base(0), votes.of_base(1))
    usual = convention(options.form, options.dataset)
    if options.base is not None:
        note = f"base {options.base}, as given"
        if found is not None and found != options.base:
            note += f", although the first rows of {counts[found]} of {len(firsts)} files say base {found}"
        notes.append(note)
        return options.base
    if found is not None:
        note = f"base {found}: the first rows of {counts[found]} of {len(firsts)} files are the given boxes"
        if options.explicit and usual is not None and usual != found:
            note += f"; {_title(options)} count from {usual}, and base={usual} reads them so"
        notes.append(note)
        return found
    offset = _offset(firsts, given)
    if usual is not None and (options.explicit or options.form == "otb-json"):
        notes.append(f"base {usual} by the convention of {_title(options)}; the first rows do not tell it{offset}")
        return usual
    value = f"first rows that are the given boxes in {counts[0]} files for base 0 and {counts[1]} for base 1{offset}"
    out = "Give the base: 0, or 1 as LaSOT and OTB count, or the format whose convention holds."
    raise DataError(Problem(str(path), "the index base must be known", value, out))


def _offset(firsts: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> str:
    if not firsts:
        return ""
    x, y = np.median([firsts[name][:2] - given[name][:2] for name in firsts], axis=0)
    return f" (median offset of the corners {x:+.2f}, {y:+.2f} px)"
