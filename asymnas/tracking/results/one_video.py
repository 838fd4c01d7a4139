"""Result files of one video: a header, then x,y,w,h,score a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.online import TrackResult
from asymnas.tracking.results import read_video_file, read_video_seconds, write_video_file

__all__ = ["read_result", "write_result"]


def write_result(folder: Path, result: TrackResult) -> Path:
    """Write `<video>.txt` and `times/<video>.txt` into `folder` (made if missing), atomically and with every digit.

    Raises:
        DataError: the video's name is no plain file name.
    """
    return write_video_file(folder, result.video, result.boxes, result.scores, result.seconds)


def read_result(path: Path) -> TrackResult:
    """Read a file of `write_result`; its seconds are 0 where they are not known.

    Raises:
        DataError: the file is missing or not of this form.
    """
    boxes, scores = read_video_file(path)
    if scores is None:
        raise DataError(Problem(str(path), "must have five columns: x,y,w,h,score", "4 columns"))
    seconds = read_video_seconds(path.parent, path.stem)
    return TrackResult(path.stem, boxes, scores, 0.0 if seconds is None else float(np.sum(seconds)))
