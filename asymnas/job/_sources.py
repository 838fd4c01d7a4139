"""From the name or path of a job to one document: shipped jobs, `extends`, overrides, paths and presets."""

from __future__ import annotations

import copy
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from asymnas.core.document import Document, Place, parse, read
from asymnas.core.errors import JobError, Problem, nearest
from asymnas.job._flat import flat, flatten_overrides, kept_at, kept_below
from asymnas.job.base import is_path

__all__ = ["Overrides", "find_job", "list_jobs", "open_job", "place_of"]

Overrides = Iterable[str] | Mapping[str, Any]
"""`["a.b=value", "~a.c"]` as on the command line (values are YAML), or a mapping from dotted keys to values."""

Says = Callable[[Place], bool]
"""Whether a file, or the overrides, say something at a place themselves."""

log = logging.getLogger("asymnas.job")

PRESETS: dict[str, dict[str, Any]] = {
    # The released reward: 20 of the listed videos, frames 0..10, batch norm over 50 batches of 4 GPUs x 16 pairs.
    "vlt_release": {"videos": 20, "frames": 11, "recalibration": {"batches": 50, "batch_size": 64}},
}


def list_jobs() -> list[str]:
    """Return the names of the shipped jobs, such as `vlt_scar` and `paper/vlt_scar`, sorted."""
    root = resources.files("asymnas_jobs")
    names = [item.name.removesuffix(".yaml") for item in root.iterdir() if item.name.endswith(".yaml")]
    for folder in root.iterdir():
        if folder.is_dir() and not folder.name.startswith(("_", ".")):
            inside = [item.name for item in folder.iterdir() if item.name.endswith(".yaml")]
            names += [f"{folder.name}/{name.removesuffix('.yaml')}" for name in inside]
    return sorted(names)


def find_job(source: str | Path) -> Path:
    """Return the file of a job given by path or shipped name (`vlt_scar`, `paper/vlt_scar`, `jobs/vlt_scar.yaml`).

    Raises:
        JobError: neither a file nor a shipped job.
    """
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
    """Read a job, put it over the jobs it extends, apply overrides and presets and make its paths absolute.

    Args:
        source: path of a job file, name of a shipped job, or the job as a mapping.
        overrides: as texts, whose values are YAML, or as a mapping.
        given: dotted keys and values that are applied last, as they are.

    Raises:
        JobError: a file is missing or no YAML, the job extends itself, or an override is malformed.
    """
    if isinstance(source, Mapping):
        document = Document(_plain(source), "job", {(): ("job", 0)})
    else:
        document = read(find_job(source))
    document, layers = _extend(document, ())
    if not isinstance(document.data, dict):
        rule = "a job must be a mapping of keys to values"
        raise JobError(Problem(document.where(()), rule, type(document.data).__name__))
    overridden = [*_override(document, overrides), *_override(document, given or {})]
    if isinstance(document.data.get("overrides"), dict):
        document.data["overrides"] = flat(document.data["overrides"])
    layers.insert(0, lambda place: any(place[: len(other)] == other for other in overridden) and document.has(place))
    _absolute_paths(document)
    _apply_preset(document, layers)
    return document


def _extend(document: Document, seen: tuple[str, ...]) -> tuple[Document, list[Says]]:
    """Put a document over those it extends; also what each of them says itself, the document first."""
    flatten_overrides(document)
    if not isinstance(document.data, dict) or "extends" not in document.data:
        return document, [copy.deepcopy(document).has]
    parent, where = document.data["extends"], document.where(("extends",))
    if not isinstance(parent, str):
        raise JobError(Problem(where, "must be a job file or the name of a shipped job", repr(parent)))
    beside = _folder(document, ("extends",)) / parent
    path = find_job(beside if os.path.isfile(beside) else parent)
    key = str(path.resolve())
    if key in seen or path.resolve() == Path(document.file).resolve():
        raise JobError(Problem(where, "a job must not extend itself", repr(parent), "Break the circle."))
    document.remove(("extends",))
    base, layers = _extend(read(path), (*seen, key))
    if not isinstance(base.data, dict):
        raise JobError(Problem(str(path), "a job must be a mapping of keys to values", type(base.data).__name__))
    return document.over(base), [document.has, *layers]


def place_of(key: str) -> Place:
    """Return the place of a dotted key: `data.test.sources[0].videos` or `data.test.sources.0.videos`."""
    parts = re.sub(r"\[(\d+)\]", r".\1", key).split(".")
    if not all(parts):
        rule = "a key must be words joined by dots"
        raise JobError(Problem(f"override '{key}'", rule, repr(key), "Write `--set training.steps=100`."))
    return tuple(int(part) if re.fullmatch(r"[0-9]{1,9}", part) else part for part in parts)


