"""Loading compare jobs and the jobs of their arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, JobError, Problem, shown
from asymnas.core.schema import check_model
from asymnas.job._check import load_space_at
from asymnas.job._compare import ArmRun, CompareJob
from asymnas.job._load import absolute, load_job
from asymnas.job._overrides import ARMS, OVERRIDES, Overrides, override_places
from asymnas.job._schema import Job
from asymnas.job._sources import SPACES, open_job
from asymnas.job.base import differences

RUN_KEYS = {"seed": "`seeds`", "name": "its arm and seed"}
"""Keys of the base job that each run of a comparison has of its own, and what they come from."""


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
    """Return the compare job, or None, and all problems of its document and of the jobs of its runs."""
    if document.data.get("kind") != "compare":
        way_out = "Add `kind: compare`, or run a search job with `asymnas search`."
        return None, [Problem(document.where(("kind",)), "a compare job must say so", "", way_out)]
    compare, problems, _ = check_model(CompareJob, document)
    problems = [*document.problems, *problems]
    spaces = document.data.get(SPACES)
    places: list[Place] = [(SPACES, index) for index in range(len(spaces) if isinstance(spaces, list) else 0)]
    places += [(*holder, "space") for holder in override_places(document)]
    for place in places:
        problems += load_space_at(document, place)[1] if document.has(place) else []
    if compare is None or problems:
        return None, problems
    problems = [*_own_problems(document, compare), *_base_problems(document, compare)]
    if problems:
        return None, problems
    if compare.spaces:
        arms = {_label(space): {"space": space} for space in compare.spaces}
        compare = compare.model_copy(update={ARMS: arms, SPACES: None})
    problems = _make_runs(document, compare)
    return (None if problems else compare), problems


def _own_problems(document: Document, compare: CompareJob) -> list[Problem]:
    problems = []
    if (compare.spaces is None) == (not compare.arms) or len(compare.arms) == 1:
        rule, way_out = "must name two arms or more", "Give either `arms` or, short for them, `spaces`."
        both = ", ".join(key for key in (ARMS, SPACES) if document.at((key,)))
        problems.append(Problem(document.where((ARMS,)), rule, both, way_out))
    for key in (SPACES, "seeds"):
        values = getattr(compare, key) or ()
        if len({repr(item) for item in values}) < len(values):
            problems.append(Problem(document.where((key,)), "must not name the same twice", repr(values)))
    of_all = RUN_KEYS
    if compare.spaces or all("space" in arm for arm in compare.arms.values()):
        of_all = {"space": f"`{SPACES if compare.spaces else ARMS}`", **RUN_KEYS}
    for holder in override_places(document):
        for key, by in (of_all if holder == (OVERRIDES,) else RUN_KEYS).items():
            place = (*holder, key)
            if document.has(place):
                rule, value = f"every run has its own, by {by}", shown(document.at(place))
                problems.append(Problem(document.where(place), rule, value, "Leave it out."))
    labels = [_label(space) for space in compare.spaces or ()]
    if not problems and len(set(labels)) < len(labels):
        problems.append(Problem(document.where((SPACES,)), "spaces must have different names", ", ".join(labels)))
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


def _make_runs(document: Document, compare: CompareJob) -> list[Problem]:
    """Give the comparison its runs; return what is wrong with them, the base job alone being valid."""
    problems, made = [], {}
    longest = max(compare.seeds)
    for index, (arm, own) in enumerate(compare.arms.items()):
        where = document.where((SPACES, index) if document.at((SPACES,)) else (ARMS, arm))
        try:
            overrides = {**compare.overrides, **own, "seed": longest, "name": f"{arm}-seed{longest}"}
            made[arm] = load_job(compare.base, overrides)
        except AsymNASError as error:
            for item in error.problems:
                problems.append(Problem(where, f"makes no arm: {item.where}: {item.rule}", item.value, item.way_out))
            continue
        problems += _unlike(where, arm, made)
    if not problems:
        compare._runs = tuple(
            ArmRun(name, arm, seed, job.model_copy(update={"seed": seed, "name": name}))
            for seed in compare.seeds
            for arm, job in made.items()
            for name in [f"{arm}-seed{seed}"]
        )
    return problems


def _unlike(where: str, arm: str, made: Mapping[str, Job]) -> list[Problem]:
    """What keeps the newest of the jobs from being compared with the first one."""
    first, job = next(iter(made.items())), made[arm]
    problems = []
    if not job.has_test:
        problems.append(Problem(where, "an arm needs the test items of the others, but has none"))
    for key, one, other in (
        ("task", first[1].task, job.task),
        ("evaluation.reward", first[1].evaluation.reward, job.evaluation.reward),
    ):
        if one != other:
            rule = f"all arms must have the {key} of '{first[0]}', {one!r}: other scores cannot be compared"
            problems.append(Problem(where, rule, repr(other), "Leave it out of the arm."))
    same = [name for name, other in made.items() if name != arm and not _differing(other, job)]
    if same:
        way_out = "Give it a value of its own, or leave it out."
        problems.append(Problem(where, f"must differ from the arm '{same[0]}' in something", repr(arm), way_out))
    return problems


def _differing(one: Job, other: Job) -> set[str]:
    found = differences(one.identity(), other.identity())
    return set(found) - {"name"}


def _label(space: Any) -> str:
    return space.get("name", "space") if isinstance(space, dict) else Path(space).stem
