"""The `asymnas` program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from asymnas._version import __version__
from asymnas.cli._compare import compare
from asymnas.cli._doctor import doctor
from asymnas.cli._export import export
from asymnas.cli._list import list_
from asymnas.cli._report import report
from asymnas.cli._retrain import retrain
from asymnas.cli._search import search
from asymnas.cli._space import space
from asymnas.cli._validate import validate
from asymnas.tracking.cli.data import data
from asymnas.tracking.cli.eval import eval_
from asymnas.tracking.cli.test import test
from asymnas.tracking.cli.track import track

__all__ = ["app"]

app = typer.Typer(
    name="asymnas",
    help="Architecture search for models that read several inputs at once, each with a network of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

EPILOGS: dict[Callable[..., None], str] = {
    search: "Example: asymnas search vlt_scar --workers 2 --set training.steps=2000",
    compare: "Example: asymnas compare compare_symmetry --resume",
    space: "Example: asymnas space vlt_asymmetric; asymnas space diff vlt_asymmetric vlt_symmetric",
    list_: "Example: asymnas list datasets",
    validate: "Example: asymnas validate jobs/vlt_scar.yaml my_space.yaml runs/vlt_scar/architecture.json",
    export: "Example: asymnas export runs/vlt_scar --to sots -o cand.yaml",
    retrain: "Example: asymnas retrain runs/vlt_scar/architecture.json",
    doctor: "Example: asymnas doctor --data-root /path/to/data",
    report: "Example: asymnas report runs/vlt_scar",
    test: "Example: asymnas test runs/vlt_scar mil static --dataset otb99_lang --language with,without --workers 2",
    track: 'Example: asymnas track dog.mp4 --box 120,80,40,60 --text "the brown dog" --run runs/vlt_scar -o out.mp4',
    eval_: "Example: asymnas eval results/ATOM --dataset lasot --vs results/SiamFC --plots plots",
}

for function, epilog in EPILOGS.items():
    name = function.__name__.rstrip("_")
    app.command(name, epilog=epilog, no_args_is_help=function not in (list_, doctor))(function)

app.add_typer(data)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass
