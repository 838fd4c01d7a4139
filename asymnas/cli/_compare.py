"""`asymnas compare`: the same search over several spaces and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, interruptible, print_json, stderr


@command
def compare(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A compare job, or the name of a shipped one.")],
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    run: commands.RunPath = None,
    resume: commands.Resume = False,
    fresh: commands.Fresh = False,
    data_root: commands.DataRoot = None,
    as_json: commands.Json = False,
) -> None:
    """Run one job over several spaces with equal seeds, items and budgets, and say whether they differ.

    Example: asymnas compare compare_symmetry --resume
    """
    from asymnas.job import launch_compare

    loaded = launch_compare(job, overrides, data_root=data_root)
    from asymnas.report import make_progress, print_summary, write_report
    from asymnas.study import run_compare

    folder = run or Path("runs") / loaded.name
    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        summary = run_compare(loaded, folder, resume=resume, fresh=fresh, progress=progress)
        for written in (folder, *(folder / arm.name for arm in loaded.arms)):
            write_report(written)
    print_json(summary) if as_json else print_summary(summary, folder)
