"""The two forms of a list of sections: text for a terminal, by rich, and one page, by the template `report.html.j2`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from asymnas.report.sections import Section

FILE_WIDTH = 130
"""Columns that a file or pipe has at least."""


def page(title: str, sections: Sequence[Section]) -> str:
    """Return sections as an HTML page that needs no other file; empty sections are left out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("asymnas.report", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    filled = [item for item in sections if item.note or item.text or item.rows or item.figures or item.details]
    return environment.get_template("report.html.j2").render(title=title, sections=filled)


def print_sections(sections: Iterable[Section], console: Console | None = None) -> None:
    """Print sections, but those that have figures alone, to standard output or another console."""
    out = console or Console()
    if console is None and not out.is_terminal:
        out.width = max(out.width, FILE_WIDTH)
    for section in sections:
        if not (section.rows or section.text or (section.note and not section.figures)):
            continue
        for line, style in ((section.title, "bold"), (section.note, ""), (section.text, "")):
            if line:
                out.print(Text(line, style=style), soft_wrap=True)
        if section.rows:
            _print_whole(out, _table(section))
        if not section.head:  # a table with a head ends with an empty line
            out.print()


def _table(section: Section) -> Table:
    table = Table(box=SIMPLE_HEAD if section.head else None, pad_edge=False, show_header=bool(section.head))
    for index, numeric in enumerate(section.numeric):
        head = Text(section.head[index]) if index < len(section.head) else ""
        table.add_column(head, justify="right" if numeric else "left", no_wrap=True)
    for row in section.rows:
        table.add_row(*map(Text, row))
    return table


def _print_whole(out: Console, table: Table) -> None:
    """Print a table without cutting it: where the terminal is narrower, it wraps the lines."""
    before = out.width
    out.width = max(before, Measurement.get(out, out.options.update(max_width=10_000), table).maximum)
    out.print(table, crop=False)
    out.width = before
