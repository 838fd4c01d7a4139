"""What is wrong with a job beyond its schema: names, rules across keys, and what does not fit its search space."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, JobError, Problem, nearest, shown
from asymnas.core.models import JobModel
from asymnas.core.schema import Finding, check_model, reported
from asymnas.job._schema import Job, Search
from asymnas.job.base import is_path

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

MOST = 10_000_000
"""Architectures of a whole search; they are held in memory."""


def check_names(document: Document, *, files: bool = True) -> tuple[SearchSpace | None, list[Problem]]:
    """Check the names in a job that are the core's; return its search space too, None where it cannot be loaded.

    `files`: the files that the job starts from must exist; a run that has begun needs them no more.
    """
    problems = []
    place = ("training", "initial_weights")
    weights = document.at(place) if files else None
    if isinstance(weights, str) and not os.path.isfile(weights):
        rule = "the file of the initial weights does not exist"
        way_out = "It is looked for beside the job file; null starts from random weights."
        problems.append(Problem(document.where(place), rule, repr(weights), way_out))
    space = None
    if document.has(("space",)):
        space, found = load_space_at(document, ("space",))
        problems += found
    return space, problems


def searcher_options(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    """Return the keys that the job's searcher adds to `search`, with their defaults, and what is wrong with them."""
    from asymnas.search import SEARCHERS

    section = document.data.get("search", {})
    name = section.get("algorithm", Search().algorithm) if isinstance(section, dict) else None
    if not isinstance(name, str):
        return {}, []  # the schema says so
    where = document.where(("search", "algorithm"))
    if name not in SEARCHERS:
        return {}, [Problem(where, "must name a registered searcher", repr(name), nearest(name, SEARCHERS))]
    try:
        options_model = SEARCHERS.get(name).options or JobModel
        model = create_model("Options", __base__=options_model, __cls_kwargs__={"extra": "forbid"})
    except JobError as error:
        return {}, [replace(item, where=f"{where}: {item.where}") for item in error.problems]
    if not document.has(("search",)):
        return model().model_dump(mode="json"), []
    options, problems, _ = check_model(model, document, ("search",), extra_keys=tuple(Search.model_fields))
    return {} if options is None else options.model_dump(mode="json"), problems


def load_space_at(document: Document, place: Place) -> tuple[SearchSpace | None, list[Problem]]:
    """Load the space at a place of a document, whose paths are absolute already; return what is wrong with it too."""
    from asymnas.space import list_spaces, load_space

    value, where = document.at(place), document.where(place)
    if isinstance(value, str):
        if not is_path(value) and value not in list_spaces():
            rule = "must name a shipped search space or a file"
            return None, [Problem(where, rule, repr(value), nearest(value, list_spaces()))]
        if is_path(value) and not os.path.isfile(value):
            rule = "the search space's file does not exist"
            return None, [Problem(where, rule, repr(value), "Paths are relative to the job file.")]
    elif not isinstance(value, dict):
        return None, [Problem(where, "must be a name, a path or a search space", shown(value))]
    try:
        return load_space(value), []
    except AsymNASError as error:
        return None, [_inside(where, item, inline=isinstance(value, dict)) for item in error.problems]


def _inside(where: str, problem: Problem, *, inline: bool) -> Problem:
    """A problem of the space as one of the job; a space in a file of its own names that file and line itself."""
    place = f"{where}: {problem.where}" if inline and problem.where else problem.where or where
    return Problem(place, problem.rule, problem.value, problem.way_out)


def check_rules(job: Job, document: Document, dropped: set[Place], space: SearchSpace | None) -> list[Problem]:
    """Return what is wrong across keys, and between the job and its space, if there is one.

    No rule is checked that looks at one of `dropped`, the places of faulty values, which have a problem already.
    """
    problems = list(reported(document, (*_training(job), *_search(job), *_resources(job)), dropped))
    if space is not None and not any(item[:1] == ("search",) for item in dropped):
        problems += [*_budget(job, document, space), *_objectives(job, document, space)]
    return problems


def _training(job: Job) -> Iterator[Finding]:
    training = job.training
    shards = ("training", "shards")
    if training.workers > training.shards:
        rule = f"must be at most training.shards = {training.shards}: a worker without a shard has nothing to do"
        yield ("training", "workers"), rule, str(training.workers), "Raise `shards` or lower `workers`.", (shards,)
    if training.batch_size % training.shards:
        rule = f"must be a multiple of training.shards = {training.shards}"
        way_out = f"Use {training.shards * max(1, round(training.batch_size / training.shards))}."
        yield ("training", "batch_size"), rule, str(training.batch_size), way_out, (shards,)
    for key in ("warmup_steps", "warmup_path_steps"):
        if getattr(training, key) >= training.steps:
            rule = f"must be below training.steps = {training.steps}"
            yield ("training", key), rule, str(getattr(training, key)), "", (("training", "steps"),)
    if training.lr_end is not None:
        place, others = ("training", "lr_end"), (("training", "schedule"), ("training", "lr"))
        if training.schedule == "constant":
            yield place, "must be left out with `schedule: constant`", str(training.lr_end), "", others
        elif training.lr_end > training.lr:
            yield place, f"must be at most training.lr = {training.lr}", str(training.lr_end), "", others


