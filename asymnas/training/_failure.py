"""A worker's error on its way to the driver, as JSON in the run folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from asymnas.core import errors
from asymnas.core.errors import AsymNASError, Problem

__all__ = ["read_failure", "write_failure"]


def write_failure(path: Path, error: AsymNASError) -> None:
    """Leave an error for the driver; where the folder takes no more, the error itself is raised instead."""
    content = {"error": type(error).__name__, "problems": [asdict(problem) for problem in error.problems]}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(content), encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        raise error from None


def read_failure(path: Path) -> AsymNASError | None:
    """The error that a worker left, taken away, or None."""
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    kind = getattr(errors, content["error"], AsymNASError)
    return kind([Problem(**problem) for problem in content["problems"]])
