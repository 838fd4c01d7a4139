"""`asymnas doctor`: what is installed and found on this machine."""

from __future__ import annotations

import typer

from asymnas.core.commands import DataRoot, Json, command, print_json


@command
def doctor(data_root: DataRoot = None, as_json: Json = False) -> None:
    """Show what is installed, which roots are set, which data sets are found; exit code 1 if something is wrong.

    Example: asymnas doctor --data-root /path/to/data
    """
    from asymnas.report import examine, mapping_sections, print_sections

    found = examine(data_root)
    if as_json:
        print_json(found)
    else:
        print_sections(mapping_sections("machine", {key: value for key, value in found.items() if key != "problems"}))
        typer.echo("\n".join(f"problem: {problem}" for problem in found["problems"]) or "no problems")
    if found["problems"]:
        raise typer.Exit(1)
