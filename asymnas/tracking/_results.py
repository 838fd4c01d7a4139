"""Result files: one text file a video, x,y,w,h,score a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asymnas.errors import DataError, Problem
from asymnas.tracking._online import TrackResult

__all__ = ["read_result", "write_result"]

HEADER = "x,y,w,h,score (pixels, 0-based corner)"


def write_result(folder: Path, result: TrackResult) -> Path:
    """Write `<video>.txt` into `folder` (made if missing): a header, then one line a frame with full precision."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.video}.txt"
    rows = np.column_stack([result.boxes, result.scores])
    np.savetxt(path, rows, delimiter=",", fmt="%.6f", header=HEADER)
    return path


def read_result(path: Path) -> TrackResult:
    """Read a file of `write_result`.

    Raises:
        DataError: the file is missing or not of this form.
    """
    try:
        rows = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(Problem(str(path), "must be a result file: x,y,w,h,score a line", str(error))) from error
    if rows.shape[1] != 5 or len(rows) == 0:
        raise DataError(Problem(str(path), "must have five columns: x,y,w,h,score", f"{rows.shape[1]} columns"))
    return TrackResult(path.stem, rows[:, :4], rows[:, 4], 0.0)
