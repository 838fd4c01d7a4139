"""Loading compare jobs and the jobs of their arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.document import Document
from asymnas.core.errors import AsymNASError, JobError, Problem, shown
from asymnas.core.schema import check_model
from asymnas.job._check import load_space_at
from asymnas.job._compare import Arm, CompareJob
from asymnas.job._load import absolute, load_job
from asymnas.job._overrides import Overrides
from asymnas.job._sources import open_job

ARM_KEYS = {"space": "`spaces`", "seed": "`seeds`", "name": "its space and seed"}
"""Keys of the base job that each arm of a comparison gives itself, and what they come from."""


def load_compare(
    source: str | Path | Mapping[str, Any], overrides: Overrides = (), given: Mapping[str, Any] | None = None
) -> CompareJob:
    """Load and check a compare job and the jobs of its arms; arguments and errors as those of `load_job`."""
    compare, problems = check_compare(open_job(source, overrides, given))
    if problems or compare is None:
        raise JobError(problems)
    return compare


def launch_compare(source: str | Path, overrides: Sequence[str] = (), *, data_root: Path | None = None) -> CompareJob:
    """Load a compare job; arguments and errors as those of `launch_job`."""
    given = {} if data_root is None else {"overrides.data.root": absolute(data_root)}
    return load_compare(source, overrides, given)


def check_compare(document: Document) -> tuple[CompareJob | None, list[Problem]]:
    """Return the compare job, or None, and all problems of its document and of the jobs of its arms."""
    if document.data.get("kind") != "compare":
        way_out = "Add `kind: compare`, or run a search job with `asymnas search`."
        return None, [Problem(document.where(("kind",)), "a compare job must say so", "", way_out)]
    compare, problems, _ = check_model(CompareJob, document)
    problems = [*document.problems, *problems]
    spaces = document.data.get("spaces")
    for index in range(len(spaces) if isinstance(spaces, list) else 0):
        problems += load_space_at(document, ("spaces", index))[1]
    if compare is None or problems:
        return None, problems
    problems = [*_own_problems(document, compare), *_base_problems(document, compare)]
    if not problems:
        problems = _make_arms(document, compare)
    return (None if problems else compare), problems


def _own_problems(document: Document, compare: CompareJob) -> list[Problem]:
    problems = []
    for key in ("spaces", "seeds"):
        values = getattr(compare, key)
        if len({repr(item) for item in values}) < len(values):
            problems.append(Problem(document.where((key,)), "must not name the same twice", repr(values)))
    for key, by in ARM_KEYS.items():
        if key in compare.overrides:
            where, value = document.where(("overrides", key)), shown(compare.overrides[key])
            problems.append(Problem(where, f"every arm has its own, by {by}", value, "Leave it out."))
    labels = [_label(space) for space in compare.spaces]
    if not problems and len(set(labels)) < len(labels):
        problems.append(Problem(document.where(("spaces",)), "spaces must have different names", ", ".join(labels)))
    return problems


def _base_problems(document: Document, compare: CompareJob) -> list[Problem]:
    where = document.where(("base",))
    try:
        base = load_job(compare.base, compare.overrides)
    except AsymNASError as error:
        return [Problem(f"{where}: {item.where}", item.rule, item.value, item.way_out) for item in error.problems]
    if base.has_test:
        return []
    rule = "a comparison needs held-out items, but the base job has no test data"
    return [Problem(where, rule, repr(compare.base), "Give them in `overrides`.")]


def _make_arms(document: Document, compare: CompareJob) -> list[Problem]:
    """Give the comparison its arms; return what is wrong with them, the base job alone being valid."""
    problems, made = [], {}
    longest = max(compare.seeds)
    for index, space in enumerate(compare.spaces):
        name = f"{_label(space)}-seed{longest}"
        try:
            overrides = {**compare.overrides, "space": space, "seed": longest, "name": name}
            made[_label(space)] = load_job(compare.base, overrides)
        except AsymNASError as error:
            where = document.where(("spaces", index))
            for item in error.problems:
                problems.append(Problem(where, f"makes no arm: {item.where}: {item.rule}", item.value, item.way_out))
    if not problems:
        compare._arms = tuple(
            Arm(name, label, seed, job.model_copy(update={"seed": seed, "name": name}))
            for seed in compare.seeds
            for label, job in made.items()
            for name in [f"{label}-seed{seed}"]
        )
    return problems


def _label(space: Any) -> str:
    return space.get("name", "space") if isinstance(space, dict) else Path(space).stem
