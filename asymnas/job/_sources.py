"""From the name or path of a job to one document: shipped jobs, `extends`, overrides and absolute paths."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from asymnas.core.document import Document, Place, read
from asymnas.core.errors import JobError, Problem, nearest
from asymnas.job._overrides import ARMS, Overrides, flat, flatten_overrides, override, override_places, place_of
from asymnas.job._schema import TASK, Job
from asymnas.job.base import is_path
from asymnas.task import TASKS, TaskPlugin

Says = Callable[[Place], bool]
"""Whether a file, or the overrides, say something at a place themselves."""

FILES, NAMES_OR_FILES = ("training.initial_weights",), ("space", "base")
SPACES = "spaces"
"""Key of a compare job whose arms differ in their space alone."""

log = logging.getLogger("asymnas.job")


def list_jobs() -> list[str]:
    """Return the names of the shipped jobs, such as `vlt_scar` and `paper/vlt_scar`, sorted."""
    root = Path(str(resources.files("asymnas_jobs")))
    return sorted(file.relative_to(root).with_suffix("").as_posix() for file in root.rglob("*.yaml"))


def find_job(source: str | Path) -> Path:
    """Return the file of a job given by path or shipped name (`vlt_scar`, `paper/vlt_scar`, `jobs/vlt_scar.yaml`)."""
    path = Path(os.path.expanduser(source))
    if os.path.isfile(path):
        return path
    text = str(source)
    name = text.removeprefix("./").removeprefix("jobs/").removesuffix(".yaml")
    shipped = list_jobs()
    if name in shipped:
        if name != text:
            log.info("%s does not exist here: using the job '%s' that came with asymnas", text, name)
        return Path(str(resources.files("asymnas_jobs").joinpath(f"{name}.yaml")))
    rule = "must be a job file or the name of a shipped job"
    raise JobError(Problem("job", rule, repr(text), nearest(name, shipped)))


def open_job(
    source: str | Path | Mapping[str, Any], overrides: Overrides = (), given: Mapping[str, Any] | None = None
) -> Document:
    """Read a job, put it over the jobs it extends, apply overrides, make its files absolute, let the task complete it.

    Arguments are those of `load_job`.
    """
    if isinstance(source, Mapping):
        layers = _layers(Document(_plain(source), "job", {(): ("job", 0)}), ())
    else:
        layers = _layers(read(find_job(source)), ())
    schema = _schema(layers)
    for layer in layers:
        flatten_overrides(layer, schema)
    says: list[Says] = [copy.deepcopy(layer).has for layer in layers]
    document = layers[-1]
    for layer in reversed(layers[:-1]):
        if layer.data.keys() & {ARMS, SPACES}:  # they replace those of the job that is extended
            for key in document.data.keys() & {ARMS, SPACES}:
                document.remove((key,))
        document = layer.over(document)
    given_places = [*override(document, overrides, schema), *override(document, given or {}, schema)]
    for holder in override_places(document):
        document.at(holder[:-1])[holder[-1]] = flat(document.at(holder), schema)
    says.insert(0, lambda place: any(place[: len(item)] == item for item in given_places) and document.has(place))
    task = task_of(document)
    _absolute_paths(document, task)
    if task is not None:
        task.complete(document, says)
    return document


def task_of(document: Document) -> TaskPlugin | None:
    """Return the task that a search job names; None for other jobs, and for what is no registered task."""
    name = document.data.get("task", TASK)
    known = isinstance(name, str) and name in TASKS and document.data.get("kind") != "compare"
    return TASKS.get(name) if known else None


def _layers(document: Document, seen: tuple[str, ...]) -> list[Document]:
    """A document and those it extends, itself first."""
    if not isinstance(document.data, dict):
        rule = "a job must be a mapping of keys to values"
        raise JobError(Problem(document.where(()), rule, type(document.data).__name__))
    if "extends" not in document.data:
        return [document]
    parent, where = document.data["extends"], document.where(("extends",))
    if not isinstance(parent, str):
        raise JobError(Problem(where, "must be a job file or the name of a shipped job", repr(parent)))
    beside = _folder(document, ("extends",)) / parent
    path = find_job(beside if os.path.isfile(beside) else parent)
    key = str(path.resolve())
    if key in seen or path.resolve() == Path(document.file).resolve():
        raise JobError(Problem(where, "a job must not extend itself", repr(parent), "Break the circle."))
    document.remove(("extends",))
    return [document, *_layers(read(path), (*seen, key))]


def _schema(layers: list[Document]) -> type[BaseModel]:
    """The model of a job's keys, or of those that a compare job's base has; the core's where the task is unknown."""
    said = _said(layers)
    if said.get("kind") == "compare":
        folder = next((_folder(layer, ("base",)) for layer in layers if "base" in layer.data), Path.cwd())
        base = str(said.get("base"))
        try:
            said = _said(_layers(read(find_job(folder / base if os.path.isfile(folder / base) else base)), ()))
        except JobError:  # found again, and reported, when the base is loaded
            return Job
    name = said.get("task", TASK)
    return TASKS.get(name).schema() if isinstance(name, str) and name in TASKS else Job


def _said(layers: list[Document]) -> dict[str, Any]:
    return {key: layer.data[key] for layer in reversed(layers) for key in ("kind", "base", "task") if key in layer.data}


def _absolute_paths(document: Document, task: TaskPlugin | None) -> None:
    """Paths in a job are relative to the file they are written in; those of an override to the current folder."""
    for key in (*FILES, *(task.files if task else ())):
        _absolute(document, place_of(key), always=True)
    for key in (*NAMES_OR_FILES, *(task.names_or_files if task else ())):
        _absolute(document, place_of(key), always=False)
    spaces = document.at((SPACES,))
    places: list[Place] = [(SPACES, index) for index in range(len(spaces) if isinstance(spaces, list) else 0)]
    places += [(*holder, "space") for holder in override_places(document)]
    for place in places:
        _absolute(document, place, always=False)
    for holder in override_places(document):
        _absolute(document, (*holder, *FILES), always=True)
    for place in (("space",), *places):  # a space that is written out may extend a file
        _absolute(document, (*place, "extends"), always=False)


def _absolute(document: Document, place: Place, *, always: bool) -> None:
    value = document.at(place)
    if not isinstance(value, str):
        return
    folder = _folder(document, place)
    pathlike = value.startswith(("./", "../", "~/")) or value.endswith((".yaml", ".yml", ".json"))
    pathlike = pathlike or ((place[0] == SPACES or place[-1] == "space") and is_path(value))
    if always or (pathlike and not (place == ("base",) and not os.path.isfile(folder / value))):
        document.at(place[:-1])[place[-1]] = os.path.realpath(folder / os.path.expanduser(value))


def _folder(document: Document, place: Place) -> Path:
    for length in range(len(place), -1, -1):
        if place[:length] in document.marks:
            file, line = document.marks[place[:length]]
            return Path(file).parent if line else Path.cwd()
    return Path.cwd()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
