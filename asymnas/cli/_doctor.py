"""`asymnas doctor`: what is installed and found on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from asymnas.core.commands import DataRoot, Json, command, print_json

__all__ = ["doctor"]


@command
def doctor(data_root: DataRoot = None, as_json: Json = False) -> None:
    """Tell what is installed, which roots are set, which data sets are found; exit code 1 if something is wrong.

    Example: asymnas doctor --data-root /path/to/data
    """
    from asymnas.report import diagnose

    found = diagnose(data_root)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found["problems"]:
        raise typer.Exit(1)


def _print(found: dict[str, Any]) -> None:
    memory = "" if found["memory_gib"] is None else f", {found['memory_gib']} GiB of memory"
    machine = f"Python {found['python']} on {found['platform']}, {found['cpus']} CPUs{memory}"
    _table("machine", [("asymnas", found["asymnas"]), ("system", machine), *_devices(found)])
    _table(
        "packages",
        [
            (
                row["name"],
                row["version"] or "not installed",
                row["needed"],
                f"extra {row['extra']}" if row["extra"] else "",
            )
            for row in found["packages"]
        ],
    )
    _table("environment", [(name, value or "not set") for name, value in found["environment"].items()])
    title = f"data sets in {found['data_root']}" if found["data_root"] else "data sets (no data root is set)"
    _table(title, [(row["name"], _splits(row) or row["state"]) for row in found["datasets"]])
    encoder = found["encoder"]
    _table("text encoder", [(encoder["name"], encoder["folder"] or "not found")])
    rows = [
        (row["purpose"], row["folder"], f"{row['free_gib']} of {row['total_gib']} GiB free") for row in found["disk"]
    ]
    _table("disk", rows)
    for problem in found["problems"]:
        typer.echo(f"problem: {problem}")
    if not found["problems"]:
        typer.echo("no problems")


def _devices(found: dict[str, Any]) -> list[tuple[str, str]]:
    torch = found["torch"]
    build = (
        "none" if torch is None else f"{torch['version']}, CUDA {torch['cuda'] or 'none'}, {torch['threads']} threads"
    )
    gpus = ", ".join(f"{gpu['name']} ({gpu['memory_gib']} GiB)" for gpu in found["gpus"]) or "none"
    return [("torch", build), ("GPUs", gpus), ("OpenCV trackers", ", ".join(found["opencv_trackers"]) or "none")]


def _splits(row: dict[str, Any]) -> str:
    words = []
    for split, counts in row["splits"].items():
        of = f" of {counts['published']}" if counts["published"] not in (None, counts["videos"]) else ""
        words.append(f"{split} {counts['videos']}{of} videos")
    return ", ".join(words)


def _table(title: str, rows: Iterable[tuple[Any, ...]]) -> None:
    from asymnas.report import print_whole

    typer.echo(title)  # a table's own would be wrapped at its width
    table = Table(show_header=False, box=None)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))  # a folder's name may look like markup
    print_whole(Console(emoji=False), table)