def _override(document: Document, overrides: Overrides) -> list[Place]:
    """Apply overrides; returns the places that they set."""
    places = []
    if isinstance(overrides, Mapping):
        for key, value in flat(overrides).items():
            places.append(kept_at(place_of(key)))
            _set(document, places[-1], value, f"override '{key}'")
        return places
    for text in overrides:
        origin = f"override '{text}'"
        if text.startswith("~"):
            removed = kept_below(document, place_of(text[1:]))
            if not removed:
                rule = "`~key` removes a key that the job gives, but this one is not given"
                raise JobError(Problem(origin, rule, "", "Leave the override out: the default counts already."))
            for place in removed:
                document.remove(place)
            continue
        key, equals, value = text.partition("=")
        if not equals:
            raise JobError(Problem(origin, "must be `key=value` or `~key`", repr(text)))
        given = parse(value, origin)
        document.problems += given.problems
        for name, item in flat({key.strip(): given.data}).items():  # a section is merged, as that of a file is
            places.append(kept_at(place_of(name)))
            _set(document, places[-1], item, origin)
    return places


def _set(document: Document, place: Place, value: Any, origin: str) -> None:
    for length in range(1, len(place)):
        if document.has(place[:length]) and isinstance(place[length], str):
            node: Any = document.data
            for key in place[:length]:
                node = node[key]
            if not isinstance(node, dict):
                raise JobError(Problem(origin, f"'{place[length - 1]}' holds a value, not keys", repr(node)))
    if any(isinstance(key, int) and not document.has(place[: index + 1]) for index, key in enumerate(place)):
        raise JobError(Problem(origin, "there is no such list entry in the job", way_out="Entries count from 0."))
    document.set(place, value, origin)


def _absolute_paths(document: Document) -> None:
    """Paths in a job are relative to the file they are written in; those of an override to the current folder."""
    always: tuple[Place, ...] = (("training", "initial_weights"), ("data", "root"), ("language", "cache"))
    for place in always:
        _absolute(document, place, always=True)
    names_too: tuple[Place, ...] = (("space",), ("base",), ("language", "encoder"), ("tracker", "name"))
    for place in names_too:
        _absolute(document, place, always=False)
    if document.has(("spaces", 0)):
        for index in range(len(document.data["spaces"])):
            _absolute(document, ("spaces", index), always=False)


def _absolute(document: Document, place: Place, *, always: bool) -> None:
    if not document.has(place):
        return
    node: Any = document.data
    for key in place[:-1]:
        node = node[key]
    value = node[place[-1]]
    if not isinstance(value, str):
        return
    folder = _folder(document, place)
    pathlike = value.startswith(("./", "../", "~/")) or value.endswith((".yaml", ".yml", ".json"))
    pathlike = pathlike or (place[0] in ("space", "spaces") and is_path(value))
    if always or (pathlike and not (place == ("base",) and not os.path.isfile(folder / value))):
        node[place[-1]] = os.path.realpath(folder / os.path.expanduser(value))


def _folder(document: Document, place: Place) -> Path:
    for length in range(len(place), -1, -1):
        if place[:length] in document.marks:
            file, line = document.marks[place[:length]]
            return Path(file).parent if line else Path.cwd()
    return Path.cwd()


def _apply_preset(document: Document, layers: Sequence[Says]) -> None:
    """Fill in the values of the job's preset: they win over what the file that asks for it extends, and over no other.

    What the merged job lacks is filled in whatever a file said of it: what is put over that file may replace its lists.

    Args:
        document: the job.
        layers: what overrides, the job, and the jobs it extends say themselves, in this order.
    """
    asked = ("evaluation", "preset")
    if not document.has(asked):
        return
    preset = PRESETS.get(str(document.data["evaluation"]["preset"]))
    if preset is None:
        return  # null, or an unknown name that the schema reports
    asking = next(index for index, says in enumerate(layers) if says(asked))
    origin = f"preset '{document.data['evaluation']['preset']}'"

    def fill(place: Place, value: Any) -> None:
        if not document.has(place) or not any(says(place) for says in layers[: asking + 1]):
            document.set(place, value, origin)

    if isinstance(document.data["evaluation"].get("recalibration", {}), dict):
        for key, value in preset["recalibration"].items():
            fill(("evaluation", "recalibration", key), value)
    place = ("data", "validation", "sources")
    if not document.has((*place, 0)):
        return
    sources = document.data["data"]["validation"]["sources"]
    numbers = [index for index, item in enumerate(sources) if isinstance(item, dict)]
    each, rest = divmod(preset["videos"], len(numbers)) if numbers else (0, 0)
    for count, index in enumerate(numbers):
        fill((*place, index, "videos"), each + (count < rest))
        fill((*place, index, "frames"), preset["frames"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
