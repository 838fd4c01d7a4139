"""Loading jobs and compare jobs, all problems of a file at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asymnas.core.document import Document
from asymnas.core.errors import AsymNASError, JobError, Problem, shown
from asymnas.core.schema import check_model
from asymnas.job._compare_schema import CompareJob
from asymnas.job._fit import check_fit
from asymnas.job._names import check_names, check_space
from asymnas.job._rules import check_rules
from asymnas.job._schema import Job, TrackerJob
from asymnas.job._sources import Overrides, open_job

__all__ = ["Arm", "arms", "check_compare", "check_job", "load_compare", "load_job"]


ARM_KEYS = {"space": "`spaces`", "seed": "`seeds`", "name": "its space and seed"}
"""Keys of the base job that each arm of a comparison gives itself, and what they come from."""


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

    Raises:
        JobError: everything that is wrong with the job, each with file, line, key, rule, value and way out.
    """
    document = open_job(source, overrides, given)
    job, problems = check_job(document, files=files)
    if problems or job is None:
        raise JobError(problems)
    return job


def load_compare(source: str | Path | Mapping[str, Any], overrides: Overrides = ()) -> CompareJob:
    """Load and check a compare job and the jobs of its arms; arguments and errors as those of `load_job`."""
    document = open_job(source, overrides)
    compare, problems = check_compare(document)
    if problems or compare is None:
        raise JobError(problems)
    return compare


def check_job(document: Document, *, files: bool = True) -> tuple[Job | None, list[Problem]]:
    """Return the job, or None, and all problems of its document; `files`: those that it starts from must exist."""
    if document.data.get("kind", "search") == "compare":
        way_out = "Run it with `asymnas compare`."
        return None, [Problem(document.where(("kind",)), "this is a compare job, not a search", "", way_out)]
    job, problems, dropped = check_model(Job, document, stand_in={"name": "job", "space": ""})
    named = check_names(document, files=files)
    problems = [*document.problems, *problems, *named.problems]
    if job is not None:
        problems += [*check_rules(job, document, dropped), *check_fit(job, document, dropped, named)]
    if job is None or problems:
        return None, problems
    options = {} if named.options is None else named.options.model_dump(mode="json")
    tracker = TrackerJob(name=job.tracker.name, **{**job.tracker.options, **options})
    job = job.model_copy(update={"tracker": tracker})
    job._origin = document.file
    return job, []


def check_compare(document: Document) -> tuple[CompareJob | None, list[Problem]]:
    """Return the compare job, or None, and all problems of its document and of the jobs of its arms."""
    if document.data.get("kind") != "compare":
        way_out = "Add `kind: compare`, or run a search job with `asymnas search`."
        return None, [Problem(document.where(("kind",)), "a compare job must say so", "", way_out)]
    compare, problems, _ = check_model(CompareJob, document)
    problems = [*document.problems, *problems]
    spaces = document.data.get("spaces")
    for index in range(len(spaces) if isinstance(spaces, list) else 0):
        problems += check_space(document, ("spaces", index))
    if compare is None or problems:
        return None, problems
    compare._origin = document.file
    for key in ("spaces", "seeds"):
        values = getattr(compare, key)
        if len({repr(item) for item in values}) < len(values):
            problems.append(Problem(document.where((key,)), "must not name the same twice", repr(values)))
    for key, by in ARM_KEYS.items():
        if key in compare.overrides:
            value = shown(compare.overrides[key])
            problems.append(
                Problem(document.where(("overrides", key)), f"every arm has its own, by {by}", value, "Leave it out.")
            )
    labels = [_label(space) for space in compare.spaces]
    if not problems and len(set(labels)) < len(labels):
        problems.append(Problem(document.where(("spaces",)), "spaces must have different names", ", ".join(labels)))
    try:
        base = load_job(compare.base, compare.overrides)
        if base.data.test is None:
            rule = "a comparison needs test videos, but the base job has no `data.test`"
            problems.append(Problem(document.where(("base",)), rule, repr(compare.base), "Give it in `overrides`."))
    except AsymNASError as error:
        where = document.where(("base",))
        problems += [Problem(f"{where}: {item.where}", item.rule, item.value, item.way_out) for item in error.problems]
    if not problems:
        problems = _arm_problems(document, compare)
    return (None if problems else compare), problems


def _arm_problems(document: Document, compare: CompareJob) -> list[Problem]:
    """What is wrong with the arms of spaces, of which each seed makes one; the base job alone is valid."""
    problems = []
    for index, space in enumerate(compare.spaces):
        where = document.where(("spaces", index))
        try:
            _arm(compare, space, max(compare.seeds))  # the longest name
        except AsymNASError as error:
            for item in error.problems:
                named = item.where.endswith("'name': name")
                rule = "names a run folder, so the name of the space" if named else f"makes no arm: {item.where}:"
                way_out = "Give the space another `name`." if named else item.way_out
                problems.append(Problem(where, f"{rule} {item.rule}", item.value, way_out))
    return problems


@dataclass(frozen=True, slots=True)
class Arm:
    """One run of a comparison: a space and a seed.

    Args:
        name: name of its run folder inside the comparison's.
        space: the space's name.
        seed: the arm's seed; arms of one seed are paired.
        job: what it runs.
    """

    name: str
    space: str
    seed: int
    job: Job


def _label(space: Any) -> str:
    """The name that a space has in a comparison."""
    return space.get("name", "space") if isinstance(space, dict) else Path(space).stem


def arms(compare: CompareJob) -> list[Arm]:
    """Return the runs of a comparison, seed by seed, spaces in the order of the job.

    Raises:
        JobError: the base job with the overrides is not valid.
    """
    return [_arm(compare, space, seed) for seed in compare.seeds for space in compare.spaces]


def _arm(compare: CompareJob, space: Any, seed: int) -> Arm:
    label = _label(space)
    name = f"{label}-seed{seed}"
    overrides = {**compare.overrides, "space": space, "seed": seed, "name": name}
    return Arm(name, label, seed, load_job(compare.base, overrides))
