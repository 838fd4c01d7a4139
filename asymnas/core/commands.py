"""What the subcommands of all rooms share: options, consoles, errors as messages, JSON on stdout."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import shlex
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.logging import RichHandler

from asymnas.core.errors import AsymNASError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout and nothing else.")]
Overrides = Annotated[
    list[str], typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a value (`a.b=c`) or drop it (`~a.b`).")
]
RunPath = Annotated[Path | None, typer.Option("--run", metavar="DIR", help="The run folder; runs/<job> by default.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run that the folder holds.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Move the run that the folder holds aside and start again.")]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", metavar="DIR", help="Folder of the real data sets; else ASYMNAS_DATA.")
]


class Engine(StrEnum):
    """Where candidates are evaluated and the supernet is trained."""

    ray = "ray"
    inprocess = "inprocess"


Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; changes no result.")]
Address = Annotated[str | None, typer.Option("--address", help="Address of a Ray cluster.")]
EngineOption = Annotated[Engine | None, typer.Option("--engine", help="ray, or inprocess without Ray.")]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""


def stderr() -> Console:
    """The console of messages, logs and progress."""
    return Console(stderr=True)


def print_json(data: Any) -> None:
    """Print data, or a pydantic model, as JSON on stdout."""
    if isinstance(data, BaseModel):
        typer.echo(data.model_dump_json(indent=2))  # writes NaN as null
    else:
        typer.echo(json.dumps(data, indent=2, allow_nan=False))


def command(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make a function a well-behaved subcommand: an error of the user's is a message on stderr and exit code 2."""

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with _logging():
                return function(*args, **kwargs)
        except AsymNASError as error:
            for problem in error.problems:
                typer.echo(f"error: {problem}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Print, after Ctrl-C, how the run is continued."""
    try:
        yield
    except KeyboardInterrupt:
        program = Path(sys.argv[0]).name
        started = ["python", "-m", "asymnas"] if program == "__main__.py" else [program]
        words = [word for word in sys.argv[1:] if word not in ("--fresh", "--resume")]
        typer.echo(f"interrupted; resume with: {shlex.join([*started, *words, '--resume'])}", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Show warnings of asymnas, and notes about jobs, on stderr while a command runs."""
    handler = RichHandler(console=stderr(), show_time=False, show_path=False, show_level=False, markup=False)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name == "asymnas.job")
    logger = logging.getLogger("asymnas")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
