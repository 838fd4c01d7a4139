"""Text annotations of tracking benchmarks: boxes, flags, sentences, names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from asymnas.core.archives import Entry, archive_entries, file_entry, is_archive
from asymnas.core.errors import DataError, Problem

__all__ = ["TextFiles", "open_text_files", "read_boxes", "read_flags"]
__all__ += ["read_named_flags", "read_names", "read_sentence", "read_text"]

log = logging.getLogger("asymnas.tracking.data")

_FLAG = re.compile(r"[+-]?[0-9]{1,9}")
_BLANKS = str.maketrans(",;", "  ")


Source = Path | Entry


def read_text(source: Source) -> str:
    """Return a file's content: UTF-8, or Windows-1252 where it is not (some sentences were typed on Windows)."""
    data = (file_entry(source) if isinstance(source, Path) else source).read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _where(source: Source) -> str:
    return str(source) if isinstance(source, Path) else source.where


def read_boxes(source: Source, *, one_based: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read one box x, y, w, h a line, numbers separated by commas, tabs or blanks in any mixture.

    Blank lines are skipped; a line with NaN says that there is no box. `one_based` subtracts 1 from corners.

    Returns:
        boxes (n, 4) float64, 0-based, and missing (n,) bool, True where a row is zeros for NaN.

    Raises:
        DataError: lines that are not four finite numbers, each named; no line at all.
    """
    text, where = read_text(source), _where(source)
    rows = [row for line in text.translate(_BLANKS).splitlines() if (row := line.split())]
    if not rows:
        raise DataError(Problem(where, "the annotation must hold at least one box", "an empty file"))
    try:
        boxes = np.array(list(map(float, chain.from_iterable(rows)))).reshape(-1, 4)
    except ValueError:
        raise DataError(_wrong_lines(text, where)) from None
    if any(len(row) != 4 for row in rows) or np.isinf(boxes).any():
        raise DataError(_wrong_lines(text, where))
    missing = np.any(np.isnan(boxes), axis=1)
    if one_based:
        boxes[:, :2] -= 1
    boxes[missing] = 0
    return boxes, missing


def _wrong_lines(text: str, where: str) -> list[Problem]:
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        tokens = line.translate(_BLANKS).split()
        try:
            values = [float(token) for token in tokens]
        except ValueError:
            values = []
        if tokens and (len(values) != 4 or np.isinf(values).any()):
            rule = "a box must be four finite numbers x, y, w, h"
            problems.append(Problem(f"{where}:{number}", rule, f"'{line.strip()[:60]}'", "Restore the annotation."))
    return problems


def read_flags(source: Source) -> np.ndarray:
    """Read whole numbers (n,) int64: one a line, or all in one line with commas."""
    tokens, where = read_text(source).translate(_BLANKS).split(), _where(source)
    wrong = next((token for token in tokens if not _FLAG.fullmatch(token)), None)
    if wrong is not None:
        raise DataError(Problem(where, "flags must be whole numbers", f"'{wrong[:60]}'", "Restore the file."))
    if not tokens:
        raise DataError(Problem(where, "the file must hold a flag a frame", "an empty file", "Restore or remove it."))
    return np.array([int(token) for token in tokens], dtype=np.int64)


def read_sentence(source: Source) -> str | None:
    """Return the first line that is not blank, spaces tidied; None for a missing file, or, with a warning, no line."""
    if isinstance(source, Path) and not source.is_file():
        return None
    sentence = next((" ".join(line.split()) for line in read_names(source)), None)
    if sentence is None:
        log.warning("%s holds no sentence; the video has none", _where(source))
    return sentence


def read_names(source: Source) -> list[str]:
    """Return the names in a list, one a line, blank lines skipped."""
    return [line.strip() for line in read_text(source).splitlines() if line.strip()]


def read_named_flags(source: Source, names: Sequence[str]) -> frozenset[str]:
    """Return the names whose flag is 1; a further leading flag (`ALL` in some copies) is dropped."""
    flags = read_flags(source)
    if len(flags) == len(names) + 1:
        flags = flags[1:]
    if len(flags) != len(names):
        rule = f"the attribute file must hold {len(names)} flags"
        way_out = "Restore the file, or remove it for no attributes."
        raise DataError(Problem(_where(source), rule, str(len(flags)), way_out))
    return frozenset(name for name, flag in zip(names, flags, strict=True) if flag)


_TEXT = (".txt", ".json")


class TextFiles(dict[str, Entry]):
    """Text files by their names below a folder or in an archive, with `/`."""

    def folder(self, folder: str) -> dict[str, Entry]:
        """Return the `.txt` files by stem whose folder's last name is `folder`; "" for those of the top."""
        found = [item for item in self.values() if item.path.suffix == ".txt"]
        return {item.path.stem: item for item in found if item.path.parent.name == folder}

    def last(self, *names: str) -> Entry | None:
        """Return the first file whose last name is one of `names`."""
        return next((item for item in self.values() if item.path.name in names), None)


def open_text_files(source: Path, folders: Iterable[str] = ("",)) -> TextFiles:
    """Return the text files of an archive, of one file, or of some `folders` below a folder ("" for itself)."""
    if source.is_file():
        found = archive_entries(source, _TEXT) if is_archive(source) else [file_entry(source)]
    else:
        inner = [source / folder for folder in folders if (source / folder).is_dir()]
        items = [item for folder in inner for item in sorted(folder.iterdir())]
        found = [file_entry(item, item.relative_to(source).as_posix()) for item in items]
    wanted = [item for item in found if item.path.suffix in _TEXT and not item.path.name.startswith("._")]
    return TextFiles({str(item.path): item for item in wanted})
