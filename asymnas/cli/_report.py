"""`asymnas report`: the report of a run or comparison, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core.commands import Json, command, print_json


@command
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run or of a comparison.")],
    as_json: Json = False,
) -> None:
    """Write report.html into a run folder and print its table; finished and unfinished runs alike.

    Example: asymnas report runs/vlt_scar
    """
    from asymnas.report import print_run, write_report
    from asymnas.runs import read_run

    file = write_report(run)
    if as_json:
        found = read_run(run)
        print_json({"report": str(file), **(found.summary or found.so_far).model_dump(mode="json")})
        return
    print_run(run)
    typer.echo(f"report: {file}")
