"""`asymnas list`: what is installed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asymnas.cli._common import Json, command, print_json

__all__ = ["Kind", "list_"]


class Kind(StrEnum):
    """What can be listed."""

    trackers = "trackers"
    datasets = "datasets"
    spaces = "spaces"
    jobs = "jobs"


@command
def list_(
    kind: Annotated[Kind | None, typer.Argument(help="One kind only; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """List trackers, data sets, search spaces and jobs, each with one line."""
    from asymnas.report import catalogue

    kinds = [kind] if kind else list(Kind)
    found = {str(item): catalogue(item) for item in kinds}
    if as_json:
        print_json(found)
        return
    for name, entries in found.items():
        table = Table(title=name, title_justify="left", show_header=False, box=None)
        for entry, summary in entries.items():
            table.add_row(entry, summary)
        Console().print(table)
