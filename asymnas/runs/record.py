"""Reading the files of a run by the classes that wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.schema import problems_of


def read_record(file: Path, kind: Any, rule: str, way_out: str) -> Any:
    """Read a JSON file as `kind`, a pydantic model or a union of some.

    Raises:
        RunFolderError: it is none, for which `rule` says what it must be, or it cannot be read.
    """
    try:
        return TypeAdapter(kind).validate_json(file.read_bytes())
    except ValidationError as error:
        found = ", ".join(f"{item.where} ({item.rule})" for item in problems_of(error)[:3])
    except OSError as error:
        found = str(error.strerror)
    raise RunFolderError(Problem(str(file), rule, found, way_out))
