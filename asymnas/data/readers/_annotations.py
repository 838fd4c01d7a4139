"""Text annotations of tracking benchmarks: boxes, flags, sentences, names."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asymnas.errors import DataError, Problem

__all__ = ["read_boxes", "read_flags", "read_names", "read_sentence", "read_text"]

log = logging.getLogger("asymnas.data")

_SEPARATORS = re.compile(r"[,;\s]+")


def read_text(path: Path) -> str:
    """Return a text file's content: UTF-8, or Windows-1252 where it is not (some sentences were typed on Windows).

    Raises:
        DataError: the file is missing or unreadable.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        value = error.strerror or str(error)
        raise DataError(
            Problem(str(path), "the annotation file must be readable", value, "Restore the file.")
        ) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_boxes(path: Path, *, one_based: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read one box x, y, w, h a line, numbers separated by commas, tabs or blanks in any mixture.

    Blank lines are skipped. A line with NaN says that there is no box: zeros, marked in the second result.

    Args:
        path: the file.
        one_based: whether the first pixel is (1, 1), which is subtracted.

    Returns:
        boxes (n, 4) float64, 0-based, and missing (n,) bool.

    Raises:
        DataError: lines that are not four numbers, or infinite ones, each named; no line at all.
    """
    lines = [(number, line) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    boxes = np.empty((len(lines), 4))
    problems = []
    for row, (number, line) in enumerate(lines):
        try:
            values = [float(token) for token in _SEPARATORS.split(line.strip()) if token]
        except ValueError:
            values = []
        if len(values) != 4 or np.isinf(values).any():
            rule = "a box must be four finite numbers x, y, w, h"
            problems.append(Problem(f"{path}:{number}", rule, f"'{line.strip()[:60]}'", "Restore the annotation."))
            values = [0.0] * 4
        boxes[row] = values
    if not lines:
        problems.append(Problem(str(path), "the annotation must hold at least one box", "an empty file"))
    if problems:
        raise DataError(problems)
    missing = np.any(np.isnan(boxes), axis=1)
    if one_based:
        boxes[:, :2] -= 1
    boxes[missing] = 0
    return boxes, missing


def read_flags(path: Path) -> np.ndarray:
    """Read whole numbers (n,) int64: one a line, or all in one line with commas.

    Raises:
        DataError: something else than whole numbers.
    """
    tokens = [token for token in _SEPARATORS.split(read_text(path)) if token]
    try:
        return np.array([int(token) for token in tokens], dtype=np.int64)
    except ValueError:
        wrong = next(token for token in tokens if not token.lstrip("+-").isdecimal())
        raise DataError(Problem(str(path), "flags must be whole numbers", f"'{wrong}'", "Restore the file.")) from None


def read_sentence(path: Path) -> str | None:
    """Return the first line that is not blank, spaces tidied; None where the file is empty or missing."""
    if not path.is_file():
        return None
    sentence = next((" ".join(line.split()) for line in read_text(path).splitlines() if line.strip()), None)
    if sentence is None:
        log.warning("%s holds no sentence; the video has none", path)
    return sentence


def read_names(path: Path) -> list[str]:
    """Return the names in a list file, one a line, blank lines skipped."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def named_flags(path: Path, names: Sequence[str]) -> frozenset[str]:
    """Return the names whose flag is 1; a further leading flag (`ALL` in some copies) is dropped.

    Raises:
        DataError: the number of flags is neither that of the names nor one more.
    """
    flags = read_flags(path)
    if len(flags) == len(names) + 1:
        flags = flags[1:]
    if len(flags) != len(names):
        rule = f"the attribute file must hold {len(names)} flags"
        raise DataError(Problem(str(path), rule, str(len(flags)), "Restore the file, or remove it for no attributes."))
    return frozenset(name for name, flag in zip(names, flags, strict=True) if flag)
