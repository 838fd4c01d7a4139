"""Rows of numbers from text: separators, header, columns; every bad line named."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results.files import Entry, decode

__all__ = ["Table", "read_table"]

_SHOWN = 5
"""Bad lines of one file that are named, before the rest is counted."""

_SPLIT = re.compile(r"[,;\s]+")
_SEPARATORS = {"comma": r",", "semicolon": r";", "tab": r"\t", "blank": r"(?<![,;\t ]) +(?![,;\t ])"}
_OPENING = re.compile(r"^1(\.0*)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf(inity)?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The numbers of one file.

    Args:
        where: the file, for messages.
        rows: (n, columns) float64.
        separator: "comma", "tab", "blank", "semicolon" or several joined by "+".
        header: the words of the header, () where there is none.
        opening: whether a first line of one value, 1, stood for the given box (long-term files); its row is NaN.
        first_line: the line number of row 0.
        encoding: a note on the encoding, "" for UTF-8.
    """

    where: str
    rows: np.ndarray
    separator: str
    header: tuple[str, ...] = ()
    opening: bool = False
    first_line: int = 1
    encoding: str = ""

    def line(self, row: int) -> str:
        """Return `file:line` of a row."""
        return f"{self.where}:{self.first_line + row}"


def read_table(entry: Entry, *, opening: bool = False) -> Table:
    """Read a file of numbers, one row a line.

    Args:
        entry: the file.
        opening: whether a first line of the single value 1 may stand for the given box.

    Raises:
        DataError: no row at all, blank lines between rows, words, lines of unequal length, infinite values; the
            message names file and line, and all bad lines of the file are in it (or counted).
    """
    text, encoding = decode(entry)
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    start = 0
    while start < len(lines) and not lines[start].strip():
        start += 1
    header: tuple[str, ...] = ()
    while start < len(lines) and _is_header(lines[start]):  # comments, and one line of words that ends them
        header = tuple(word.lower() for word in _SPLIT.split(lines[start].strip().lstrip("#% ")) if word)
        start += 1
        if not _is_comment(lines[start - 1]):
            break
    body = lines[start:]
    if not body:
        value = "a header only" if header else "an empty file"
        out = "Track this video again, or remove the file."
        raise DataError(Problem(entry.where, "a result file must hold a row for each frame", value, out))
    first = start + 1
    opened = opening and len(body) > 1 and _OPENING.match(body[0].strip()) and len(_SPLIT.split(body[1].strip())) > 1
    rows = _numbers(entry.where, body[1:] if opened else body, first + 1 if opened else first)
    if opened:
        rows = np.concatenate([np.full((1, rows.shape[1]), np.nan), rows])
    return Table(entry.where, rows, _separator(body[-1]), header, bool(opened), first, encoding)


def _is_header(line: str) -> bool:
    words = [word for word in _SPLIT.split(line.strip()) if word]
    return _is_comment(line) or (bool(words) and not any(_NUMBER.match(word) for word in words))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "%"))


def _separator(line: str) -> str:
    found = []
    text = line.strip()
    for name, pattern in _SEPARATORS.items():
        if re.search(pattern, text):
            found.append(name)
    return "+".join(found) or "none"


def _numbers(where: str, body: list[str], first: int) -> np.ndarray:
    """Turn lines into numbers: fast where all is well, line by line where something is wrong."""
    plain = "\n".join(body)
    for separator in (",", ";", "\t"):
        plain = plain.replace(separator, " ")
    try:
        rows = np.loadtxt(io.StringIO(plain), ndmin=2, comments=None)
    except ValueError:
        rows = np.empty((0, 0))
    if len(rows) == len(body) and not np.isinf(rows).any():
        return rows
    return _line_by_line(where, body, first)


def _line_by_line(where: str, body: list[str], first: int) -> np.ndarray:
    split = [[word for word in _SPLIT.split(line.strip()) if word] for line in body]
    widths = [len(words) for words in split if words]
    usual = max(set(widths), key=widths.count) if widths else 4
    problems = []
    for number, (line, words) in enumerate(zip(body, split, strict=True), first):
        shown = f"'{line.strip()[:60]}'"
        if not words:
            problems.append((number, "rows must follow each other without blank lines", "a blank line"))
        elif not all(_NUMBER.match(word) for word in words):
            problems.append((number, "a row must hold numbers only", shown))
        elif len(words) != usual:
            problems.append((number, f"each row must hold {usual} values as the others do", f"{len(words)}: {shown}"))
        elif np.isinf([float(word) for word in words]).any():
            problems.append((number, "a row must hold finite numbers", shown))
    if problems:
        out = "Restore the file, or track this video again."
        named = [Problem(f"{where}:{number}", rule, value, out) for number, rule, value in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            named.append(Problem(where, "each row must be well formed", f"{len(problems) - _SHOWN} more bad lines"))
        raise DataError(named)
    return np.array([[float(word) for word in words] for words in split])