def _search(job: Job) -> Iterator[Finding]:
    search, evaluation = job.search, job.evaluation
    rewards = {rung.reward or evaluation.reward for rung in evaluation.ladder} or {evaluation.reward}
    if len(rewards) > 1 and not search.estimator:
        rule, named = "must have one reward without `search.estimator`", ", ".join(map(str, rewards))
        way_out = "Set `search.estimator: true`, or use one reward."
        yield ("evaluation", "ladder"), rule, named, way_out, (("search", "estimator"),)
    for number, rung in enumerate(evaluation.finals):
        if (rung.reward or evaluation.reward) not in rewards:
            rule, way_out = "must be a reward of the ladder", "Add a rung with it to `evaluation.ladder`."
            yield ("evaluation", "finals", number, "reward"), rule, repr(rung.reward), way_out, ()
    if search.screen > 1 and not search.estimator:
        rule, way_out = "must be 1 without `search.estimator`", "Set `search.estimator: true`."
        yield ("search", "screen"), rule, str(search.screen), way_out, (("search", "estimator"),)
    if search.algorithm != "evolution":
        return
    if search.parents > search.population:
        rule = f"must be at most search.population = {search.population}"
        yield ("search", "parents"), rule, str(search.parents), "", (("search", "population"),)
    if search.children and search.parents < 2:
        rule = "must be at least 2: crossover needs two parents"
        yield ("search", "parents"), rule, str(search.parents), "Or set `children: 0`.", (("search", "children"),)
    if search.mutants + search.children > search.population:
        rule = f"must be, with `children`, at most search.population = {search.population}"
        places: tuple[Place, ...] = (("search", "children"), ("search", "population"))
        yield ("search", "mutants"), rule, f"{search.mutants} + {search.children}", "", places


def _objectives(job: Job, document: Document, space: SearchSpace) -> Iterator[Problem]:
    from asymnas.search.nsga2 import DEFAULT
    from asymnas.search.objectives import Objective, faults

    search, ladder = job.search, job.evaluation.ladder
    names = getattr(search, "objectives", DEFAULT)
    if search.algorithm != "nsga2" or not all(isinstance(name, str) for name in names) or faults(names, None):
        return  # the searcher's options say so
    where = document.where(("search", "objectives"))
    yield from (replace(item, where=where) for item in faults(names, [branch.name for branch in space.branches]))
    measured = [name for name in names if Objective(name).measured]
    if measured and search.screen > 1:
        rule = f"must be 1 with the objective {measured[0]}, which nothing predicts"
        yield Problem(document.where(("search", "screen")), rule, str(search.screen))
    if measured and any(rung.keep < 1 for rung in ladder[:-1]):
        rule = f"every rung must keep all with the objective {measured[0]}: they are compared on equal items"
        yield Problem(document.where(("evaluation", "ladder")), rule, "", "Leave `keep` out.")


def _resources(job: Job) -> Iterator[Finding]:
    resources = job.resources
    if resources.engine == "inprocess":
        engine: tuple[Place, ...] = (("resources", "engine"),)
        if resources.workers > 1:
            yield ("resources", "workers"), "must be 1 in-process", str(resources.workers), "Use `engine: ray`.", engine
        if resources.address is not None:
            yield ("resources", "address"), "needs `engine: ray`", repr(resources.address), "Leave it out.", engine


def _budget(job: Job, document: Document, space: SearchSpace) -> Iterator[Problem]:
    from asymnas.space import available

    search = job.search
    budgets = {"search": search.evaluations, "random search": search.evaluations}
    if search.algorithm == "evolution":
        budgets["search"] = search.population * search.generations  # it has no other budget
    if not job.baselines.random_search:
        del budgets["random search"]
    for asked, what in {asked: what for what, asked in reversed(budgets.items())}.items():
        evolution = asked == search.population * search.generations
        place = ("search", "population") if evolution and document.has(("search", "population")) else ("search",)
        place = place if evolution else ("search", "budget")
        value = f"{asked:,}" + (f" ({search.population} x {search.generations})" if evolution else "")
        if asked > MOST:
            yield Problem(document.where(place), f"the {what} must ask for at most {MOST:,} architectures", value)
            continue
        found = available(space, asked)
        if found < asked:
            kept = " that keep its constraints" if space.constraints else ""
            rule = f"the {what} must ask for at most the {found:,} architectures of '{space.name}'{kept}"
            keys = "`population` or `generations`" if evolution else "`budget`"
            more = " or set `baselines.random_search: false`" if what == "random search" else ""
            yield Problem(document.where(place), rule, value, f"Lower {keys}, free more genes{more}.")
