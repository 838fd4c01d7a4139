"""`asymnas report`: the report of a run or comparison, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.cli._common import Json, command, print_json

__all__ = ["report"]


@command
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run or of a comparison.")],
    as_json: Json = False,
) -> None:
    """Write report.html into a run folder and print its table; finished and unfinished runs alike."""
    from asymnas.report import print_run, write_report
    from asymnas.runs.folder import RunFolder
    from asymnas.runs.read import read_results

    RunFolder.check_made(run)
    path = write_report(run)
    if as_json:
        print_json({"report": str(path), **read_results(run)})
        return
    print_run(run)
    typer.echo(f"report: {path}")
