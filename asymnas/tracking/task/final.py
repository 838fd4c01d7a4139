"""The last stage of a run: held-out test videos, baselines, and what they say of the found architecture."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.job import Job
from asymnas.search import Evaluation, RandomSearcher, Task
from asymnas.space import Architecture, SearchSpace, available
from asymnas.tracking.data import Video
from asymnas.tracking.task.statistics import above_median, as_dict, language_effect, parts_table, score_table

__all__ = ["final_tasks", "final_tests", "random_architectures"]

logger = logging.getLogger("asymnas.study")


def random_architectures(job: Job, space: SearchSpace) -> list[Architecture]:
    """Return the random architectures of the yardstick: as many as the job asks for, or all that the space has."""
    asked = job.baselines.random_architectures
    wanted = available(space, asked)
    if wanted < asked:
        logger.warning("%d random architectures are asked for, and '%s' has %d in all", asked, space.name, wanted)
    if not wanted:
        return []
    seed = int(rng_for(job.seed, "random architectures").integers(2**31))
    return RandomSearcher(space, seed=seed, budget=wanted, batch=wanted).ask()


def final_tasks(
    job: Job, best: Architecture, random: Architecture | None, others: Sequence[Architecture]
) -> dict[str, Task]:
    """Return what is evaluated on the test videos, by a name for each."""
    reward = job.evaluation.language
    tasks = {
        "best": Task.of(best, "test", reward),
        "best with": Task.of(best, "test", "with"),
        "best without": Task.of(best, "test", "without"),
    }
    if random is not None:
        tasks["random search"] = Task.of(random, "test", reward)
    for name in job.baselines.trackers:
        tasks[f"baseline {name}"] = Task(tracker=name, videos="test", language="without")
    for architecture in others:
        tasks[f"architecture {len(tasks)}"] = Task.of(architecture, "test", reward)
    return tasks


def final_tests(job: Job, videos: Sequence[Video], results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return the `test` section of a summary.

    Args:
        job: the job.
        videos: the test videos.
        results: evaluations by the names of `final_tasks`; failed ones are listed under "failed".
    """
    good = {name: result for name, result in results.items() if result.ok}
    failed = {name: result.error for name, result in results.items() if not result.ok}
    parts = {f"{video.dataset}/{video.name}": video.part for video in videos}
    tests: dict[str, Any] = {"failed": failed} if failed else {}
    best = good.get("best")
    if best is None:
        return tests
    tests["best"] = _scores(best, language=job.evaluation.language)
    tests["parts"] = parts_table(best.videos, parts)
    tests["baselines"] = {}
    for name in job.baselines.trackers:
        if f"baseline {name}" in good:
            result = good[f"baseline {name}"]
            tests["baselines"][name] = _scores(result) | {
                **_difference(best, [result]),
                "parts": parts_table(result.videos, parts),
            }
    if "random search" in good:
        tests["random_search"] = _scores(good["random search"])
    others = [result for name, result in good.items() if name.startswith("architecture ")]
    drawn, asked = sum(name.startswith("architecture ") for name in results), job.baselines.random_architectures
    if others:
        scores = [float(result.suc or 0.0) for result in others]
        tests["random_architectures"] = {
            "n": len(others),
            "median": float(np.median(scores)),
            "scores": scores,
            **({"asked": asked} if drawn < asked else {}),
            **_difference(best, others, seed=job.seed),
        }
    if "best with" in good and "best without" in good:
        tests["language"] = language_effect(good["best with"].videos, good["best without"].videos, parts)
    return tests


def _difference(best: Evaluation, others: Sequence[Evaluation], seed: int = 0) -> dict[str, Any]:
    """The difference with its interval over videos; nothing for a single video, which tells no spread."""
    if len(best.videos) < 2:
        return {}
    return {"difference": as_dict(above_median(best.videos, [result.videos for result in others], seed=seed))}


def _scores(result: Evaluation, **more: Any) -> dict[str, Any]:
    return score_table(result.videos, result.frames, protocol=result.protocol, **more)
