"""Loading search jobs, all problems of a file at once."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.document import Document
from asymnas.core.errors import JobError, Problem
from asymnas.core.schema import check_model
from asymnas.job._check import check_names, check_rules, searcher_options
from asymnas.job._overrides import Overrides
from asymnas.job._schema import TASK, Job
from asymnas.job._sources import open_job, task_of
from asymnas.task import TASKS


def load_job(
    source: str | Path | Mapping[str, Any],
    overrides: Overrides = (),
    given: Mapping[str, Any] | None = None,
    *,
    files: bool = True,
) -> Job:
    """Load and check a job.

    Args:
        source: path of a job file, name of a shipped job, or the job as a mapping.
        overrides: `["training.steps=100", "~search.budget"]`, or a mapping from dotted keys to values.
        given: dotted keys and values that are applied last, as they are.
        files: whether the files that it starts from must exist; a run that has begun needs them no more.

    Returns:
        The job, of the model of its task.

    Raises:
        JobError: everything that is wrong with the job, each with file, line, key, rule, value and way out.
    """
    job, problems = check_job(open_job(source, overrides, given), files=files)
    if problems or job is None:
        raise JobError(problems)
    return job


def check_job(document: Document, *, files: bool = True) -> tuple[Job | None, list[Problem]]:
    """Return the job, or None, and all problems of its document; `files`: those that it starts from must exist."""
    if document.data.get("kind", "search") == "compare":
        way_out = "Run it with `asymnas compare`."
        return None, [Problem(document.where(("kind",)), "this is a compare job, not a search", "", way_out)]
    task = task_of(document)
    if task is None:
        return None, [*document.problems, *_unknown_task(document)]
    job, problems, dropped = check_model(task.schema(), document, stand_in={"name": "job", "space": ""})
    space, faults = check_names(document, files=files)
    options, more = searcher_options(document)
    problems = [*document.problems, *problems, *faults, *more, *task.check(document, job, dropped)]
    if job is not None:
        problems += check_rules(job, document, dropped, space)
    if job is None or problems:
        return None, problems
    return job.model_copy(update={"search": job.search.model_copy(update=options)}), []


def _unknown_task(document: Document) -> list[Problem]:
    name, where = document.data.get("task", TASK), document.where(("task",))
    try:
        TASKS.get(str(name))
    except JobError as error:
        return [Problem(where, item.rule, item.value, item.way_out) for item in error.problems]
    return [Problem(where, "must be text", repr(name))]


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
    """Load a job with the places where it is to run, as the command line gives them; see `load_job`.

    `workers` are processes for candidates, 1 for the engine "inprocess", and for training as many of them as there are
    shards. `data_root` is the folder of the real data sets.
    """
    if engine == "inprocess" and workers is None:
        workers = 1
    places = {"resources.engine": engine, "resources.workers": workers, "resources.address": address}
    places["training.workers"] = None if workers is None else 1
    places["data.root"] = None if data_root is None else absolute(data_root)
    given = {key: value for key, value in places.items() if value is not None}
    job = load_job(source, overrides, given, files=files)
    if workers is None:
        return job
    training = job.training.model_copy(update={"workers": min(workers, job.training.shards)})
    return job.model_copy(update={"training": training})


def absolute(folder: Path) -> str:
    """Return the real path of a folder that a user named."""
    return os.path.realpath(os.path.expanduser(folder))


def recorded_job(architecture: Path | str) -> Mapping[str, Any]:
    """Return the job by which an architecture (its file, or the name of a shipped one) says that it was found."""
    from asymnas.space import load_architecture

    provenance = load_architecture(architecture).provenance
    definition = provenance.get("definition") if isinstance(provenance, dict) else None
    if not isinstance(definition, dict):
        rule = "the file does not say by which job the architecture was found"
        raise JobError(Problem(str(architecture), rule, "", "Name a job that says how to train with --job."))
    return definition
