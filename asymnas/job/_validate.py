"""Validation of a file that a user wrote: a job, a compare job, a search space or an architecture."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import Literal

from asymnas.core.document import Document, read
from asymnas.core.errors import AsymNASError, JobError, Problem
from asymnas.job._arms import check_compare
from asymnas.job._load import check_job
from asymnas.job._sources import find_job, open_job

FileKind = Literal["job", "compare job", "search space", "architecture"]

JOB_KEYS = {"task", "training", "evaluation", "search", "resources", "baselines", "seed", "data"}
SPACE_KEYS = {"branches", "tie", "fix", "without", "constraints", "share_weights", "ops"}


def validate_file(path: str | Path) -> list[Problem]:
    """Return all that is wrong with a file, or with a shipped job, search space or architecture, by its name.

    Each problem has `file:line: key`, rule, value and way out.
    """
    from asymnas.space import load_architecture, load_space

    try:
        file = _find(path)
        document = read(file)
        kind = _kind_of(document)
    except AsymNASError as error:
        return list(error.problems)
    if kind is None:
        rule = "must be a job, a compare job, a search space or an architecture"
        way_out = "A job has `space:`, a compare job `kind: compare`, a search space `branches:` or `extends:`."
        return [Problem(document.where(()), rule, "", way_out)]
    try:
        if kind == "job":
            return check_job(open_job(file))[1]
        if kind == "compare job":
            return check_compare(open_job(file))[1]
        (load_architecture if kind == "architecture" else load_space)(file)
    except AsymNASError as error:
        return [*document.problems, *error.problems]
    return document.problems


def _kind_of(document: Document, depth: int = 0) -> FileKind | None:
    """Return what a document is by its `format` and keys, None if it is none of ours."""
    data = document.data
    if not isinstance(data, dict):
        return None
    if data.get("format") == "asymnas-architecture" or {"genes", "space"} <= data.keys():
        return "architecture"
    if data.get("kind") == "compare":
        return "compare job"
    if len(data.keys() & SPACE_KEYS) > len(data.keys() & JOB_KEYS):
        return "search space"
    if data.keys() & JOB_KEYS or data.get("kind") == "search" or "space" in data:
        return "job"
    if not isinstance(data.get("extends"), str):
        return None
    parent = Path(document.file).parent / data["extends"]  # a file with little more than `extends` is what that one is
    try:
        file = parent if os.path.isfile(parent) else find_job(data["extends"])
    except JobError:
        return "search space"
    return "job" if depth > 20 else _kind_of(read(file), depth + 1)  # whoever follows a circle reports it


def _find(path: str | Path) -> Path:
    if os.path.isfile(path):
        return Path(path)
    from importlib import resources

    from asymnas.space import list_architectures, list_spaces

    shipped = {name: f"{name}.yaml" for name in list_spaces()} | {name: f"{name}.json" for name in list_architectures()}
    if str(path) in shipped:
        return Path(str(resources.files("asymnas_spaces").joinpath(shipped[str(path)])))
    return find_job(path)
