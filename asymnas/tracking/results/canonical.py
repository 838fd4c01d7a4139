"""The canonical format: a manifest, and a text file of boxes, scores and seconds for each video.

A folder holds `manifest.json`, `<video>.txt` (a header, then x, y, w, h and, where known, the score of each frame;
pixels, 0-based corners, every digit of the float) and `times/<video>.txt` (the seconds of each frame, or one line for
the whole video).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.archives import Entry, file_entry
from asymnas.core.errors import DataError, Problem
from asymnas.core.files import write_whole
from asymnas.tracking.results.content import read_json, read_table
from asymnas.tracking.results.names import check_file_names
from asymnas.tracking.results.result_set import ResultSet

if TYPE_CHECKING:
    from asymnas.tracking.online import TrackResult

__all__ = [
    "MANIFEST",
    "TIMES",
    "box_text",
    "manifest_data",
    "manifest_of",
    "read_manifest",
    "read_result",
    "read_video_file",
    "read_video_seconds",
    "replace_file",
    "seconds_of",
    "seconds_text",
    "split_rows",
    "write_manifest",
    "write_result",
    "write_video_file",
]

MANIFEST = "manifest.json"
TIMES = "times"
FORMAT = "asymnas-results"
VERSION = 1
_UNITS = "(pixels, 0-based corner)"


def box_text(boxes: np.ndarray, scores: np.ndarray | None = None) -> str:
    """Return a video's file: (n, 4) boxes, 0-based, and (n,) scores; each number with all its digits."""
    columns = [np.asarray(boxes, dtype=np.float64)]
    if scores is not None:
        columns.append(np.asarray(scores, dtype=np.float64)[:, None])
    rows = np.concatenate(columns, axis=1).tolist()
    names = "x,y,w,h,score" if scores is not None else "x,y,w,h"
    return "\n".join([f"# {names} {_UNITS}", *(",".join(map(repr, row)) for row in rows), ""])


def seconds_text(seconds: float | np.ndarray) -> str:
    """Return a video's time file: one line for the whole video, or one a frame."""
    what = "each frame" if np.ndim(seconds) else "the whole video"
    return "\n".join([f"# seconds of {what}", *map(repr, np.atleast_1d(seconds).astype(float).tolist()), ""])


def write_video_file(
    folder: Path,
    video: str,
    boxes: np.ndarray,
    scores: np.ndarray | None = None,
    seconds: float | np.ndarray | None = None,
) -> Path:
    """Write one video of a canonical folder, atomically; the boxes come last, so that they say the video is done.

    Boxes are (n, 4) x, y, w, h in pixels, 0-based, scores (n,), seconds of the whole video or (n,) of each frame.

    Raises:
        DataError: a name that cannot be a file name, or arrays of other shapes.
    """
    check_file_names([video], str(folder))
    ResultSet("", {video: boxes}, {} if scores is None else {video: scores})
    if seconds is not None:
        replace_file(folder / TIMES / f"{video}.txt", seconds_text(seconds).encode())
    path = folder / f"{video}.txt"
    replace_file(path, box_text(boxes, scores).encode())
    return path


def replace_file(file: Path, data: bytes) -> None:
    """Write a file at once, and make its folder: readers see the old content or the new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, data, sync=False)


def read_video_file(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return boxes (n, 4) float64, 0-based, and scores (n,), None where there are none, of a canonical folder's video.

    Raises:
        DataError: the file is missing or not of this format; the message names the line.
    """
    table = read_table(file_entry(path))
    return split_rows(table.where, table.rows)


def read_video_seconds(folder: Path, video: str) -> float | np.ndarray | None:
    """Return the seconds of a video of a canonical folder, None where they are not known."""
    path = folder / TIMES / f"{video}.txt"
    return seconds_of(file_entry(path)) if path.is_file() else None


def split_rows(where: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Part the rows of a canonical file into boxes and scores."""
    if rows.shape[1] not in (4, 5):
        rule = "a row must be x,y,w,h or x,y,w,h,score"
        raise DataError(Problem(where, rule, f"{rows.shape[1]} columns"))
    return rows[:, :4].copy(), rows[:, 4].copy() if rows.shape[1] == 5 else None


def seconds_of(entry: Entry) -> float | np.ndarray:
    """Read a canonical time file."""
    table = read_table(entry)
    if table.rows.shape[1] != 1:
        raise DataError(Problem(entry.where, "a time file must have one column", f"{table.rows.shape[1]} columns"))
    whole = "video" in table.header
    return float(table.rows[0, 0]) if whole and len(table.rows) == 1 else table.rows[:, 0].copy()


def manifest_data(tracker: str, manifest: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what a manifest file holds, and its text; `DataError` for a value that JSON cannot hold."""
    ours = {"format": FORMAT, "version": VERSION, "tracker": tracker, "base": 0, "boxes": "x,y,w,h"}
    data = {**ours, **manifest, **ours}
    try:
        return data, (json.dumps(data, indent=2, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise DataError(Problem("manifest of the results", "must be JSON", str(error))) from None


def write_manifest(folder: Path, tracker: str, manifest: Mapping[str, Any]) -> Path:
    """Write a canonical folder's manifest, atomically; `manifest` says what made the boxes, as JSON values."""
    path = folder / MANIFEST
    replace_file(path, manifest_data(tracker, manifest)[1])
    return path


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a canonical folder's manifest; `DataError` if it is missing or not of this format."""
    return manifest_of(file_entry(folder / MANIFEST))


def manifest_of(entry: Entry) -> dict[str, Any]:
    """See `read_manifest`."""
    data = read_json(entry, "manifest")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        out = "Remove the file to read the folder as plain text files."
        raise DataError(Problem(entry.where, f"the manifest must say format: {FORMAT}", "another format", out))
    if data.get("version") != VERSION:
        out = "It was written by a newer version; update."
        rule = f"the manifest's version must be {VERSION}"
        raise DataError(Problem(entry.where, rule, str(data.get("version")), out))
    tracker, base = data.get("tracker"), data.get("base")
    if not isinstance(tracker, str) or not tracker or base not in (0, 1):
        rule = "the manifest must name the tracker and the base, 0 or 1"
        raise DataError(Problem(entry.where, rule, f"tracker {tracker!r}, base {base!r}"))
    return data


def write_result(folder: Path, result: TrackResult) -> Path:
    """Write `<video>.txt` and `times/<video>.txt` into `folder` (made if missing), atomically and with every digit."""
    return write_video_file(folder, result.video, result.boxes, result.scores, result.seconds)


def read_result(path: Path) -> TrackResult:
    """Read a file of `write_result`, or raise `DataError`; its seconds are 0 where they are not known."""
    from asymnas.tracking.online import TrackResult

    boxes, scores = read_video_file(path)
    if scores is None:
        raise DataError(Problem(str(path), "must have five columns: x,y,w,h,score", "4 columns"))
    seconds = read_video_seconds(path.parent, path.stem)
    return TrackResult(path.stem, boxes, scores, 0.0 if seconds is None else float(np.sum(seconds)))
