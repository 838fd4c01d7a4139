"""`asymnas bench`: a table of the truth, built, shown, and searched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, interruptible, print_json, stderr
from asymnas.core.errors import JobError, Problem

bench = typer.Typer(
    help="A table of the truth: all architectures of a small space, each trained alone; and searches of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

TableFile = Annotated[
    Path | None, typer.Option("--table", metavar="NPZ", help="The table; by default the shipped one.")
]


@bench.command("build")
@command
def build(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Job with space, data and training.")] = "bench_audiovisual",
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    space: Annotated[str | None, typer.Option("--space", help="Another space of at most 1,024 architectures.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="NPZ", help="The table to write.")] = Path("table.npz"),
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each architecture.")] = 3,
    part: Annotated[
        str, typer.Option("--part", metavar="I/N", help="Do every N-th training from the I-th on.")
    ] = "1/1",
    workers: commands.Workers = None,
    address: commands.Address = None,
    engine: commands.EngineOption = None,
    as_json: commands.Json = False,
) -> None:
    """Train every architecture of a space alone with several seeds and write the table.

    A build that was killed goes on when it is started again: what is done is in a log beside the table.
    """
    from asymnas.job import launch_job

    nothing = ["search.algorithm=random", "search.population=1", "search.budget=1"]  # fits a space of any size
    changes = [*([] if space is None else [f"space={space}"]), *overrides, *nothing]
    loaded = launch_job(job, changes, engine=engine, workers=workers, address=address)
    from asymnas.report import make_progress
    from asymnas.study import build_table

    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        table = build_table(loaded, out, seeds=seeds, part=_part(part), progress=progress)
    if table is None:
        stderr().print(f"Part {part} is done. Bring the logs of all parts together and build without --part.")
    else:
        print_json(table.header.model_dump(include={"name", "seeds", "seconds", "fingerprint"}))


def _part(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise JobError(Problem("--part", "must be I/N with 1 <= I <= N", repr(text)))
    return int(first), int(second)
