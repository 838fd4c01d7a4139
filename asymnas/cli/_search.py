"""`asymnas search`: from a job to a found architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, interruptible, print_json, stderr


@command
def search(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job file, or the name of a shipped job.")],
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    run: commands.RunPath = None,
    resume: commands.Resume = False,
    fresh: commands.Fresh = False,
    workers: commands.Workers = None,
    address: commands.Address = None,
    engine: commands.EngineOption = None,
    data_root: commands.DataRoot = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build all, do one training step and one candidate, print the cost.")
    ] = False,
    as_json: commands.Json = False,
) -> None:
    """Train the supernet of a job, search it, and score what was found on held-out items.

    Example: asymnas search vlt_scar --workers 2 --set training.steps=2000
    """
    from asymnas.job import launch_job

    loaded = launch_job(
        job, overrides, engine=engine, workers=workers, address=address, data_root=data_root, files=not resume
    )
    from asymnas.report import make_progress, print_dry_run, print_summary, write_report
    from asymnas.runs import read_diagnosis
    from asymnas.study import dry_run as rehearse
    from asymnas.study import run_job

    folder = run or Path("runs") / loaded.name
    if dry_run:
        with make_progress(stderr(), silent=as_json) as progress:
            measured = rehearse(loaded, progress)
        print_json(measured) if as_json else print_dry_run(measured)
        return
    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        summary = run_job(loaded, folder, resume=resume, fresh=fresh, progress=progress)
        write_report(folder)
    if as_json:
        print_json(summary)
        return
    print_summary(summary, folder)
    if (found := read_diagnosis(folder)) is not None:
        typer.echo(found.sentence)
