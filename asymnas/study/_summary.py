"""The summary of a run and the architecture file, from the results of its stages."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.runs.read import score_of
from asymnas.runs.summary import (
    ArchitectureSummary,
    CostSummary,
    RewardName,
    RunSummary,
    SearchCounts,
    TrainingSummary,
)
from asymnas.search import Evaluation, SearchResult
from asymnas.space import Architecture, Cost, draw, save_architecture
from asymnas.study._session import Session
from asymnas.task import Task
from asymnas.training import TrainingResult

__all__ = ["cost_summary", "search_counts", "summarised", "write_architecture"]

AMORTISED_FRAMES = 300
"""Frames over which what runs once a video is shared out; a LaSOT-like length would be 2,500."""


def cost_summary(cost: Cost) -> CostSummary:
    """Return the cost of each branch and of all, a frame of a video where a branch runs once in a video."""
    frames = AMORTISED_FRAMES if "video" in cost.rates.values() else 1
    return CostSummary(
        branches={name: {"macs": branch.macs, "params": branch.params} for name, branch in cost.branches.items()},
        amortised_macs=cost.amortised(frames),
        amortised_frames=frames,
    )


def search_counts(result: SearchResult, algorithm: str, generation: int) -> SearchCounts:
    """Count what was computed for a search, by whichever process, and what another stage had scored already.

    Args:
        result: the search.
        algorithm: its name.
        generation: architectures a generation.
    """
    copied = sum(item.cached for item in result.evaluations)
    best: float | None = None
    rows = []
    for index, (_, score) in enumerate(result.archive, 1):
        if score is not None and (best is None or score > best):
            best = score
        if index % generation == 0 or index == len(result.archive):
            rows.append(best)
    return SearchCounts(
        algorithm=algorithm,
        budget=len(result.archive),
        evaluated=len(result.evaluations) - copied,
        from_log=copied,
        failed=result.failed,
        generations=len(rows),
        best_by_generation=rows,
        best=score_of(result.best_evaluation),
        best_key=result.best.key,
    )


def summarised(
    session: Session,
    architecture: Architecture,
    training: TrainingResult,
    *,
    validation: Evaluation | None,
    **parts: Any,
) -> RunSummary:
    """Return the summary of a run.

    Args:
        session: the run.
        architecture: the found one, or the one that was retrained.
        training: how training ended.
        validation: the architecture's score that chose it; None where there is none.
        parts: further fields of `RunSummary`.
    """
    job, task = session.job, session.task
    return RunSummary(
        task=job.task,
        job=job.name,
        job_hash=job.hash,
        seed=job.seed,
        space=task.space.name,
        space_hash=task.space.hash,
        reward=RewardName(name=task.reward.name, title=task.reward.title),
        noun=task.splits["validation"].noun,
        architecture=ArchitectureSummary(
            key=architecture.key, genes=dict(architecture.genes), drawing=draw(architecture)
        ),
        validation=None if validation is None else score_of(validation),
        cost=cost_summary(task.space.cost(architecture)),
        training=TrainingSummary(
            steps=training.steps,
            samples=training.steps * job.training.batch_size,
            seconds=training.seconds,
            losses=training.losses,
        ),
        weights_hash=training.weights_hash,
        seconds=session.times.seconds,
        versions=versions(),
        **parts,
    )


def write_architecture(path: Path, job: Job, task: Task, found: SearchResult, weights: str) -> None:
    """Write architecture.json.

    Args:
        path: the file.
        job: the job.
        task: its task.
        found: the search.
        weights: hash of the supernet's weights.
    """
    best, split = found.best_evaluation, task.splits["validation"]
    score: dict[str, Any] = {
        "metric": task.reward.title,
        "value": best.value,
        "se": best.se,
        split.noun: len(best.items),
    }
    score |= {**best.facts, "conditions": list(best.conditions), "set": "validation"}
    save_architecture(
        path,
        found.best,
        score=score,
        provenance={
            "job": job.name,
            "job_hash": job.hash,
            "weights_hash": weights,
            "seed": job.seed,
            "versions": versions(),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "definition": job.resolved(),
        },
    )
