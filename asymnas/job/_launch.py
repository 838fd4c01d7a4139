"""A job as it is launched: the file's values under those of the command line."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.errors import JobError, Problem
from asymnas.job._compare_schema import CompareJob
from asymnas.job._load import load_compare, load_job
from asymnas.job._schema import Job

__all__ = ["launch_compare", "launch_job", "recorded_job"]


def launch_job(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    engine: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    data_root: Path | None = None,
    files: bool = True,
) -> Job:
    """Load a job with the places where it is to run.

    Args:
        source: path of a job file, name of a shipped job, or the job as a mapping.
        overrides: `key=value` and `~key`.
        engine: "ray" or "inprocess" (one worker then, unless `workers` says otherwise).
        workers: processes for candidates, and for training as many of them as there are shards.
        address: of a Ray cluster.
        data_root: folder of the real data sets.
        files: whether the files that it starts from must exist; a run that is resumed needs them no more.

    Raises:
        JobError: everything that is wrong with the job.
    """
    if engine == "inprocess" and workers is None:
        workers = 1
    places = {"resources.engine": engine, "resources.workers": workers, "resources.address": address}
    places["training.workers"] = None if workers is None else 1
    places["data.root"] = None if data_root is None else _absolute(data_root)
    given = {key: value for key, value in places.items() if value is not None}
    job = load_job(source, overrides, given, files=files)
    if workers is not None and min(workers, job.training.shards) > 1:
        given["training.workers"] = min(workers, job.training.shards)
        job = load_job(source, overrides, given, files=files)
    return job


def launch_compare(source: str | Path, overrides: Sequence[str] = (), *, data_root: Path | None = None) -> CompareJob:
    """Load a compare job; arguments and errors as those of `launch_job`."""
    job = load_compare(source, overrides)
    if data_root is None:
        return job
    arms = {**job.overrides, "data.root": _absolute(data_root)}
    return job.model_copy(update={"overrides": arms})


def _absolute(folder: Path) -> str:
    return os.path.realpath(os.path.expanduser(folder))


def recorded_job(architecture: Path | str) -> Mapping[str, Any]:
    """Return the job that an architecture says it was found by.

    Args:
        architecture: an architecture.json, or the name of an architecture that comes with AsymNAS.

    Raises:
        SpaceError: no such architecture, or the file is none.
        JobError: it holds no job (a released architecture holds none).
    """
    from asymnas.space import load_architecture

    provenance = load_architecture(architecture).provenance
    definition = provenance.get("definition") if isinstance(provenance, dict) else None
    if not isinstance(definition, dict):
        rule = "the file does not say by which job the architecture was found"
        raise JobError(Problem(str(architecture), rule, "", "Name a job that says how to train with --job."))
    return definition
