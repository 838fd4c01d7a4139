"""`asymnas list`: what is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from asymnas.core.commands import Json, command, print_json
from asymnas.core.errors import AsymNASError
from asymnas.core.plugins import Registry, load_object

REGISTRIES = {
    "tasks": "asymnas.task:TASKS",
    "trackers": "asymnas.tracking.registry:TRACKERS",
    "datasets": "asymnas.tracking.data:DATASETS",
    "protocols": "asymnas.tracking.metrics:PROTOCOLS",
    "ops": "asymnas.space:OPS",
    "mixers": "asymnas.space:MIXERS",
    "encoders": "asymnas.language:ENCODERS",
    "searchers": "asymnas.search:SEARCHERS",
}
"""Where each kind of plugin is registered."""


def _registered(target: str) -> dict[str, str]:
    registry: Registry[Any] = load_object(target)
    found = _summaries(registry.names(), registry.get)
    return {name: summary or registry.origin(name) for name, summary in found.items()}


def _spaces() -> dict[str, str]:
    from asymnas.space import list_spaces, load_space

    spaces = {name: load_space(name) for name in list_spaces()}
    return {name: f"{space.description} ({space.size:.3g} architectures)" for name, space in spaces.items()}


def _jobs() -> dict[str, str]:
    from asymnas.job import find_job, list_jobs

    return {name: _first_sentence(find_job(name).read_text(encoding="utf-8")) for name in list_jobs()}


def _summaries(names: Iterable[str], get: Callable[[str], Any]) -> dict[str, str]:
    """The summaries of plugins; of one that cannot be used the reason, so that the others are listed all the same."""
    found = {}
    for name in names:
        try:
            found[name] = str(getattr(get(name), "summary", ""))
        except AsymNASError as error:
            found[name] = f"error: {error}"
    return found


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


KINDS: dict[str, Callable[[], dict[str, str]]] = {
    **{kind: partial(_registered, target) for kind, target in REGISTRIES.items()},
    **{"spaces": _spaces, "jobs": _jobs},
}
"""What can be listed."""

Kind = StrEnum("Kind", list(KINDS))  # type: ignore[misc]


@command
def list_(
    kind: Annotated[Kind | None, typer.Argument(help="One kind only; all by default.")] = None, as_json: Json = False
) -> None:
    """List what is installed: tasks and their plugins, ops, searchers, search spaces and jobs, each with one line.

    Example: asymnas list datasets
    """
    found = {name: KINDS[name]() for name in ([kind.value] if kind else KINDS)}
    if as_json:
        print_json(found)
        return
    for name, entries in found.items():
        table = Table(title=name, title_justify="left", show_header=False, box=None)
        for entry, summary in entries.items():
            table.add_row(entry, summary)
        Console().print(table)
