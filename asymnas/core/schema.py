"""Turns a document into a pydantic model, and every violation into a `Problem` with its line and way out."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from asymnas.core.document import Document, Place, dotted
from asymnas.core.errors import Problem, nearest, shown

Model = TypeVar("Model", bound=BaseModel)

RULES = {
    "extra_forbidden": "unknown key",
    "missing": "this key is required",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "must match {pattern}",
}


def problems_of(error: ValidationError, where: str = "") -> list[Problem]:
    """Return what pydantic found as problems, one a key; `where`, such as a file, stands before each key."""
    found: dict[str, Problem] = {}
    for fault in error.errors(include_url=False):
        key = dotted(fault["loc"])
        value = "" if fault["type"] == "missing" else shown(fault["input"])
        found.setdefault(key, Problem(": ".join(filter(None, (where, key))), _rule(fault), value))
    return list(found.values())


def _rule(fault: Mapping[str, Any]) -> str:
    rule = RULES.get(fault["type"])
    return rule.format(**fault.get("ctx", {})) if rule else fault["msg"].removeprefix("Value error, ")


def check_model(
    model: type[Model],
    document: Document,
    place: Place = (),
    *,
    extra_keys: tuple[str, ...] = (),
    stand_in: Mapping[str, Any] | None = None,
) -> tuple[Model | None, list[Problem], set[Place]]:
    """Validate the mapping at `place` of a document.

    `extra_keys` are allowed beside the model's own and left out; `stand_in` has values for required keys that are
    missing.

    Returns:
        The model, the problems, and the places that were dropped to build it. With problems the model holds defaults
        for the faulty values, so that rules across keys can still be checked; None where a required value is faulty.
    """
    data = copy.deepcopy(document.at(place))
    if isinstance(data, dict):
        for key in extra_keys:
            data.pop(key, None)
    problems: list[Problem] = []
    dropped: set[Place] = set()
    for _ in range(4):  # dropping a faulty value may uncover a fault of what contains it
        try:
            return model.model_validate(data), problems, dropped
        except ValidationError as error:
            faults = error.errors(include_url=False)
        for fault in faults:
            location = _location(data, fault["loc"])
            if not any((*place, *location)[: len(other)] == other for other in dropped):
                problems.append(_problem(model, document, place, location, fault, extra_keys))
            dropped.add((*place, *location))
        for fault in reversed(faults):  # from the back, so that positions in lists stay right
            full = _location(data, fault["loc"])
            if fault["type"] == "missing" and len(full) == 1 and full[0] in (stand_in or {}):
                data[full[0]] = (stand_in or {})[str(full[0])]
                continue
            location = _dropped(data, full)
            if not location:
                return None, problems, dropped
            dropped.add((*place, *(location[:-1] if isinstance(location[-1], int) else location)))
    return None, problems, dropped


Finding = tuple[Place, str, str, str, tuple[Place, ...]]
"""Place, rule, value and way out of what is wrong across keys, and the other places that the rule looks at."""


def reported(document: Document, found: Iterable[Finding], dropped: set[Place]) -> Iterator[Problem]:
    """Yield what is wrong across keys, but for rules that look at a place which has a problem already, `dropped`."""
    for place, rule, value, way_out, others in found:
        pairs = (zip(one, other, strict=False) for one in (place, *others) for other in dropped)
        if not any(all(a == b for a, b in pair) for pair in pairs):
            yield Problem(document.where(place), rule, value, way_out)


def _location(data: Any, loc: tuple[int | str, ...]) -> Place:
    """The part of pydantic's location that exists in the data (it adds names of validators), plus a missing key.

    Where a model reads a mapping as a list of named parts, pydantic's position in the list is the key there.
    """
    place: list[int | str] = []
    for item in loc:
        if isinstance(data, dict):
            if isinstance(item, int) and item not in data and item < len(data):
                item = list(data)[item]
            place.append(item)
            if item not in data:
                break
            data = data[item]
        elif isinstance(data, list) and isinstance(item, int) and item < len(data):
            place.append(item)
            data = data[item]
        else:
            break
    return tuple(place)


def _dropped(data: Any, location: Place) -> Place:
    """Remove a faulty value, or the list entry that lacks a key, and return its place; () where neither is possible."""
    parents = [data]
    for key in location[:-1]:
        if not _inside(parents[-1], key):
            return location  # its parent is gone already
        parents.append(parents[-1][key])
    if location and _inside(parents[-1], location[-1]):
        del parents[-1][location[-1]]
        return location
    if len(location) > 1 and isinstance(location[-2], int):
        del parents[-2][location[-2]]
        return location[:-1]
    return ()


def _inside(data: Any, key: int | str) -> bool:
    return key in data if isinstance(data, dict) else isinstance(key, int) and key < len(data)


def _problem(
    model: type[BaseModel],
    document: Document,
    place: Place,
    location: Place,
    fault: Mapping[str, Any],
    extra_keys: tuple[str, ...],
) -> Problem:
    kind, context = fault["type"], fault.get("ctx", {})
    where = document.where((*place, *location))
    keys = tuple(item for item, at in zip(location, fault["loc"], strict=False) if item == at)  # without names of parts
    owner, name = _owner(model, keys)
    fields = owner.model_fields if owner else {}
    if kind == "extra_forbidden":
        known = [*_written(fields), *(extra_keys if len(location) == 1 else ())]
        return Problem(where, "unknown key", repr(name), nearest(str(name), known))
    if kind == "missing":
        written = ", ".join(_written(fields))
        return Problem(where, "this key is required", "", f"Add `{name}:`; keys here: {written}.")
    value = fault.get("input")
    got = "" if kind == "value_error" and isinstance(value, dict) else shown(value)
    return Problem(where, _rule(fault), got, _way_out(kind, value, fields.get(str(name)), context))


def _written(fields: Mapping[str, FieldInfo]) -> list[str]:
    """The keys of a model that files write; names that are the key of their part are excluded."""
    return [name for name, info in fields.items() if not info.exclude]


def _way_out(kind: str, value: Any, info: Any, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        choices = [item.strip(" '") for item in context["expected"].replace(" or ", ",").split(",")]
        if isinstance(value, str):
            return nearest(value, choices)
    if info is None or info.is_required():
        return ""
    default = info.get_default(call_default_factory=True)
    if isinstance(default, bool):
        return f"The default is {str(default).lower()}."
    return f"The default is {default!r}." if isinstance(default, str | int | float) else "Leave it out for the default."


def _owner(model: type[BaseModel], location: Place) -> tuple[type[BaseModel] | None, Any]:
    """The model class that holds the last key of a location, and that key."""
    owner: type[BaseModel] | None = model
    name: Any = ""
    current: type[BaseModel] | None = model
    named = False
    for item in location:
        if isinstance(item, int) or named:
            named = False
            continue
        owner, name = current, item
        info = current.model_fields.get(item) if current else None
        current = _inner_model(info.annotation) if info else None
        named = current is not None and info is not None and get_origin(info.annotation) in (dict, Mapping)
    return owner, name


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _inner_model(argument)
        if found:
            return found
    return None
