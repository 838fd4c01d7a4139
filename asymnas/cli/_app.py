"""The `asymnas` program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from asymnas._version import __version__
from asymnas.cli._bench import bench
from asymnas.cli._compare import compare
from asymnas.cli._diagnose import diagnose
from asymnas.cli._doctor import doctor
from asymnas.cli._export import export
from asymnas.cli._list import list_
from asymnas.cli._report import report
from asymnas.cli._retrain import retrain
from asymnas.cli._search import search
from asymnas.cli._space import space
from asymnas.cli._validate import validate
from asymnas.core.errors import AsymNASError
from asymnas.core.plugins import load_object
from asymnas.task import TASKS

app = typer.Typer(
    name="asymnas",
    help="Architecture search for models that read several inputs at once, each with a network of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _add(name: str, function: Callable[..., None]) -> None:
    """Add a subcommand; the end of its docstring that begins with "Example:" is shown last."""
    text, found, example = (inspect.getdoc(function) or "").partition("Example:")
    needed = any(item.default is item.empty for item in inspect.signature(function).parameters.values())
    epilog = f"Example:{example}" if found else None
    app.command(name, help=text.strip(), epilog=epilog, no_args_is_help=needed)(function)


def _add_commands_of_tasks() -> None:
    """Add those of the installed tasks; `asymnas list tasks` says what is wrong with one that cannot be used."""
    for task in TASKS:
        try:
            commands: dict[str, Any] = {name: load_object(at) for name, at in TASKS.get(task).commands().items()}
        except (AsymNASError, ImportError):
            continue
        for name, command in commands.items():
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name)
            else:
                _add(name, command)


for function in (search, compare, space, list_, validate, export, retrain, diagnose, doctor, report):
    _add(function.__name__.rstrip("_"), function)
app.add_typer(bench, name="bench")
_add_commands_of_tasks()


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
