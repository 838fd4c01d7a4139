"""`asymnas compare`: the same search by several arms and seeds."""

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
    like: Annotated[
        Path | None, typer.Option("--like", metavar="RUN", help="A finished comparison that tells how scores vary.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the arms, say what difference they will be able to show, and stop.")
    ] = False,
    as_json: commands.Json = False,
) -> None:
    """Run one job by several arms with equal seeds, items and budgets, and say whether they differ.

    Says before it starts how small a difference it will see.

    Example: asymnas compare compare_symmetry --resume
    """
    from asymnas.job import launch_compare

    loaded = launch_compare(job, overrides, data_root=data_root)
    from asymnas.report import make_progress, power_sections, print_sections, print_summary, write_report
    from asymnas.study import plan_compare, run_compare

    folder = run or Path("runs") / loaded.name
    if dry_run:
        power = plan_compare(loaded, folder, like)
        print_json(power) if as_json else print_sections(power_sections(power))
        return
    console = stderr()
    with interruptible(), make_progress(console, silent=as_json) as progress:
        summary = run_compare(
            loaded,
            folder,
            resume=resume,
            fresh=fresh,
            like=like,
            progress=progress,
            on_power=None if as_json else lambda power: print_sections(power_sections(power), console),
        )
        for written in (folder, *(folder / item.name for item in loaded.runs)):
            write_report(written)
    print_json(summary) if as_json else print_summary(summary, folder)
