"""The last stage of a run: held-out items, baselines, and what they say of the found architecture."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from asymnas.core.statistics import Interval, above_median, paired_difference
from asymnas.job import Job
from asymnas.runs.read import score_of
from asymnas.runs.summary import BaselineScore, ConditionEffect, MedianScore, PartScore, TestResults
from asymnas.search import Evaluation, Request, drawn_architectures
from asymnas.space import Architecture, SearchSpace
from asymnas.task import Split, Task

logger = logging.getLogger("asymnas.study")


def random_architectures(job: Job, space: SearchSpace) -> list[Architecture]:
    """Return the random architectures of the yardstick: as many as the job asks for, or all that the space has."""
    asked = job.baselines.random_architectures
    found = drawn_architectures(space, asked, job.seed, "random architectures")
    if len(found) < asked:
        logger.warning("%d random architectures are asked for, and '%s' has %d in all", asked, space.name, len(found))
    return found


def final_requests(
    task: Task, best: Architecture, random: Architecture | None, others: Sequence[Architecture]
) -> dict[str, Request]:
    """Return what is evaluated on the test items, by a name for each.

    The found architecture is evaluated as the search did and under each condition alone; `random` is the best of the
    random search, `others` are random architectures.
    """
    requests = {"best": Request.of(best, "test", task.scored)}
    for condition in task.conditions:
        requests[f"best {condition}"] = Request.of(best, "test", (condition,))
    if random is not None:
        requests["random search"] = Request.of(random, "test", task.scored)
    for name in task.baselines:
        requests[f"baseline {name}"] = Request(baseline=name, split="test", conditions=())
    for architecture in others:
        requests[f"architecture {len(requests)}"] = Request.of(architecture, "test", task.scored)
    return requests


def test_results(task: Task, job: Job, results: Mapping[str, Evaluation]) -> TestResults:
    """Return what the test items say: evaluations by the names of `final_requests`, failed ones by their errors."""
    good = {name: result for name, result in results.items() if result.ok}
    failed = {name: result.error for name, result in results.items() if not result.ok}
    if "best" not in good:
        return TestResults(failed=failed)
    best, split = good["best"], task.splits["test"]
    baselines = {}
    for name in task.baselines:
        if f"baseline {name}" in good:
            result = good[f"baseline {name}"]
            baselines[name] = BaselineScore(
                **dict(score_of(result)),
                difference=_difference(task, best, [result]),
                parts=_parts(task, split, result),
            )
    return TestResults(
        best=score_of(best),
        parts=_parts(task, split, best),
        baselines=baselines,
        random_search=score_of(good["random search"]) if "random search" in good else None,
        random_architectures=_random_architectures(task, job, results),
        conditions=_condition_effects(task, split, good),
        failed=failed,
    )


test_results.__test__ = False  # type: ignore[attr-defined] # no test of pytest's


def _parts(task: Task, split: Split, result: Evaluation) -> dict[str, PartScore]:
    found = {}
    for part in sorted(set(split.parts.values())):
        values = {name: value for name, value in result.items.items() if split.parts.get(name) == part}
        if values:
            found[part] = PartScore(value=task.reward.value(values), se=task.reward.se(values), n=len(values))
    return found


def _random_architectures(task: Task, job: Job, results: Mapping[str, Evaluation]) -> MedianScore | None:
    drawn = [result for name, result in results.items() if name.startswith("architecture ")]
    others = [result for result in drawn if result.ok]
    if not others:
        return None
    scores, asked = [float(result.value or 0.0) for result in others], job.baselines.random_architectures
    return MedianScore(
        n=len(others),
        median=float(np.median(scores)),
        scores=scores,
        asked=asked if len(drawn) < asked else None,
        difference=_difference(task, results["best"], others, seed=job.seed),
    )


def _difference(task: Task, best: Evaluation, others: Sequence[Evaluation], seed: int = 0) -> Interval | None:
    """The difference with its interval over items; None for a single item, which has no spread."""
    if len(best.items) < 2:
        return None
    rule = task.reward.whole
    return above_median(best.items, [result.items for result in others], rule=rule, seed=seed)


def _condition_effects(task: Task, split: Split, good: Mapping[str, Evaluation]) -> list[ConditionEffect]:
    """The first condition against each other one, on each named part and last on all items together."""
    reference, *others = task.conditions
    rows = []
    for other in others:
        if not {f"best {reference}", f"best {other}"} <= good.keys():
            continue
        one, two = good[f"best {reference}"].items, good[f"best {other}"].items
        for part in [*sorted(set(split.parts.values())), "all"]:
            names = [name for name in one if part in ("all", split.parts.get(name))]
            if len(names) < 2:
                continue
            a, b = ({name: items[name] for name in names} for items in (one, two))
            if task.reward.whole is None:
                interval = paired_difference(np.array(list(a.values())), np.array(list(b.values())))
            else:
                interval = above_median(a, [b], rule=task.reward.whole)
            rows.append(
                ConditionEffect(
                    reference=reference,
                    other=other,
                    part=part,
                    n=len(names),
                    reference_value=task.reward.value(a),
                    other_value=task.reward.value(b),
                    difference=interval,
                )
            )
    return rows
