"""A job as it is launched: the file's values under those of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asymnas.job._compare_schema import CompareJob
from asymnas.job._load import load_compare, load_job
from asymnas.job._schema import Job

__all__ = ["launch_compare", "launch_job"]


def launch_job(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    engine: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    data_root: Path | None = None,
) -> Job:
    """Load a job with the places where it is to run.

    Args:
        source: path of a job file or name of a shipped job.
        overrides: `key=value` and `~key`.
        engine: "ray" or "inprocess" (one worker then, unless `workers` says otherwise).
        workers: processes for candidates, and for training as many of them as there are shards.
        address: of a Ray cluster.
        data_root: folder of the real data sets.

    Raises:
        JobError: everything that is wrong with the job.
    """
    if engine == "inprocess" and workers is None:
        workers = 1
    given = {"resources.engine": engine, "resources.workers": workers, "resources.address": address}
    given["training.workers"] = None if workers is None else 1
    given["data.root"] = None if data_root is None else str(data_root.expanduser().resolve())
    values = [*overrides, *(f"{key}={value}" for key, value in given.items() if value is not None)]
    job = load_job(source, values)
    if workers is not None and min(workers, job.training.shards) > 1:
        job = load_job(source, [*values, f"training.workers={min(workers, job.training.shards)}"])
    return job


def launch_compare(source: str | Path, overrides: Sequence[str] = (), *, data_root: Path | None = None) -> CompareJob:
    """Load a compare job; arguments and errors as those of `launch_job`."""
    job = load_compare(source, overrides)
    if data_root is None:
        return job
    arms = {**job.overrides, "data.root": str(data_root.expanduser().resolve())}
    return job.model_copy(update={"overrides": arms})
