"""Overrides in one form: a dotted key for each value, however deep in mappings they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from asymnas.core.document import Document, Place, dotted
from asymnas.core.errors import Problem
from asymnas.job._schema import Job

__all__ = ["flat", "flatten_overrides", "kept_at", "kept_below"]

OVERRIDES = "overrides"


def flat(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides with a dotted key for each value, so that a section is merged and not replaced.

    A mapping that is itself a value, such as a space, `training.lr_scale` or an option of a tracker, stays whole. Of a
    key that is written twice the last one counts.
    """
    found: dict[str, Any] = {}
    for path, value in _values(overrides, (), Job):
        key = ".".join(path)
        found.pop(key, None)
        found[key] = value
    return found


def flatten_overrides(document: Document) -> None:
    """Write the `overrides` of a compare job with dotted keys; a key that is written twice becomes a problem."""
    written = document.data.get("overrides") if isinstance(document.data, dict) else None
    if not isinstance(written, dict) or not all(isinstance(key, str) for key in written):
        return
    marks = {place: mark for place, mark in document.marks.items() if place[:1] != (OVERRIDES,) or len(place) == 1}
    for path, _ in _values(written, (), Job):
        place = (OVERRIDES, ".".join(path))
        if place in marks:
            rule = f"the key is given twice, first on line {marks[place][1]}"
            document.problems.append(Problem(document.where((OVERRIDES, *path)), rule, "", "Keep one of the two."))
        marks[place] = document.marks.get((OVERRIDES, *path), (document.file, 0))
    document.data[OVERRIDES] = flat(written)
    document.marks = marks


def kept_at(place: Place) -> Place:
    """Return where a value is kept: inside `overrides` under one dotted key, else at its place."""
    return (OVERRIDES, dotted(place[1:])) if place[:1] == (OVERRIDES,) and len(place) > 1 else place


def kept_below(document: Document, place: Place) -> list[Place]:
    """Return where what is written at a place and below it is kept; [] if nothing is."""
    kept = kept_at(place)
    if document.has(kept):
        return [kept]
    held = document.data.get(OVERRIDES) if kept[:1] == (OVERRIDES,) and len(kept) > 1 else None
    names = [name for name in held if str(name).startswith(f"{kept[1]}.")] if isinstance(held, dict) else []
    return [(OVERRIDES, name) for name in names]


def _values(data: Mapping[str, Any], path: tuple[str, ...], owner: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of a mapping and the keys that lead to them; sections of a job are entered."""
    for key, value in data.items():
        section = _section(owner, str(key))
        if isinstance(value, Mapping) and section is not None and all(isinstance(inner, str) for inner in value):
            yield from _values(value, (*path, key), section)
        else:
            yield (*path, key), value


def _section(owner: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of what a dotted key names below a model; None where it is a value, or unknown."""
    found: type[BaseModel] | None = owner
    for name in key.split("."):
        field = found.model_fields.get(name) if found else None
        found = _model(field.annotation) if field else None
    return found


def _model(annotation: Any) -> type[BaseModel] | None:
    kinds = [annotation, *get_args(annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
