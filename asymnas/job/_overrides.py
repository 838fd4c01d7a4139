"""Overrides of a job: a dotted key for each value, however deep in mappings they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from asymnas.core.document import Document, Place, dotted, parse
from asymnas.core.errors import JobError, Problem

Overrides = Iterable[str] | Mapping[str, Any]
"""`["a.b=value", "~a.c"]` as on the command line (values are YAML), or a mapping from dotted keys to values."""

OVERRIDES, ARMS = "overrides", "arms"
"""Keys of a compare job: the overrides of all arms, and by name those of each; they are kept under dotted keys."""


def override_places(document: Document) -> list[Place]:
    """Return the places of a document's mappings of overrides."""
    arms = document.data.get(ARMS)
    places: list[Place] = [(OVERRIDES,), *((ARMS, name) for name in (arms if isinstance(arms, dict) else ()))]
    return [place for place in places if isinstance(document.at(place), dict)]


def flat(overrides: Mapping[str, Any], schema: type[BaseModel]) -> dict[str, Any]:
    """Return overrides with a dotted key for each value, so that a section is merged and not replaced.

    A mapping that is itself a value, such as a space or `training.lr_scale`, stays whole. Of a key that is written
    twice the last one counts.
    """
    return {".".join(keys): value for keys, value in _values(overrides, (), schema)}


def flatten_overrides(document: Document, schema: type[BaseModel]) -> None:
    """Write the overrides of a compare job with dotted keys; a key that is written twice becomes a problem."""
    for holder in override_places(document):
        overrides = document.at(holder)
        if not all(isinstance(key, str) for key in overrides):
            continue
        depth = len(holder)
        marks = {
            place: mark for place, mark in document.marks.items() if place[:depth] != holder or len(place) == depth
        }
        for path, _ in _values(overrides, (), schema):
            place = (*holder, ".".join(path))
            if place in marks:
                rule = f"the key is given twice, first on line {marks[place][1]}"
                document.problems.append(Problem(document.where((*holder, *path)), rule, "", "Keep one of the two."))
            marks[place] = document.marks.get((*holder, *path), (document.file, 0))
        document.at(holder[:-1])[holder[-1]] = flat(overrides, schema)
        document.marks = marks


def override(document: Document, overrides: Overrides, schema: type[BaseModel]) -> list[Place]:
    """Apply overrides; returns the places that they set."""
    if isinstance(overrides, Mapping):
        return [_set(document, key, value, f"override '{key}'") for key, value in flat(overrides, schema).items()]
    places = []
    for text in overrides:
        origin = f"override '{text}'"
        if text.startswith("~"):
            _remove(document, text[1:], origin)
            continue
        key, equals, value = text.partition("=")
        if not equals:
            raise JobError(Problem(origin, "must be `key=value` or `~key`", repr(text)))
        given = parse(value, origin)
        document.problems += given.problems
        values = flat({key.strip(): given.data}, schema)  # a section is merged, as that of a file is
        places += [_set(document, name, item, origin) for name, item in values.items()]
    return places


def place_of(key: str) -> Place:
    """Return the place of a dotted key: `data.test.sources[0].videos` or `data.test.sources.0.videos`."""
    parts = re.sub(r"\[(\d+)\]", r".\1", key).split(".")
    if not all(parts):
        rule = "a key must be words joined by dots"
        raise JobError(Problem(f"override '{key}'", rule, repr(key), "Write `--set training.steps=100`."))
    return tuple(int(part) if re.fullmatch(r"[0-9]{1,9}", part) else part for part in parts)


def _holder(place: Place) -> Place:
    """The place of the overrides that hold a place; () where none do."""
    depth = {OVERRIDES: 1, ARMS: 2}.get(str(place[0]), 0)
    return place[:depth] if len(place) > depth else ()


def _kept_at(place: Place) -> Place:
    """Where a value is kept: inside overrides under one dotted key, else at its place."""
    holder = _holder(place)
    return (*holder, dotted(place[len(holder) :])) if holder else place


def _set(document: Document, key: str, value: Any, origin: str) -> Place:
    place = _kept_at(place_of(key))
    for length in range(1, len(place)):
        if document.has(place[:length]) and isinstance(place[length], str):
            node = document.at(place[:length])
            if not isinstance(node, dict):
                raise JobError(Problem(origin, f"'{place[length - 1]}' holds a value, not keys", repr(node)))
    if any(isinstance(key, int) and not document.has(place[: index + 1]) for index, key in enumerate(place)):
        raise JobError(Problem(origin, "there is no such list entry in the job", way_out="Entries count from 0."))
    document.set(place, value, origin)
    return place


def _remove(document: Document, key: str, origin: str) -> None:
    place = place_of(key)
    kept, holder = _kept_at(place), _holder(place)
    found = [kept] if document.has(kept) else []
    held = document.at(holder) if holder else None
    if not found and isinstance(held, dict):
        found = [(*holder, name) for name in held if str(name).startswith(f"{kept[-1]}.")]
    if not found:
        rule = "`~key` removes a key that the job gives, but this one is not given"
        raise JobError(Problem(origin, rule, "", "Leave the override out: the default counts already."))
    for place in found:
        document.remove(place)


def _values(data: Mapping[str, Any], outer: tuple[str, ...], owner: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of a mapping and the keys that lead to them; sections of a job are entered."""
    for key, value in data.items():
        section = _section(owner, str(key))
        if isinstance(value, Mapping) and section is not None and all(isinstance(inner, str) for inner in value):
            yield from _values(value, (*outer, key), section)
        else:
            yield (*outer, key), value


def _choices(annotation: Any) -> tuple[Any, ...]:
    """What a value may be, such as a section or None; the entries of a list are no section."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()


def _section(owner: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of what a dotted key names below a model; None where it is a value, or unknown."""
    found: type[BaseModel] | None = owner
    for name in key.split("."):
        field = found.model_fields.get(name) if found else None
        kinds = [field.annotation, *_choices(field.annotation)] if field else []
        found = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return found
