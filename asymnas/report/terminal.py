"""Sections as text for the terminal, by rich."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from asymnas.report.sections import Section

__all__ = ["make_console", "print_sections"]

FILE_WIDTH = 130
UNLIMITED = 10_000


def print_sections(sections: Iterable[Section], console: Console | None = None) -> None:
    """Print sections; those that have figures alone are left out.

    Args:
        sections: the sections.
        console: where to; standard output by default.
    """
    out = console or make_console()
    for section in sections:
        if not (section.rows or section.text or (section.note and not section.figures)):
            continue
        for line, style in ((section.title, "bold"), (section.note, ""), (section.text, "")):
            if line:
                out.print(Text(line, style=style), soft_wrap=True)
        if section.rows:
            _print_whole(out, _table(section))
        else:
            out.print()


def _table(section: Section) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=bool(section.head))
    for index, numeric in enumerate(section.numeric):
        head = Text(section.head[index]) if index < len(section.head) else ""
        table.add_column(head, justify="right" if numeric else "left", no_wrap=True)
    for row in section.rows:
        table.add_row(*map(Text, row))
    return table


def _print_whole(out: Console, table: Table) -> None:
    """Print a table without cutting it: where the terminal is narrower, it wraps the lines."""
    before = out.width
    out.width = max(before, Measurement.get(out, out.options.update(max_width=UNLIMITED), table).maximum)
    try:
        out.print(table, crop=False)
    finally:
        out.width = before


def make_console() -> Console:
    """Standard output; as wide as the tables need where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, FILE_WIDTH))
