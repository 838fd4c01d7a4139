"""`asymnas compare`: the same search over several spaces and seeds."""

from __future__ import annotations

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

__all__ = ["compare"]


@command
def compare(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A compare job, or the name of a shipped one.")],
    overrides: Overrides = [],  # noqa: B006 - typer copies it
    run: RunPath = None,
    resume: Resume = False,
    fresh: Fresh = False,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Run one job over several spaces with equal seeds, videos and budgets, and say whether they differ."""
    from asymnas.job import launch_compare

    loaded = launch_compare(job, overrides, data_root=data_root)
    from asymnas.report import make_progress, print_summary
    from asymnas.study import run_compare

    folder = run or Path("runs") / loaded.name
    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        result = run_compare(loaded, folder, resume=resume, fresh=fresh, progress=progress)
    if as_json:
        print_json(result)
    else:
        print_summary(result, folder)
