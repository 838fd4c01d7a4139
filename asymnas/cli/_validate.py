"""`asymnas validate`: everything that is wrong with a file, at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from asymnas.core.commands import Json, command, print_json


@command
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Jobs, compare jobs, spaces, architectures.")],
    as_json: Json = False,
) -> None:
    """Check files and print all their problems; exit code 2 if there are any.

    Example: asymnas validate jobs/vlt_scar.yaml my_space.yaml runs/vlt_scar/architecture.json
    """
    from asymnas.job import validate_file

    found = {file: validate_file(file) for file in files}
    if as_json:
        print_json({file: [asdict(problem) for problem in problems] for file, problems in found.items()})
    else:
        for file, problems in found.items():
            for problem in problems:
                typer.echo(f"error: {problem}", err=True)
            count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
            typer.echo(f"{file}: {count if problems else 'valid'}")
    if any(found.values()):
        raise typer.Exit(2)
