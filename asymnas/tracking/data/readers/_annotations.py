"""Text annotations of tracking benchmarks: boxes, flags, sentences, names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

import numpy as np

from asymnas.core.archives import Entry, archive_entries, file_entry, is_archive
from asymnas.core.errors import DataError, Problem

__all__ = [
    "TextFiles",
    "decode",
    "named_flags",
    "open_text_files",
    "parse_boxes",
    "parse_flags",
    "parse_named_flags",
    "parse_names",
    "parse_sentence",
    "read_boxes",
    "read_flags",
    "read_names",
    "read_sentence",
    "read_text",
]

log = logging.getLogger("asymnas.tracking.data")

_FLAG = re.compile(r"[+-]?[0-9]{1,9}")
_BLANKS = str.maketrans(",;", "  ")


def decode(data: bytes) -> str:
    """Return text that is UTF-8, or Windows-1252 where it is not (some sentences were typed on Windows)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_text(path: Path) -> str:
    """Return a text file's content; see `decode`."""
    try:
        return decode(path.read_bytes())
    except OSError as error:
        value = error.strerror or str(error)
        raise DataError(
            Problem(str(path), "the annotation file must be readable", value, "Restore the file.")
        ) from None


def read_boxes(path: Path, *, one_based: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of boxes; see `parse_boxes`."""
    return parse_boxes(read_text(path), str(path), one_based=one_based)


def parse_boxes(text: str, where: str, *, one_based: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read one box x, y, w, h a line, numbers separated by commas, tabs or blanks in any mixture.

    Blank lines are skipped; a line with NaN says that there is no box. `one_based` subtracts 1 from corners.

    Returns:
        boxes (n, 4) float64, 0-based, and missing (n,) bool, True where a row is zeros for NaN.

    Raises:
        DataError: lines that are not four finite numbers, each named; no line at all.
    """
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


def read_flags(path: Path) -> np.ndarray:
    """Read a file of flags; see `parse_flags`."""
    return parse_flags(read_text(path), str(path))


def parse_flags(text: str, where: str) -> np.ndarray:
    """Read whole numbers (n,) int64: one a line, or all in one line with commas."""
    tokens = text.translate(_BLANKS).split()
    wrong = next((token for token in tokens if not _FLAG.fullmatch(token)), None)
    if wrong is not None:
        value = f"'{wrong[:60]}'"
        raise DataError(Problem(where, "flags must be whole numbers", value, "Restore the file."))
    if not tokens:
        raise DataError(Problem(where, "the file must hold a flag a frame", "an empty file", "Restore or remove it."))
    return np.array([int(token) for token in tokens], dtype=np.int64)


def read_sentence(path: Path) -> str | None:
    """Return the sentence of a file; see `parse_sentence`. None where the file is missing."""
    return parse_sentence(read_text(path), str(path)) if path.is_file() else None


def parse_sentence(text: str, where: str) -> str | None:
    """Return the first line that is not blank, spaces tidied; None, with a warning, where there is none."""
    sentence = next((" ".join(line.split()) for line in text.splitlines() if line.strip()), None)
    if sentence is None:
        log.warning("%s holds no sentence; the video has none", where)
    return sentence


def read_names(path: Path) -> list[str]:
    """Return the names in a list file; see `parse_names`."""
    return parse_names(read_text(path))


def parse_names(text: str) -> list[str]:
    """Return the names in a list, one a line, blank lines skipped."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def named_flags(path: Path, names: Sequence[str]) -> frozenset[str]:
    """Return the names whose flag in a file is 1; see `parse_named_flags`."""
    return parse_named_flags(read_text(path), str(path), names)


def parse_named_flags(text: str, where: str, names: Sequence[str]) -> frozenset[str]:
    """Return the names whose flag is 1; a further leading flag (`ALL` in some copies) is dropped."""
    flags = parse_flags(text, where)
    if len(flags) == len(names) + 1:
        flags = flags[1:]
    if len(flags) != len(names):
        rule = f"the attribute file must hold {len(names)} flags"
        raise DataError(Problem(where, rule, str(len(flags)), "Restore the file, or remove it for no attributes."))
    return frozenset(name for name, flag in zip(names, flags, strict=True) if flag)


_TEXT = (".txt", ".json")


class TextFiles(dict[str, Entry]):
    """Text files by their names below a folder or in an archive, with `/`."""

    def text(self, name: str) -> str:
        """Return a file's content."""
        return decode(self[name].read())

    def where(self, name: str) -> str:
        """Return what messages call a file."""
        return self[name].where

    def folder(self, folder: str) -> dict[str, str]:
        """Return {stem: name} of the `.txt` files whose folder's last name is `folder`; "" for those of the top."""
        return {item.path.stem: name for name, item in self.items() if _is_text_of(item.path, folder)}

    def last(self, *names: str) -> str | None:
        """Return the first file whose last name is one of `names`."""
        return next((name for name, item in self.items() if item.path.name in names), None)


def _is_text_of(path: PurePosixPath, folder: str) -> bool:
    return path.suffix == ".txt" and path.parent.name == folder


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
