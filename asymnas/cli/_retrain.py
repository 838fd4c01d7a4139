"""`asymnas retrain`: trains the model of one architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, interruptible, print_json, stderr


@command
def retrain(
    architecture: Annotated[
        str, typer.Argument(metavar="RUN|JSON", help="A run folder, an architecture.json, or a shipped architecture.")
    ],
    job: Annotated[
        str | None, typer.Option("--job", help="Job that says how to train; by default the one it was found by.")
    ] = None,
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    run: commands.RunPath = None,
    resume: commands.Resume = False,
    fresh: commands.Fresh = False,
    workers: commands.Workers = None,
    address: commands.Address = None,
    engine: commands.EngineOption = None,
    data_root: commands.DataRoot = None,
    as_json: commands.Json = False,
) -> None:
    """Train one architecture from scratch, as a model of its own, and score it on the test items.

    Example: asymnas retrain runs/vlt_scar/architecture.json
    """
    from asymnas.job import launch_job, recorded_job

    folder = Path(architecture)
    source = str(folder / "architecture.json") if folder.is_dir() else architecture
    source_job = job or recorded_job(source)
    loaded = launch_job(
        source_job, overrides, engine=engine, workers=workers, address=address, data_root=data_root, files=not resume
    )
    from asymnas.report import make_progress, print_summary, write_report
    from asymnas.study import retrain as train

    folder = run or Path("runs") / f"{loaded.name}-retrain"
    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        summary = train(source, loaded, folder, resume=resume, fresh=fresh, progress=progress)
        write_report(folder)
    print_json(summary) if as_json else print_summary(summary, folder)
