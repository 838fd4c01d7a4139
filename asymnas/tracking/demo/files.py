"""The files of a tracked target: their names, what may be replaced, and how they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem

__all__ = ["HEADER", "check_box", "check_outputs", "output_files", "writable"]

HEADER = "# x,y,w,h,score (pixels, 0-based corner)\n"


def output_files(video: Path) -> dict[str, Path]:
    """Return the files that `track_footage` writes: the video, and `.txt`, `.json` and `.png` of its name beside it."""
    endings = {"boxes": ".txt", "json": ".json", "sheet": ".png"}
    return {"video": video, **{name: video.with_suffix(ending) for name, ending in endings.items()}}


def check_box(box: Sequence[float] | np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Return a box x, y, w, h as (4,) float64 and notes about it; `size` is width and height of the frame.

    Raises:
        DataError: not four finite numbers, no area, or less than half of it in the frame.
    """
    values = np.asarray(box, np.float64)
    where, shown = "--box", ",".join(f"{value:g}" for value in values)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise DataError(Problem(where, "must be four numbers x,y,w,h", shown))
    if (values[2:] <= 0).any():
        raise DataError(Problem(where, "width and height must be greater than 0", shown, "It is x,y,w,h in pixels."))
    low, high = np.maximum(values[:2], 0), np.minimum(values[:2] + values[2:], size)
    inside = float(np.prod(np.clip(high - low, 0, None)) / np.prod(values[2:]))
    if inside < 0.5:
        rule = f"the box must lie in the frame of {size[0]}x{size[1]} pixels, but {100 * (1 - inside):.0f} % is outside"
        way_out = "It is x,y,w,h: the left upper corner from 0, then width and height, not a second corner."
        raise DataError(Problem(where, f"{rule}: {shown}", way_out=way_out))
    notes = [f"the box reaches over the border of the frame of {size[0]}x{size[1]} pixels"] if inside < 1 else []
    return values, notes


def check_outputs(files: dict[str, Path], source: str, *, overwrite: bool) -> None:
    """Refuse to write over what is read, and, without `overwrite`, over files that are no earlier result.

    Raises:
        DataError: all files that would be lost.
    """
    read, video = Path(source).expanduser(), files["video"]
    way_out = "Choose another name with -o."
    if read.is_file() and any(file.exists() and file.samefile(read) for file in files.values()):
        raise DataError(Problem(str(video), "must not be the video that is read", way_out=way_out))
    if read.is_dir() and video.parent.is_dir() and video.parent.samefile(read):
        rule = "must not lie in the folder of frames: the contact sheet would be one of them"
        raise DataError(Problem(str(video), rule, way_out=way_out))
    ours = overwrite or _begins(files["json"], '{\n "format": "asymnas-track"')
    lost = [file for file in files.values() if not ours and file.exists() and not _begins(file, HEADER)]
    if lost:
        rule, way_out = "is there already and not from `asymnas track`", "Use another -o, or allow it with --overwrite."
        raise DataError([Problem(str(file), rule, way_out=way_out) for file in lost])


def _begins(file: Path, mark: str) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(len(mark)) == mark.encode()
    except OSError:
        return False


@contextlib.contextmanager
def writable(file: Path) -> Iterator[None]:
    """Turn errors of the disk into a `DataError` about a file."""
    try:
        yield
    except OSError as error:
        value = error.strerror or str(error)
        raise DataError(Problem(str(file), "must be writable", value, "Choose another folder with -o.")) from error
