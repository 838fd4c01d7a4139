"""Checks of tracking's part of a job: its names against what is registered, rules across keys, and what must fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, DataError, LanguageError, Problem, TrackerError, nearest
from asymnas.core.schema import Finding, check_model, reported

if TYPE_CHECKING:
    from pydantic import BaseModel

    from asymnas.tracking import TrackerPlugin
    from asymnas.tracking.task.schema import TrackingJob

REWARDS = ("suc",)
"""What the test is about: baselines have no network, and so no other reward."""


def check_tracking(document: Document, job: TrackingJob | None, dropped: set[Place]) -> Iterator[Problem]:
    """Yield what is wrong with a job of tracking beyond its schema; see `TaskPlugin.check`."""
    yield from _datasets(document)
    yield from _protocol_and_reward(document)
    yield from _baselines(document)
    yield from _encoder(document)
    plugin, options, problems = _tracker(document)
    yield from problems
    if plugin is not None and plugin.searchable:
        yield from _rungs(document, (*REWARDS, *plugin.rewards))
    if job is None:
        return
    yield from reported(document, _mixture(job), dropped)
    if plugin is not None and options is not None and plugin.geometry is not None:
        yield from _crops(document, plugin, options)


def _datasets(document: Document) -> Iterator[Problem]:
    from asymnas.tracking.data import dataset_info, dataset_names

    known = dataset_names()
    for place, source in _sources(document):
        name = source.get("dataset")
        if not isinstance(name, str):
            continue
        if name not in known:
            where = document.where((*place, "dataset"))
            yield Problem(where, "must name a registered data set", repr(name), nearest(name, known))
            continue
        try:
            info = dataset_info(name)
            accepted = info.options()
        except DataError as error:  # a package that cannot be imported
            yield from (replace(item, where=f"{document.where(place)}: {item.where}") for item in error.problems)
            continue
        given = source.get("options", {})
        options = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
        unknown = [key for key in options if accepted is not None and key not in accepted - {"videos", "frames"}]
        for key in unknown:
            where = document.where((*place, "options", key))
            yield Problem(where, f"unknown option of data set {name}", repr(key), nearest(key, accepted or ()))
        split, known_options = source.get("split"), {key: options[key] for key in options if key not in unknown}
        for item in info.problems(split, known_options) if isinstance(split, str) else ():
            at = (*place, "split") if item.where == "split" else (*place, "options", item.where)
            yield replace(item, where=document.where(at))


def _sources(document: Document) -> Iterator[tuple[Place, dict[str, Any]]]:
    for section in ("train", "validation", "test"):
        place = ("data", section, "sources")
        for index, source in enumerate(_entries(document, place)):
            if isinstance(source, dict):
                yield (*place, index), source


def _protocol_and_reward(document: Document) -> Iterator[Problem]:
    from asymnas.tracking.metrics import PROTOCOLS

    for key, rule, known in (
        ("protocol", "must name a protocol", tuple(PROTOCOLS)),
        ("reward", "must name a reward of tracking", REWARDS),
    ):
        name = document.at(("evaluation", key))
        if isinstance(name, str) and name not in known:
            yield Problem(document.where(("evaluation", key)), rule, repr(name), nearest(name, known))


def _rungs(document: Document, known: tuple[str, ...]) -> Iterator[Problem]:
    for section in ("ladder", "finals"):
        place = ("evaluation", section)
        for index, rung in enumerate(_entries(document, place)):
            name = rung.get("reward") if isinstance(rung, dict) else None
            if isinstance(name, str) and name not in known:
                rule = "must name a reward that the tracker has"
                where = document.where((*place, index, "reward"))
                yield Problem(where, rule, repr(name), nearest(name, known))


def _encoder(document: Document) -> Iterator[Problem]:
    """A folder is looked into; an encoder of another name may come from elsewhere."""
    place = ("language", "encoder")
    value = document.at(place)
    if not isinstance(value, str) or not value.startswith((".", "/", "~")):
        return
    from asymnas.language import load_encoder

    try:
        load_encoder(value)
    except LanguageError as error:
        for item in error.problems:
            inside = "" if item.where == ".".join(place) else f": {item.where}"
            yield replace(item, where=f"{document.where(place)}{inside}")


def _baselines(document: Document) -> Iterator[Problem]:
    place = ("baselines", "trackers")
    for index, name in enumerate(_entries(document, place)):
        if isinstance(name, str):
            plugin, problems = _plugin(document, (*place, index), name)
            yield from problems
            if plugin is not None and plugin.has_weights:
                rule = "must name a tracker without a network, for no weights are given for it"
                way_out = "Run the job of such a tracker by itself, and compare the two with `asymnas eval`."
                yield Problem(document.where((*place, index)), rule, repr(name), way_out)


def _plugin(document: Document, place: Place, name: str) -> tuple[TrackerPlugin | None, list[Problem]]:
    from asymnas.tracking import get_tracker, list_trackers

    where, known = document.where(place), list_trackers()
    if name not in known:
        return None, [Problem(where, "must name a registered tracker", repr(name), nearest(name, known))]
    try:
        return get_tracker(name), []
    except TrackerError as error:
        return None, [replace(item, where=f"{where}: {item.where}") for item in error.problems]


def _tracker(document: Document) -> tuple[TrackerPlugin | None, BaseModel | None, list[Problem]]:
    section = document.data.get("tracker", {})
    name = section.get("name", "vlt_scar") if isinstance(section, dict) else None
    if not isinstance(name, str):
        return None, None, []
    place = ("tracker", "name")
    plugin, problems = _plugin(document, place, name)
    if plugin is None:
        return None, None, problems
    if not plugin.searchable:
        way_out = "A search needs a tracker with a search space, such as vlt_scar."
        return plugin, None, [Problem(document.where(place), "must be a searchable tracker", repr(name), way_out)]
    if "tracker" not in document.data:
        return plugin, plugin.options(), []
    options, problems, _ = check_model(plugin.options, document, ("tracker",), extra_keys=("name",))
    return plugin, None if problems else options, problems


def _crops(document: Document, plugin: TrackerPlugin, options: BaseModel) -> Iterator[Problem]:
    from asymnas.space import LANGUAGE, load_space

    try:
        space = load_space(document.data["space"])
    except (AsymNASError, KeyError):  # has problems of its own
        return
    assert plugin.geometry is not None
    stages = [stage for branch in space.branches for stage in branch.stages]
    if not plugin.reads_language and any(stage.mixer and stage.mixer.reads == LANGUAGE for stage in stages):
        rule = f"the tracker '{plugin.name}' reads no sentences, but mixers of the space do"
        yield Problem(document.where(("space",)), rule, space.name, "Choose a space without mixers.")
    try:
        plugin.geometry(options, space)
    except AsymNASError as error:
        for item in error.problems:
            section, _, key = item.where.partition(".")
            if section == "tracker" and key:
                where = document.where(("tracker", *key.split(".")))
            else:
                where = ": ".join([document.where(("space",)), *([item.where] if item.where else [])])
            yield replace(item, where=where)


def _entries(document: Document, place: Place) -> list[Any]:
    value = document.at(place)
    return value if isinstance(value, list) else []


def _mixture(job: TrackingJob) -> Iterator[Finding]:
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
