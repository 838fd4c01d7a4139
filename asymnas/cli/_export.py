"""`asymnas export`: an architecture in other programs' formats."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asymnas.cli._common import command

__all__ = ["Format", "export"]


class Format(StrEnum):
    """What can be written."""

    json = "json"
    sots = "sots"
    nni = "nni"


@command
def export(
    source: Annotated[Path, typer.Argument(metavar="RUN|JSON", help="A run folder or an architecture.json.")],
    to: Annotated[Format, typer.Option("--to", help="json: architecture.json; sots: CAND lists; nni: an NNI sample.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; stdout by default.")] = None,
) -> None:
    """Write an architecture as architecture.json, as a CAND list of SOTS, or as an NNI sample."""
    from asymnas.job import write_text
    from asymnas.report import exported

    text = exported(source, to)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
