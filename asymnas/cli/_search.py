"""`asymnas search`: from a job to a found architecture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asymnas.cli._common import (
    DataRoot,
    Fresh,
    Json,
    Overrides,
    Resume,
    RunPath,
    command,
    interruptible,
    print_json,
    stderr,
)

__all__ = ["Engine", "search"]


class Engine(StrEnum):
    """Where candidates are evaluated and the supernet is trained."""

    ray = "ray"
    inprocess = "inprocess"


@command
def search(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job file, or the name of a shipped job.")],
    overrides: Overrides = [],  # noqa: B006 - typer copies it
    run: RunPath = None,
    resume: Resume = False,
    fresh: Fresh = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; changes no result.")] = None,
    address: Annotated[str | None, typer.Option("--address", help="Address of a Ray cluster.")] = None,
    engine: Annotated[Engine | None, typer.Option("--engine", help="ray, or inprocess without Ray.")] = None,
    data_root: DataRoot = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build all, do one training step and one candidate, print the cost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train the supernet of a job, search it, and score what was found on held-out videos."""
    from asymnas.job import launch_job

    loaded = launch_job(job, overrides, engine=engine, workers=workers, address=address, data_root=data_root)
    from asymnas.report import make_progress, print_dry_run, print_summary
    from asymnas.study import dry_run as rehearse
    from asymnas.study import run_job

    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        if dry_run:
            result = rehearse(loaded, progress)
        else:
            folder = run or Path("runs") / loaded.name
            result = run_job(loaded, folder, resume=resume, fresh=fresh, progress=progress)
    if as_json:
        print_json(result)
    elif dry_run:
        print_dry_run(result)
    else:
        print_summary(result, folder)
