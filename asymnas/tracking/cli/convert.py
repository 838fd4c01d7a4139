"""`asymnas convert`: public weights as a weight file of a tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asymnas.core.commands import Json, command, print_json
from asymnas.tracking.cli.options import read_options


@command
def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A public checkpoint: .pth of tensors, or .safetensors.")
    ],
    tracker: Annotated[str, typer.Option("--to", metavar="TRACKER", help="Whose weights they are, such as siamcar.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The weight file to write: .safetensors.")],
    option: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the tracker, over public=true; may be repeated."),
    ] = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Convert the public weights of a tracker into a file that `test` and `track` read with --weights.

    Example: asymnas convert SiamCAR.pth --to siamcar -o siamcar.safetensors
    """
    from asymnas.tracking import get_tracker
    from asymnas.tracking.benchmark.weights import convert_weights

    note = convert_weights(file, get_tracker(tracker), read_options(option), output)
    if as_json:
        print_json({**note.model_dump(mode="json"), "file": str(output)})
    else:
        typer.echo(f"{output}: weights of {note.tracker} over {note.space['name']}")
