"""`asymnas search`: from a job to a found architecture."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from asymnas.cli._common import (
    Address,
    DataRoot,
    EngineOption,
    Fresh,
    Json,
    Overrides,
    Resume,
    RunPath,
    Workers,
    command,
    interruptible,
    print_json,
    stderr,
)

__all__ = ["search"]


@command
def search(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job file, or the name of a shipped job.")],
    overrides: Overrides = [],  # noqa: B006 - typer copies it
    run: RunPath = None,
    resume: Resume = False,
    fresh: Fresh = False,
    workers: Workers = None,
    address: Address = None,
    engine: EngineOption = None,
    data_root: DataRoot = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build all, do one training step and one candidate, print the cost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train the supernet of a job, search it, and score what was found on held-out videos."""
    from asymnas.job import launch_job

    loaded = launch_job(
        job, overrides, engine=engine, workers=workers, address=address, data_root=data_root, files=not resume
    )
    from asymnas.report import make_progress, print_dry_run, print_summary
    from asymnas.study import dry_run as rehearse
    from asymnas.study import run_job

    folder = run or Path("runs") / loaded.name
    resumable = nullcontext() if dry_run else interruptible()
    with resumable, make_progress(stderr(), silent=as_json) as progress:
        if dry_run:
            result = rehearse(loaded, progress)
        else:
            result = run_job(loaded, folder, resume=resume, fresh=fresh, progress=progress)
    if as_json:
        print_json(result)
    elif dry_run:
        print_dry_run(result)
    else:
        print_summary(result, folder)
