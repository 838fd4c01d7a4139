"""A report is a list of sections: made once from data, printed on a terminal and rendered as one page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture: the bytes of its file, or what draws them on a page.

    A "jpg", and a picture that is `wide`, is shown wider than the text.
    """

    content: bytes | Callable[[], bytes]
    kind: Literal["png", "jpg", "svg"]
    alternative: str
    wide: bool = False

    @property
    def uri(self) -> str:
        """The picture itself as a data URI."""
        content = self.content if isinstance(self.content, bytes) else self.content()
        form = {"png": "png", "jpg": "jpeg", "svg": "svg+xml"}[self.kind]
        return f"data:image/{form};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report. Terminals show title, note, text and table; pages show all. Texts are plain, never markup.

    Args:
        title: its heading, "" where it goes on with the section before.
        head: the table's column names; () for a table without.
        rows: cells of the table; a row may be shorter than the head.
        note: sentences below the title; a line break begins a paragraph.
        figures: pictures.
        text: lines whose spaces count, such as a drawing of letters.
        details: long texts by title, which a page shows when they are unfolded.
    """

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
    figures: tuple[Figure, ...] = ()
    text: str = ""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether each column below a head holds numbers, to be aligned at the right; the first one never does."""
        columns = max((len(row) for row in (self.head, *self.rows)), default=0)
        found = []
        for index in range(columns):
            cells = [row[index] for row in self.rows if index < len(row) and row[index]]
            numbers = sum(_is_number(cell) for cell in cells)
            found.append(0 < index < len(self.head) and 2 * numbers > len(cells))
        return tuple(found)


def _is_number(cell: str) -> bool:
    """Whether a cell is a number with its uncertainty or unit: `0.5 ± 0.1`, `[1, 2]`, `3 min 05 s`."""
    return cell == "-" or (cell.lstrip("+-[")[:1].isdecimal() and sum(map(str.isalpha, cell)) <= 4)


def mapping_sections(title: str, data: Mapping[str, Any]) -> list[Section]:
    """Return nested values as sections: plain values in the first, one for each mapping and list."""
    nested = {key: value for key, value in data.items() if value and isinstance(value, Mapping | list | tuple)}
    sections = [Section(title, rows=tuple(_flat({key: data[key] for key in data if key not in nested})))]
    for key, value in nested.items():
        if isinstance(value, Mapping):
            sections.append(Section(_words(key), rows=tuple(_flat(value))))
        elif all(isinstance(item, Mapping) for item in value):
            names = [name for name, cell in value[0].items() if not isinstance(cell, Mapping | list)]
            rows = tuple(tuple(_plain(item.get(name)) for name in names) for item in value)
            sections.append(Section(_words(key), tuple(map(_words, names)), rows))
        else:
            sections.append(Section(_words(key), rows=tuple((_plain(item),) for item in value)))
    return [section for section in sections if section.rows]


def _flat(data: Mapping[str, Any], before: str = "") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for key, value in data.items():
        name = f"{before}{_words(key)}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}: ")
        else:
            items: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
            rows += [(name, _plain(item) or "none") for item in items or ("none",)]
    return rows


def _words(key: str) -> str:
    return key if key.isupper() else key.replace("_", " ")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "" if value is None else str(value)
