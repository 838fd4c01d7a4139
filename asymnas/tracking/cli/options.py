"""Options that commands of tracking share: KEY=VALUE pairs, and the weights of a tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from asymnas.core.errors import JobError, Problem, shown

TrackerOptions = Annotated[
    list[str], typer.Option("--option", metavar="KEY=VALUE", help="An option of the tracker; may be repeated.")
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Weights of a tracker that has no run: .safetensors, such as `asymnas convert` writes.",
    ),
]

DatasetName = Annotated[str, typer.Option("--dataset", metavar="NAME", help="A data set of `asymnas list datasets`.")]
Split = Annotated[str | None, typer.Option("--split", help="Its split; the benchmark's own by default.")]
Protocol = Annotated[
    str | None, typer.Option(metavar="NAME", help="The protocol; that of the data set's own toolkit by default.")
]
Plots = Annotated[
    Path | None, typer.Option("--plots", metavar="DIR", help="Write plots (PNG) and a page with everything there.")
]


def read_options(texts: list[str]) -> dict[str, Any]:
    """Read `--option` texts; values are read as those of a job."""
    from asymnas.core.document import parse

    found: dict[str, Any] = {}
    problems = []
    for text in texts:
        key, equals, value = text.partition("=")
        if key in found:
            problems.append(Problem("--option", "an option must be given once", shown(text), "Leave one out."))
        try:
            given = parse(value, f"--option {key}")
            problems += given.problems
            found[key] = given.data
        except JobError:
            equals = ""
        if not equals or not key:
            way_out = "Write `--option folder=lasot`."
            problems.append(Problem("--option", "must be KEY=VALUE, the value as YAML", shown(text), way_out))
    if problems:
        raise JobError(problems)
    return found
