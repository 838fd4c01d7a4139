"""`asymnas eval`: result files of any tracker and toolkit, scored under a named protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from asymnas.core.commands import DataRoot, Json, command, print_json
from asymnas.core.errors import DataError, Problem
from asymnas.tracking.cli.options import DatasetName, Plots, Protocol, Split


@command
def eval_(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders or archives of result files, of any toolkit.")
    ],
    dataset: DatasetName,
    split: Split = None,
    protocol: Protocol = None,
    versus: Annotated[
        str | None,
        typer.Option("--vs", metavar="RESULTS|TRACKER", help="Compare with this tracker, paired over videos."),
    ] = None,
    data_root: DataRoot = None,
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Annotations alone: a folder, archive or file of the benchmark's toolkit."),
    ] = None,
    result_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="The form of the result files; found out by default.")
    ] = "auto",
    base: Annotated[
        int | None, typer.Option(min=0, max=1, help="The first pixel in the result files; found out by default.")
    ] = None,
    corners: Annotated[
        str | None, typer.Option(metavar="FORM", help="Rows are xywh, xyxy or xyxy-inclusive; found out by default.")
    ] = None,
    first_row: Annotated[
        Literal["auto", "present", "missing"], typer.Option(help="Whether files have a row of the first frame.")
    ] = "auto",
    repetition: Annotated[int, typer.Option(min=1, help="Which of several repetitions is scored (GOT-10k).")] = 1,
    missing: Annotated[
        Literal["error", "skip", "zero"],
        typer.Option(help="Without all videos: reject the tracker, score the rest, or count misses."),
    ] = "error",
    plots: Plots = None,
    as_json: Json = False,
) -> None:
    """Score result files under a named protocol; needs no frames where the annotations suffice.

    Example: asymnas eval results/ATOM --dataset lasot --vs results/SiamFC --plots plots
    """
    from asymnas.report import print_sections
    from asymnas.tracking.benchmark.evaluate import evaluate_results
    from asymnas.tracking.benchmark.sections import benchmark_sections, write_benchmark

    if data_root is not None and annotations is not None:
        rule = "give one of them: both say where the annotations lie"
        raise DataError(Problem("--data-root, --annotations", rule, "", "Drop one."))
    report = evaluate_results(
        results,
        dataset,
        split=split,
        protocol=protocol,
        versus=versus,
        root=annotations or data_root,
        missing=missing,
        format=result_format,
        base=base,
        corners=corners,
        first_row=first_row,
        repetition=repetition,
    )
    files = write_benchmark(report, plots) if plots is not None else []
    if as_json:
        print_json({**report.to_dict(), "files": [str(file) for file in files]})
        return
    print_sections(benchmark_sections(report))
    if files:
        typer.echo("plots: " + ", ".join(str(file) for file in files))
