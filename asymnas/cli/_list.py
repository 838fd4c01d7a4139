"""`asymnas list`: what is installed."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asymnas.cli._common import Json, command, print_json
from asymnas.core.errors import AsymNASError

__all__ = ["Kind", "list_"]


class Kind(StrEnum):
    """What can be listed."""

    trackers = "trackers"
    datasets = "datasets"
    spaces = "spaces"
    jobs = "jobs"


def _trackers() -> dict[str, str]:
    from asymnas.tracking import get_tracker, list_trackers

    return {name: _told(name, lambda item: get_tracker(item).summary) for name in list_trackers()}


def _datasets() -> dict[str, str]:
    from asymnas.tracking.data import dataset_info, dataset_names

    return {name: _told(name, lambda item: dataset_info(item).summary) for name in dataset_names()}


def _told(name: str, summary: Callable[[str], str]) -> str:
    """A summary; of a package that cannot be used the reason, so that the others are listed all the same."""
    try:
        return summary(name)
    except AsymNASError as error:
        return f"error: {error}"


def _spaces() -> dict[str, str]:
    from asymnas.space import list_spaces, load_space

    spaces = {name: load_space(name) for name in list_spaces()}
    return {name: f"{space.description} ({space.size:.3g} architectures)" for name, space in spaces.items()}


def _jobs() -> dict[str, str]:
    from asymnas.job import find_job, list_jobs

    return {name: _first_sentence(find_job(name).read_text(encoding="utf-8")) for name in list_jobs()}


def _first_sentence(text: str) -> str:
    """The first sentence of a file's header comment."""
    words: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        words += line.lstrip("#").split()
        end = next((index for index, word in enumerate(words) if word.endswith((".", "?"))), None)
        if end is not None:
            return " ".join(words[: end + 1])
    return " ".join(words)


LISTINGS = {Kind.trackers: _trackers, Kind.datasets: _datasets, Kind.spaces: _spaces, Kind.jobs: _jobs}


@command
def list_(
    kind: Annotated[Kind | None, typer.Argument(help="One kind only; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """List trackers, data sets, search spaces and jobs, each with one line."""
    found = {str(item): LISTINGS[item]() for item in ([kind] if kind else Kind)}
    if as_json:
        print_json(found)
        return
    for name, entries in found.items():
        table = Table(title=name, title_justify="left", show_header=False, box=None)
        for entry, summary in entries.items():
            table.add_row(entry, summary)
        Console().print(table)
