"""Rules across the keys of a job."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from asymnas.core.document import Document, Place
from asymnas.core.errors import Problem
from asymnas.job._schema import Job
from asymnas.tracking.task.schema import VideoSource

__all__ = ["check_rules"]

Finding = tuple[Place, str, str, str, tuple[Place, ...]]
"""Place, rule, value, way out, and the other places the rule looks at."""


def check_rules(job: Job, document: Document, dropped: set[Place]) -> list[Problem]:
    """Return what is wrong across keys; rules that look at a value in `dropped` are silent (it has its own problem)."""
    problems = []
    rules = (*_training(job), *_search(job), *_mixture(job), *_sources(job), *_resources(job))
    for place, rule, value, way_out, others in rules:
        if any(_touches(item, dropped) for item in (place, *others)):
            continue
        problems.append(Problem(document.where(place), rule, value, way_out))
    return problems


def _touches(place: Place, dropped: set[Place]) -> bool:
    return any(place[: len(item)] == item or item[: len(place)] == place for item in dropped)


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
    search = job.search
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


def _resources(job: Job) -> Iterator[Finding]:
    resources = job.resources
    if resources.engine == "inprocess":
        engine: tuple[Place, ...] = (("resources", "engine"),)
        if resources.workers > 1:
            yield ("resources", "workers"), "must be 1 in-process", str(resources.workers), "Use `engine: ray`.", engine
        if resources.address is not None:
            yield ("resources", "address"), "needs `engine: ray`", repr(resources.address), "Leave it out.", engine


def _mixture(job: Job) -> Iterator[Finding]:
    train = job.data.train
    place, whole = ("data", "train", "sources"), ("data", "train", "pairs_per_epoch")
    language = ("data", "train", "language")
    if train.without_language is not None and train.language != 1:
        rule = "must be 1 with `without_language`, which says how many pairs have no sentence"
        yield language, rule, str(train.language), "Leave one of the two out.", (("data", "train", "without_language"),)
    left = [index for index, source in enumerate(train.sources) if source.pairs is None]
    stated = sum(source.pairs for source in train.sources if isinstance(source.pairs, int))
    if train.pairs_per_epoch is None and 0 < len(left) < len(train.sources):
        rule = "must be given, as another source has `pairs` and data.train.pairs_per_epoch is not given"
        for index in left:
            yield (*place, index, "pairs"), rule, "", "", (place, whole)
    if train.pairs_per_epoch is not None and train.pairs_per_epoch < stated + len(left):
        more = " and more for the sources without" if left else ""
        yield whole, f"must hold the sources' `pairs`, {stated}{more}", str(train.pairs_per_epoch), "", (place,)
    if len({train.sources[index].weight == "videos" for index in left}) > 1:
        for index in (index for index in left if train.sources[index].weight != "videos"):
            rule = "must be `videos` too, as another source's is: numbers of videos and plain weights do not mix"
            yield (*place, index, "weight"), rule, str(train.sources[index].weight), "", (place,)


def _sources(job: Job) -> Iterator[Finding]:
    held_out = job.data.test.sources if job.data.test else []
    for index, source in enumerate(held_out):
        place = ("data", "test", "sources", index)
        for section, others in (("validation", job.data.validation.sources), ("train", job.data.train.sources)):
            for number, other in enumerate(others):
                if _same_videos(source, other):
                    name = f"{source.dataset} {source.split}"
                    rule = f"test videos must be held out, but data.{section}.sources[{number}] takes the same"
                    way_out = "Use another split, or `include` here and `exclude` there."
                    yield place, rule, name, way_out, (("data", section, "sources", number),)


def _same_videos(one: VideoSource, other: VideoSource) -> bool:
    """Whether two sources may share a video, as far as the job file tells."""
    if (one.dataset, one.split, one.options) != (other.dataset, other.split, other.options):
        return False
    return not (_apart(one, other) or _apart(other, one))


def _apart(one: VideoSource, other: VideoSource) -> bool:
    """Whether `other` takes none of the videos that `one` includes: each is excluded there, or not among its own."""
    if one.include is None:
        return False
    left = [name for name in one.include if not any(fnmatch.fnmatchcase(name, pattern) for pattern in other.exclude)]
    plain = not any(mark in name for name in [*left, *(other.include or [])] for mark in "*?[")
    return not left or (other.include is not None and plain and not set(left) & set(other.include))
