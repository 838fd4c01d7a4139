"""Checks of the names in a job against what is installed: data sets, trackers and their options, spaces, protocols."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from asymnas.errors import AsymNASError, DataError, Problem, TrackerError, nearest
from asymnas.job._base import is_path
from asymnas.job._check import check_model
from asymnas.job._document import Document, Place

__all__ = ["check_names", "check_space"]


def check_names(document: Document) -> tuple[list[Problem], dict[str, Any]]:
    """Check a job document's names; return the problems and the tracker's options with their defaults."""
    problems = [*_datasets(document), *_protocol(document), *_baselines(document)]
    if document.has(("space",)):
        problems += check_space(document, ("space",))
    found, options = _tracker(document)
    return problems + found, options


def _sections(document: Document) -> Iterator[tuple[Place, dict[str, Any]]]:
    for section in ("train", "validation", "test"):
        place = ("data", section, "sources")
        if document.has((*place, 0)):
            sources = document.data["data"][section]["sources"]
            for index, source in enumerate(sources):
                if isinstance(source, dict):
                    yield (*place, index), source


def _datasets(document: Document) -> Iterator[Problem]:
    from asymnas.data import dataset_info, dataset_names

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
            options, accepted = source.get("options"), dataset_info(name).options()
        except DataError as error:  # a package that cannot be imported
            yield from (replace(item, where=f"{document.where(place)}: {item.where}") for item in error.problems)
            continue
        for key in options if isinstance(options, dict) else ():
            if accepted is not None and key not in accepted - {"videos", "frames"}:
                where = document.where((*place, "options", key))
                yield Problem(where, f"unknown option of data set {name}", repr(key), nearest(key, accepted))


def _protocol(document: Document) -> Iterator[Problem]:
    from asymnas.metrics import PROTOCOLS

    place = ("evaluation", "protocol")
    if document.has(place):
        name = document.data["evaluation"]["protocol"]
        if isinstance(name, str) and name not in PROTOCOLS:
            where = document.where(place)
            yield Problem(where, "must name a protocol", repr(name), nearest(name, PROTOCOLS))


def _baselines(document: Document) -> Iterator[Problem]:
    place = ("baselines", "trackers")
    if not document.has((*place, 0)):
        return
    from asymnas.tracking import list_trackers

    known = list_trackers()
    for index, name in enumerate(document.data["baselines"]["trackers"]):
        if isinstance(name, str) and name not in known:
            where = document.where((*place, index))
            yield Problem(where, "must name a registered tracker", repr(name), nearest(name, known))


def _tracker(document: Document) -> tuple[list[Problem], dict[str, Any]]:
    from asymnas.tracking import get_tracker, list_trackers

    section = document.data.get("tracker", {})
    name = section.get("name", "vlt_scar") if isinstance(section, dict) else None
    if not isinstance(name, str):
        return [], {}
    place = ("tracker", "name")
    if name not in list_trackers():
        rule = "must name a registered tracker"
        return [Problem(document.where(place), rule, repr(name), nearest(name, list_trackers()))], {}
    try:
        plugin = get_tracker(name)
    except TrackerError as error:
        return [replace(item, where=f"{document.where(place)}: {item.where}") for item in error.problems], {}
    if not plugin.trainable:
        trainable = "A search needs a tracker with a network, such as vlt_scar."
        return [Problem(document.where(place), "must be a trainable tracker", repr(name), trainable)], {}
    if "tracker" not in document.data:
        return [], plugin.options().model_dump(mode="json")
    options, problems, _ = check_model(plugin.options, document, ("tracker",), extra_keys=("name",))
    return problems, {} if options is None or problems else options.model_dump(mode="json")


def check_space(document: Document, place: Place) -> list[Problem]:
    """Check that the space at a place of the document can be loaded; relative paths must be resolved already."""
    from asymnas.space import list_spaces, load_space

    value: Any = document.data
    for key in place:
        value = value[key]
    where = document.where(place)
    if isinstance(value, str):
        if not is_path(value) and value not in list_spaces():
            rule = "must name a shipped search space or a file"
            return [Problem(where, rule, repr(value), nearest(value, list_spaces()))]
        if is_path(value) and not Path(value).is_file():
            rule = "the search space's file does not exist"
            return [Problem(where, rule, repr(value), "Paths are relative to the job file.")]
    elif not isinstance(value, dict):
        return [Problem(where, "must be a name, a path or a search space", repr(value))]
    try:
        load_space(value)
    except AsymNASError as error:
        return [_inside(where, item, inline=isinstance(value, dict)) for item in error.problems]
    return []


def _inside(where: str, problem: Problem, *, inline: bool) -> Problem:
    """A problem of the space as one of the job; a space in a file of its own names that file and line itself."""
    place = f"{where}: {problem.where}" if inline and problem.where else problem.where or where
    return Problem(place, problem.rule, problem.value, problem.way_out)
