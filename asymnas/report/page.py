"""Sections as one self-contained page, by the template `report.html.j2`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from asymnas.report.sections import Section

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["page"]


def page(title: str, sections: Sequence[Section]) -> str:
    """Return sections as an HTML page that needs no other file; empty sections are left out."""
    filled = [item for item in sections if item.note or item.text or item.rows or item.figures or item.details]
    return _template().render(title=title, sections=filled)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("asymnas.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.j2")
