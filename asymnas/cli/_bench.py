"""`asymnas bench`: a table of the truth, built, shown, and searched."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, print_json, stderr
from asymnas.core.errors import JobError, Problem
from asymnas.core.files import disk_errors, write_whole

bench = typer.Typer(
    help="A table of the truth: all architectures of a small space, each trained alone; and searches of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class NoiseKind(StrEnum):
    """What an evaluation of `asymnas bench run` sees."""

    seed = "seed"
    items = "items"
    none = "none"


TableFile = Annotated[
    Path | None,
    typer.Option("--table", metavar="NPZ", help="A table of `asymnas bench build`; by default that of AsymNAS itself."),
]


@bench.command("build")
@command
def build(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Job with space, data and training.")] = "bench_audiovisual",
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    space: Annotated[str | None, typer.Option("--space", help="Another space of at most 1,024 architectures.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="NPZ", help="The table to write.")] = Path("table.npz"),
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each architecture.")] = 3,
    part: Annotated[str, typer.Option("--part", metavar="I/N", help="Every N-th training from the I-th on.")] = "1/1",
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
    share = _part(part)
    loaded = launch_job(job, changes, engine=engine, workers=workers, address=address)
    from asymnas.report import make_progress
    from asymnas.study import build_table

    with make_progress(stderr(), silent=as_json) as progress:
        table = build_table(loaded, out, seeds=seeds, part=share, progress=progress)
    if table is None:
        stderr().print(f"Part {part} is done. Bring the logs of all parts together and build without --part.")
    else:
        print_json(table.header.model_dump(include={"name", "seeds", "seconds", "fingerprint"}))


@bench.command("show")
@command
def show(table: TableFile = None, as_json: commands.Json = False) -> None:
    """Say what a table of the truth tells: spread, seed noise, what matters, symmetric against asymmetric.

    Example: asymnas bench show --json
    """
    from asymnas.report import print_sections, truth_sections
    from asymnas.study import read_table, summarise_truth

    truth = summarise_truth(read_table(table))
    print_json(truth) if as_json else print_sections(truth_sections(truth))


@bench.command("run", no_args_is_help=True)
@command
def run(
    arms: Annotated[
        list[str], typer.Argument(metavar="ARM...", help="Searchers, each with +ladder, +estimator, both or neither.")
    ],
    overrides: commands.Overrides = [],  # noqa: B006 - typer copies it
    job: Annotated[
        str, typer.Option("--job", metavar="JOB", help="Job whose `search` section has the searchers' options.")
    ] = "bench_audiovisual",
    table: TableFile = None,
    seeds: Annotated[int, typer.Option("--seeds", min=2, help="Searches of each arm.")] = 100,
    budget: Annotated[int, typer.Option("--budget", min=1, help="Evaluations that an arm may pay for.")] = 64,
    items: Annotated[int, typer.Option("--items", min=1, help="Validation items of an evaluation.")] = 50,
    noise: Annotated[
        NoiseKind, typer.Option("--noise", help="An evaluation sees one training, the mean over all, or the truth.")
    ] = NoiseKind.seed,
    population: Annotated[int, typer.Option("--population", min=2, help="Architectures a generation.")] = 16,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="PNG", help="Draw the regret curves.")] = None,
    as_json: commands.Json = False,
) -> None:
    """Search a table at equal cost with many seeds and show the regret of each arm.

    Example: asymnas bench run evolution+ladder+estimator evolution random --seeds 100
    """
    from asymnas.report import bench_sections, make_progress, print_sections, regret_plot
    from asymnas.study import BenchSettings, read_table, run_bench

    settings = BenchSettings(budget, items, noise.value, population)
    found = read_table(table)
    with make_progress(stderr(), silent=as_json) as progress:
        result = run_bench(found, arms, job=job, overrides=overrides, settings=settings, seeds=seeds, progress=progress)
    if plot is not None:
        with disk_errors(plot):
            write_whole(plot, regret_plot(result))
    print_json(result) if as_json else print_sections(bench_sections(result))


@bench.command("supernet")
@command
def supernet(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a search over the table's space.")],
    table: TableFile = None,
    as_json: commands.Json = False,
) -> None:
    """Compare the scores that architectures had inside a run's supernet with what they are worth trained alone.

    Example: asymnas bench supernet runs/bench_audiovisual
    """
    from asymnas.report import against_sections, print_sections
    from asymnas.runs import read_run
    from asymnas.study import against_truth, read_table

    found = against_truth(read_table(table), read_run(run).evaluations)
    print_json(found) if as_json else print_sections(against_sections(found))


def _part(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise JobError(Problem("--part", "must be I/N with 1 <= I <= N", repr(text)))
    return int(first), int(second)
