"""Whether a run folder holds the run of a job: what defines its results must be equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asymnas.core.errors import Problem, RunFolderError
from asymnas.job._compare_schema import CompareJob
from asymnas.job._load import load_compare, load_job
from asymnas.job._schema import Job
from asymnas.runs.content import JOB

__all__ = ["check_same"]

_ABSENT = "absent"
ARMS = "arms."
"""Of a comparison: every arm's folder holds its own job, and is checked when the arm goes on."""


def check_same(folder: Path, job: Job | CompareJob) -> None:
    """Check that a run folder holds the run of a job.

    Raises:
        RunFolderError: another job's; every key that differs is listed.
    """
    held = load_compare(folder / JOB) if isinstance(job, CompareJob) else load_job(folder / JOB, files=False)
    before, now = _flat(held.identity()), _flat(job.identity())
    problems = []
    for key in sorted(key for key in before.keys() | now.keys() if not key.startswith(ARMS)):
        old, new = before.get(key, _ABSENT), now.get(key, _ABSENT)
        if old != new:
            rule = f"must be {old} as in the run that is resumed"
            problems.append(Problem(f"{folder / JOB}: {key}", rule, str(new)))
    if problems:
        way_out = "Give the run's own values, or start anew with --fresh or in another folder with --run."
        last = problems[-1]
        raise RunFolderError([*problems[:-1], Problem(last.where, last.rule, last.value, way_out)])


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    """Dotted key to JSON text of every scalar and empty container."""
    if isinstance(data, Mapping) and data:
        inner = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in data.items()]
    elif isinstance(data, list) and data:
        inner = [(f"{prefix}[{index}]", item) for index, item in enumerate(data)]
    else:
        return {prefix: json.dumps(data)}
    return {key: text for place, item in inner for key, text in _flat(item, place).items()}
