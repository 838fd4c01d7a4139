"""Checks of the names in a job against what is there: data sets, trackers and options, spaces, protocols, files."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, DataError, LanguageError, Problem, TrackerError, nearest, shown
from asymnas.core.schema import check_model
from asymnas.job.base import is_path

if TYPE_CHECKING:
    from pydantic import BaseModel

    from asymnas.space import SearchSpace
    from asymnas.tracking import TrackerPlugin

__all__ = ["Named", "check_names", "check_space"]


@dataclass(slots=True)
class Named:
    """What the names of a job stand for, None where they stand for nothing.

    Args:
        problems: what is wrong with the names.
        space: the search space.
        plugin: the tracker.
        options: the tracker's options with their defaults.
    """

    problems: list[Problem] = field(default_factory=list)
    space: SearchSpace | None = None
    plugin: TrackerPlugin | None = None
    options: BaseModel | None = None


def check_names(document: Document, *, files: bool = True) -> Named:
    """Check a job document's names.

    Args:
        document: the job.
        files: also look for the files that the job starts from; a run that has begun needs them no more.
    """
    named = Named([*_datasets(document), *_protocol(document), *_baselines(document)])
    if files:
        named.problems += [*_initial_weights(document), *_encoder(document)]
    if document.has(("space",)):
        named.space, problems = _space(document, ("space",))
        named.problems += problems
    _tracker(document, named)
    return named


def _sections(document: Document) -> Iterator[tuple[Place, dict[str, Any]]]:
    for section in ("train", "validation", "test"):
        place = ("data", section, "sources")
        if document.has((*place, 0)):
            sources = document.data["data"][section]["sources"]
            for index, source in enumerate(sources):
                if isinstance(source, dict):
                    yield (*place, index), source


def _datasets(document: Document) -> Iterator[Problem]:
    from asymnas.tracking.data import dataset_info, dataset_names

    known = dataset_names()
    for place, source in _sections(document):
        name = source.get("dataset")
        if not isinstance(name, str):
            continue
        if name not in known:
            where = document.where((*place, "dataset"))
            yield Problem(where, "must name a registered data set", repr(name), nearest(name, known))
            continue
        try:
            info = dataset_info(name)
            accepted = info.options()
        except DataError as error:  # a package that cannot be imported
            yield from (replace(item, where=f"{document.where(place)}: {item.where}") for item in error.problems)
            continue
        given = source.get("options", {})
        options = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
        unknown = [key for key in options if accepted is not None and key not in accepted - {"videos", "frames"}]
        for key in unknown:
            where = document.where((*place, "options", key))
            yield Problem(where, f"unknown option of data set {name}", repr(key), nearest(key, accepted or ()))
        split, known_options = source.get("split"), {key: options[key] for key in options if key not in unknown}
        for item in info.problems(split, known_options) if isinstance(split, str) else ():
            at = (*place, "split") if item.where == "split" else (*place, "options", item.where)
            yield replace(item, where=document.where(at))


def _protocol(document: Document) -> Iterator[Problem]:
    from asymnas.tracking.metrics import PROTOCOLS

    place = ("evaluation", "protocol")
    if document.has(place):
        name = document.data["evaluation"]["protocol"]
        if isinstance(name, str) and name not in PROTOCOLS:
            where = document.where(place)
            yield Problem(where, "must name a protocol", repr(name), nearest(name, PROTOCOLS))


def _initial_weights(document: Document) -> Iterator[Problem]:
    place = ("training", "initial_weights")
    value = document.data["training"]["initial_weights"] if document.has(place) else None
    if isinstance(value, str) and not os.path.isfile(value):
        where, way_out = document.where(place), "Paths are relative to the job file; null starts from random weights."
        yield Problem(where, "the file of the initial weights does not exist", repr(value), way_out)


def _encoder(document: Document) -> Iterator[Problem]:
    """A folder is looked into; an encoder of another name may come from elsewhere."""
    place = ("language", "encoder")
    value = document.data["language"]["encoder"] if document.has(place) else None
    if not isinstance(value, str) or not value.startswith((".", "/", "~")):
        return
    from asymnas.language import load_encoder

    try:
        load_encoder(value)
    except LanguageError as error:
        where = document.where(place)
        for item in error.problems:
            inside = "" if item.where == ".".join(place) else f": {item.where}"
            yield replace(item, where=f"{where}{inside}")


def _baselines(document: Document) -> Iterator[Problem]:
    place = ("baselines", "trackers")
    names = document.data["baselines"]["trackers"] if document.has((*place, 0)) else ()
    for index, name in enumerate(names):
        if isinstance(name, str):
            plugin, problems = _plugin(document, (*place, index), name)
            yield from problems
            if plugin is not None and plugin.trainable:
                rule = "must name a tracker without a network, for no weights are given for it"
                way_out = "Run the job of such a tracker by itself, and compare the two with `asymnas eval`."
                yield Problem(document.where((*place, index)), rule, repr(name), way_out)


def _plugin(document: Document, place: Place, name: str) -> tuple[TrackerPlugin | None, list[Problem]]:
    from asymnas.tracking import get_tracker, list_trackers

    where, known = document.where(place), list_trackers()
    if name not in known:
        return None, [Problem(where, "must name a registered tracker", repr(name), nearest(name, known))]
    try:
        return get_tracker(name), []
    except TrackerError as error:
        return None, [replace(item, where=f"{where}: {item.where}") for item in error.problems]


def _tracker(document: Document, named: Named) -> None:
    section = document.data.get("tracker", {})
    name = section.get("name", "vlt_scar") if isinstance(section, dict) else None
    if not isinstance(name, str):
        return
    place = ("tracker", "name")
    named.plugin, problems = _plugin(document, place, name)
    named.problems += problems
    if named.plugin is None:
        return
    if not named.plugin.trainable:
        trainable = "A search needs a tracker with a network, such as vlt_scar."
        named.problems.append(Problem(document.where(place), "must be a trainable tracker", repr(name), trainable))
    elif "tracker" not in document.data:
        named.options = named.plugin.options()
    else:
        options, problems, _ = check_model(named.plugin.options, document, ("tracker",), extra_keys=("name",))
        named.problems += problems
        named.options = None if problems else options


def check_space(document: Document, place: Place) -> list[Problem]:
    """Check that the space at a place of the document can be loaded; relative paths must be resolved already."""
    return _space(document, place)[1]


def _space(document: Document, place: Place) -> tuple[SearchSpace | None, list[Problem]]:
    from asymnas.space import list_spaces, load_space

    value: Any = document.data
    for key in place:
        value = value[key]
    where = document.where(place)
    if isinstance(value, str):
        if not is_path(value) and value not in list_spaces():
            rule = "must name a shipped search space or a file"
            return None, [Problem(where, rule, repr(value), nearest(value, list_spaces()))]
        if is_path(value) and not os.path.isfile(value):
            rule = "the search space's file does not exist"
            return None, [Problem(where, rule, repr(value), "Paths are relative to the job file.")]
    elif not isinstance(value, dict):
        return None, [Problem(where, "must be a name, a path or a search space", shown(value))]
    try:
        return load_space(value), []
    except AsymNASError as error:
        return None, [_inside(where, item, inline=isinstance(value, dict)) for item in error.problems]


def _inside(where: str, problem: Problem, *, inline: bool) -> Problem:
    """A problem of the space as one of the job; a space in a file of its own names that file and line itself."""
    place = f"{where}: {problem.where}" if inline and problem.where else problem.where or where
    return Problem(place, problem.rule, problem.value, problem.way_out)
