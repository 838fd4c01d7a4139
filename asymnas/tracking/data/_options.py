"""Options of a reader against the types of its parameters, before any file is looked at."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

from asymnas.core.errors import Problem, shown

__all__ = ["typed_options"]


def typed_options(loader: Callable[..., Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the options as the loader wants them, lists as tuples for example, and a problem for each of another type.

    Options that it has no parameter or no readable type for are returned as they are.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        types = typing.get_type_hints(loader)
    except NameError:  # names that its module imports for type checkers only
        types = {}
    known, found, problems = inspect.signature(loader).parameters, {}, []
    for key, value in options.items():
        if key not in known or key not in types:
            found[key] = value
            continue
        try:
            # as JSON, in which a list stands for a tuple while numbers, texts and booleans are kept apart
            found[key] = TypeAdapter(types[key]).validate_json(json.dumps(value), strict=True)
        except (ValidationError, TypeError):
            wanted = str(known[key].annotation).replace("Path | ", "").replace("None", "null")
            problems.append(Problem(key, f"must be of type {wanted}", shown(value)))
    return found, problems
