"""`asymnas export`: an architecture in other programs' formats."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asymnas.cli._common import command

if TYPE_CHECKING:
    from asymnas.space import ArchitectureFile

__all__ = ["Format", "export"]


class Format(StrEnum):
    """What can be written."""

    json = "json"
    sots = "sots"
    nni = "nni"


@command
def export(
    source: Annotated[
        str, typer.Argument(metavar="RUN|JSON", help="A run folder, an architecture.json, or a shipped architecture.")
    ],
    to: Annotated[Format, typer.Option("--to", help="json: architecture.json; sots: CAND lists; nni: an NNI sample.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; stdout by default.")] = None,
) -> None:
    """Write an architecture as architecture.json, as the CAND lists of SOTS, or as an NNI sample."""
    from asymnas.job import write_text
    from asymnas.space import load_architecture

    folder = Path(source)
    text = _written(load_architecture(folder / "architecture.json" if folder.is_dir() else source), to)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)


def _written(found: ArchitectureFile, to: Format) -> str:
    if to is Format.sots:
        from asymnas.interop.sots import cand_yaml

        return cand_yaml(found.architecture)
    if to is Format.nni:
        from asymnas.interop.nni import to_sample

        return json.dumps(to_sample(found.architecture), indent=2) + "\n"
    from asymnas.space import architecture_content

    content = architecture_content(
        found.architecture, score=found.score, cost=found.cost, provenance=found.provenance
    )
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
