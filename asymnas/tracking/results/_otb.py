"""OTB's JSON: records of one video each, with boxes, frame range and speed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results._text import Table
from asymnas.tracking.results.files import Entry, decode

__all__ = ["otb_record", "read_otb"]


def read_otb(entry: Entry) -> dict[str, tuple[Table, float | None]]:
    """Read a file of records, or one record.

    Returns:
        video -> its rows (n, 4) as they are in the file, and the seconds of the whole video, None without a speed.

    Raises:
        DataError: not such records, restarted runs (TRE, SRE), boxes of another kind than "rect", or a video twice.
    """
    text, encoding = decode(entry)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(Problem(entry.where, "the file must be JSON", str(error))) from None
    records = data if isinstance(data, list) else [data]
    problems: list[Problem] = []
    found: dict[str, tuple[Table, float | None]] = {}
    for number, record in enumerate(records):
        where = f"{entry.where}: record {number + 1}"
        rows = _rows(record, where, problems)
        if rows is None:
            continue
        name = str(record.get("seqName") or entry.path.stem)
        if name in found:
            out = "Give the one-pass (OPE) record only."
            problems.append(Problem(where, "a video must have one record", f"'{name}' again", out))
            continue
        fps = record.get("fps")
        seconds = len(rows) / fps if isinstance(fps, (int, float)) and 0 < fps < 1e9 else None
        found[name] = (Table(where, rows, "JSON", encoding=encoding), seconds)
    if not records:
        problems.append(Problem(entry.where, "the file must hold a record", "an empty list"))
    if problems:
        raise DataError(problems)
    return found


def _rows(record: Any, where: str, problems: list[Problem]) -> np.ndarray | None:
    if not isinstance(record, dict) or "res" not in record:
        problems.append(Problem(where, "must be a record with 'res' (OTB's JSON results)", str(type(record).__name__)))
        return None
    kind, run = str(record.get("resType") or "rect"), str(record.get("evalType") or "OPE")
    if kind != "rect":
        out = "Convert the results to rectangles with the program that wrote them."
        problems.append(Problem(where, "resType must be 'rect'", f"'{kind}'", out))
        return None
    if run.upper() != "OPE":
        problems.append(Problem(where, "evalType must be 'OPE'", f"'{run}'", "Give the results of the one-pass run."))
        return None
    try:
        rows = np.array(record["res"], dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows) or np.isinf(rows).any():
        shown = str(rows.shape) if rows.size else "something else"
        problems.append(Problem(where, "'res' must be a list of x, y, w, h, all finite", shown))
        return None
    return rows


def otb_record(
    tracker: str, video: str, boxes: np.ndarray, *, base: int, fps: float | None, start: int = 1
) -> dict[str, Any]:
    """Return the record of one video.

    Args:
        tracker: its name.
        video: its name.
        boxes: (n, 4) x, y, w, h, 0-based.
        base: what the file's numbers count from; 1 in OTB.
        fps: frames a second, None where it is not known.
        start: number of the video's first frame in OTB; most start at 1.
    """
    rows = np.add(boxes, [base, base, 0, 0])
    record = {"tracker": tracker, "seqName": video, "evalType": "OPE", "resType": "rect"}
    span = {"startFrame": start, "endFrame": start + len(rows) - 1}
    return {**record, **span, "fps": fps if fps is not None else -1, "res": rows.tolist()}
