"""`asymnas diagnose`: how far the scores of a run can be trusted to rank architectures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core import commands
from asymnas.core.commands import command, stderr
from asymnas.core.errors import JobError, Problem


@command
def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a search.")],
    items: Annotated[
        int | None, typer.Option("--items", min=2, metavar="N", help="Measure a sample on N items never used before.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=3, metavar="K", help="Random architectures of the sample.")
    ] = 16,
    archive: Annotated[
        int, typer.Option("--archive", min=0, metavar="K", help="Architectures of the search in the sample too.")
    ] = 0,
    reward: Annotated[
        str | None, typer.Option("--reward", metavar="NAME", help="Measure the sample by this reward of the task.")
    ] = None,
    recalibration: Annotated[
        bool, typer.Option("--recalibration", help="Measure the sample with 1, 2, 4, 8, 16 recalibration batches.")
    ] = False,
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Measure the sample under each condition of the task.")
    ] = False,
    seeds: Annotated[
        list[Path], typer.Option("--seeds", metavar="RUN2", help="Another run whose supernet is compared; repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    standalone: Annotated[
        int | None, typer.Option("--standalone", min=4, metavar="N", help="Train N architectures alone, and compare.")
    ] = None,
    hold: Annotated[
        list[str],
        typer.Option(
            "--hold", metavar="BRANCH", help="With --standalone: N more with the best one's BRANCH; repeatable."
        ),
    ] = [],  # noqa: B006 - typer copies it
    workers: commands.Workers = None,
    engine: commands.EngineOption = None,
    file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the diagnosis to FILE, as JSON.")
    ] = None,
) -> None:
    """Say how well the scores of a search rank architectures: from its log alone, or by measuring a sample anew.

    Example: asymnas diagnose runs/vlt_scar --items 100 --sample 16
    """
    from asymnas.report import diagnosis_sections, make_progress, print_sections, write_report
    from asymnas.study import diagnose as diagnosed

    measures = items or recalibration or conditions or seeds or standalone
    for option, given in (("--reward", reward), ("--archive", archive or None)):
        if given is not None and not measures:
            rule, way_out = (
                "says what a sample is measured by",
                "Add --items, --conditions, --recalibration or --seeds.",
            )
            raise JobError(Problem(option, rule, str(given), way_out))
    if hold and not standalone:
        raise JobError(Problem("--hold", "is of architectures trained alone", ", ".join(hold), "Add --standalone N."))
    with make_progress(stderr()) as progress:
        found = diagnosed(
            run, items=items, sample=sample, archive=archive, reward=reward, recalibration=recalibration,
            conditions=conditions, seeds=seeds, standalone=standalone, hold=hold, workers=workers, engine=engine,
            progress=progress,
        )  # fmt: skip
        report = write_report(run)
    if file is not None:
        found.write(file)
    print_sections(diagnosis_sections(found))
    typer.echo(f"report: {report}")
