"""The numbers of one file: rows of text, or OTB's JSON records; every bad line is named."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from asymnas.core.archives import Entry
from asymnas.core.errors import DataError, Problem

__all__ = ["Table", "decode", "read_json", "read_otb", "read_table"]

_SHOWN = 5
"""Bad lines of one file that are named, before the rest is counted."""

_SPLIT = re.compile(r"[,;\s]+")
_SEPARATORS = {"comma": r",", "semicolon": r";", "tab": r"\t", "blank": r"(?<![,;\t ]) +(?![,;\t ])"}
_OPENING = re.compile(r"^1(\.0*)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf(inity)?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The numbers of one file."""

    where: str
    rows: np.ndarray  # (n, columns) float64
    separator: str  # "comma", "tab", "blank", "semicolon", joined by "+"; "JSON"
    header: tuple[str, ...] = ()  # its words
    opening: bool = False  # a first line 1 stood for the given box: row 0 is NaN
    first_line: int = 1  # line number of row 0

    def line(self, row: int) -> str:
        """Return `file:line` of a row."""
        return f"{self.where}:{self.first_line + row}"


def decode(entry: Entry) -> str:
    """Return a file's text (UTF-8, or UTF-16 with its mark) with line ends `\\n`."""
    data = entry.read()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line, value = data.count(b"\n", 0, error.start) + 1, f"byte 0x{data[error.start]:02x}"
        way_out = "Save the file as plain text; box files hold numbers only."
        raise DataError(Problem(f"{entry.where}:{line}", "the text must be UTF-8", value, way_out)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(entry: Entry, what: str) -> Any:
    """Return what a JSON file holds."""
    try:
        return json.loads(decode(entry))
    except (ValueError, RecursionError) as error:
        raise DataError(Problem(entry.where, f"the {what} must be JSON", str(error))) from None


def read_table(entry: Entry, *, opening: bool = False) -> Table:
    """Read a file of numbers, one row a line; with `opening` a first line of the single value 1 is the given box.

    Raises:
        DataError: no row, blank lines between rows, words, unequal lines, infinite values; each with its line.
    """
    lines = decode(entry).rstrip().split("\n")
    start = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    header: tuple[str, ...] = ()
    while start < len(lines) and _is_header(lines[start]):  # comments, and one line of words that ends them
        header = tuple(word.lower() for word in _SPLIT.split(lines[start].strip().lstrip("#% ")) if word)
        start += 1
        if not _is_comment(lines[start - 1]):
            break
    body = lines[start:]
    if not body:
        value = "a header only" if header else "an empty file"
        way_out = "Track this video again, or remove the file."
        raise DataError(Problem(entry.where, "a result file must hold a row for each frame", value, way_out))
    first = start + 1
    opened = opening and len(body) > 1 and _OPENING.match(body[0].strip()) and len(_SPLIT.split(body[1].strip())) > 1
    rows = _numbers(entry.where, body[1:] if opened else body, first + 1 if opened else first)
    if opened:
        rows = np.concatenate([np.full((1, rows.shape[1]), np.nan), rows])
    last = body[-1].strip()
    separator = "+".join(name for name, pattern in _SEPARATORS.items() if re.search(pattern, last)) or "none"
    return Table(entry.where, rows, separator, header, bool(opened), first)


def _is_header(line: str) -> bool:
    words = [word for word in _SPLIT.split(line.strip()) if word]
    return _is_comment(line) or (bool(words) and not any(_NUMBER.match(word) for word in words))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "%"))


def _numbers(where: str, body: list[str], first: int) -> np.ndarray:
    """Turn lines into numbers: fast where all is well, line by line where something is wrong."""
    try:
        rows = np.loadtxt(io.StringIO(re.sub(r"[,;\t]", " ", "\n".join(body))), ndmin=2, comments=None)
    except ValueError:
        rows = np.empty((0, 0))
    return rows if len(rows) == len(body) and not np.isinf(rows).any() else _line_by_line(where, body, first)


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


def read_otb(entry: Entry) -> dict[str, tuple[Table, float | None]]:
    """Read a file of OTB's records: video -> its rows (n, 4), and the seconds of the whole video, None without a speed.

    Raises:
        DataError: not such records, restarted runs (TRE, SRE), boxes of another kind than "rect", or a video twice.
    """
    data = read_json(entry, "file")
    records = data if isinstance(data, list) else [data]
    problems: list[Problem] = [] if records else [Problem(entry.where, "the file must hold a record", "an empty list")]
    found: dict[str, tuple[Table, float | None]] = {}
    for number, record in enumerate(records):
        where = f"{entry.where}: record {number + 1}"
        rows = _record(record, where)
        name = "" if isinstance(rows, Problem) else str(record.get("seqName") or entry.path.stem)
        if name in found:
            rows = Problem(where, "a video must have one record", f"'{name}' again", "Give the one-pass (OPE) record.")
        if isinstance(rows, Problem):
            problems.append(rows)
            continue
        fps = record.get("fps")
        seconds = len(rows) / fps if isinstance(fps, (int, float)) and 0 < fps < 1e9 else None
        found[name] = (Table(where, rows, "JSON"), seconds)
    if problems:
        raise DataError(problems)
    return found


def _record(record: Any, where: str) -> np.ndarray | Problem:
    """Return the rows of a record, or what is wrong with it."""
    if not isinstance(record, dict) or "res" not in record:
        return Problem(where, "must be a record with 'res' (OTB's JSON results)", type(record).__name__)
    kind, run = str(record.get("resType") or "rect"), str(record.get("evalType") or "OPE")
    if kind != "rect":
        return Problem(where, "resType must be 'rect'", f"'{kind}'", "Convert the results to rectangles.")
    if run.upper() != "OPE":
        return Problem(where, "evalType must be 'OPE'", f"'{run}'", "Give the results of the one-pass run.")
    try:
        rows = np.array(record["res"], dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows) or np.isinf(rows).any():
        shown = str(rows.shape) if rows.size else "something else"
        return Problem(where, "'res' must be a list of x, y, w, h, all finite", shown)
    return rows
