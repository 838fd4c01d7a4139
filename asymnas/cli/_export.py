"""`asymnas export`: an architecture in other programs' formats."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asymnas.core.commands import command
from asymnas.core.errors import DataError, Problem

if TYPE_CHECKING:
    from asymnas.space import ArchitectureFile


class Format(StrEnum):
    """What can be written."""

    json = "json"
    sots = "sots"
    nni = "nni"
    vot = "vot"


@command
def export(
    source: Annotated[
        str, typer.Argument(metavar="RUN|JSON", help="A run folder, an architecture.json, or a shipped architecture.")
    ],
    to: Annotated[
        Format,
        typer.Option(
            "--to", help="json: architecture.json; sots: CAND lists; nni: NNI sample; vot: trackers.ini of vot-toolkit"
        ),
    ] = Format.json,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, for vot a folder; stdout by default.")
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            help="Of a search of several objectives, one of its Pareto front: knee, best-OBJECTIVE, 'macs<=3e7', "
            "or its number in the report."
        ),
    ] = None,
    sentences: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For vot: a file of sentences, as for `asymnas test --language`."),
    ] = None,
) -> None:
    """Write an architecture as architecture.json, CAND lists of SOTS or an NNI sample, or a run for vot-toolkit.

    Example: asymnas export runs/vlt_scar --to sots -o cand.yaml
    """
    from asymnas.core.files import write_text
    from asymnas.space import load_architecture

    if pick is not None and to is Format.vot:
        way_out = "Train the picked architecture with `asymnas retrain` and export that run."
        raise DataError(Problem("--pick", "goes not with --to vot", repr(pick), way_out))
    if to is Format.vot:
        _export_vot(source, output, sentences)
        return
    if sentences is not None:
        raise DataError(Problem("--sentences", "goes with --to vot", f"--to {to}", "Leave it out."))
    folder = Path(source)
    found = load_architecture(folder / "architecture.json" if folder.is_dir() else source)
    text = _written(found if pick is None else _picked(found, folder, pick), to)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)


def _picked(found: ArchitectureFile, folder: Path, pick: str) -> ArchitectureFile:
    """One architecture of the run's Pareto front, in the place of the best."""
    from dataclasses import replace

    from asymnas.runs.pareto import PARETO, ParetoFile

    file = folder / PARETO
    if not file.is_file():
        rule, way_out = "needs a run that searched by several objectives", "Search with `search.algorithm: nsga2`."
        raise DataError(Problem("--pick", rule, str(folder), way_out))
    point = ParetoFile.read(file).pick(pick)
    architecture = found.architecture.space.architecture(point.genes)
    metric, value = next(iter(point.values.items()))
    score = {"metric": metric, "value": value, "objectives": point.values}
    provenance = {**found.provenance, "picked": pick}
    cost = architecture.space.cost(architecture).to_dict()
    return replace(found, architecture=architecture, score=score, cost=cost, provenance=provenance)


def _export_vot(source: str, output: Path | None, sentences: Path | None) -> None:
    """The tracker's section in the folder's trackers.ini, or on stdout."""
    from asymnas.interop.vot import add_tracker, tracker_section

    identifier, section = tracker_section(source, sentences=sentences)
    if output is None:
        typer.echo(section, nl=False)
        return
    file = add_tracker(output, identifier, section)
    typer.echo(f"{identifier}: {file}; evaluate it with: vot evaluate --workspace {output} {identifier}", err=True)


def _written(found: ArchitectureFile, to: Format) -> str:
    if to is Format.sots:
        from asymnas.interop.sots import cand_yaml

        return cand_yaml(found.architecture)
    if to is Format.nni:
        from asymnas.search.nni import to_sample

        return json.dumps(to_sample(found.architecture), indent=2) + "\n"
    from asymnas.space import architecture_content

    content = architecture_content(found.architecture, score=found.score, cost=found.cost, provenance=found.provenance)
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
