"""The summary of a run and the architecture file, from the results of its stages."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.search import SearchResult
from asymnas.space import Cost, SearchSpace, draw, save_architecture
from asymnas.tracking.metrics import main_measure
from asymnas.tracking.task.statistics import score_table
from asymnas.training import TrainingResult

__all__ = ["cost_table", "search_summary", "training_table", "write_architecture"]

AMORTISED_FRAMES = 300
"""Frames over which what runs once a video is shared out; a LaSOT-like length would be 2,500."""


def cost_table(cost: Cost) -> dict[str, Any]:
    """Return multiply-accumulates and parameters of each branch, and those a frame of a video."""
    table: dict[str, Any] = {
        name: {"macs": branch.macs, "params": branch.params} for name, branch in cost.branches.items()
    }
    return table | {"amortised_macs": cost.amortised(AMORTISED_FRAMES), "amortised_frames": AMORTISED_FRAMES}


def training_table(job: Job, training: TrainingResult) -> dict[str, Any]:
    """Return what training cost and where it ended; no speed is given for a run that only resumed."""
    pairs = training.steps * job.training.batch_size
    return {
        "steps": training.steps,
        "pairs": pairs,
        "seconds": training.seconds,
        "final_loss": training.losses["total"],
        "losses": training.losses,
    }


def _counts(result: SearchResult) -> dict[str, int]:
    """Count what was computed for this search, by whichever process, and what another stage had scored already."""
    copied = sum(item.cached for item in result.evaluations)
    return {"evaluated": len(result.evaluations) - copied, "from_log": copied, "failed": result.failed}


def _best_by_generation(result: SearchResult, size: int) -> list[float | None]:
    """Return the best SUC so far at the end of each generation."""
    best: float | None = None
    rows = []
    for index, (_, score) in enumerate(result.archive, 1):
        if score is not None and (best is None or score > best):
            best = score
        if index % size == 0 or index == len(result.archive):
            rows.append(best)
    return rows


def search_summary(
    job: Job,
    space: SearchSpace,
    training: TrainingResult,
    found: SearchResult,
    random: SearchResult | None,
    tests: dict[str, Any],
) -> dict[str, Any]:
    """Return the summary of a run: plain JSON values, each score with protocol, videos and frames."""
    best = found.best_evaluation
    summary: dict[str, Any] = {
        "job": job.name,
        "job_hash": job.hash,
        "space": space.name,
        "space_hash": space.hash,
        "seed": job.seed,
        "protocol": job.evaluation.protocol,
        "architecture": {
            "key": found.best.key,
            "genes": dict(found.best.genes),
            "drawing": draw(found.best),
        },
        "validation": score_table(
            best.videos, best.frames, protocol=best.protocol, language=best.language, conditions=best.conditions
        ),
        "search": _counts(found)
        | {
            "algorithm": job.search.algorithm,
            "budget": len(found.archive),
            "generations": job.search.generations,
            "best_by_generation": _best_by_generation(found, job.search.population),
        },
        "cost": cost_table(space.cost(found.best)),
        "training": training_table(job, training),
        "weights_hash": training.weights_hash,
        "test": tests,
    }
    if random is not None:
        first = random.best_evaluation
        summary["random_search"] = _counts(random) | {
            "budget": len(random.archive),
            "best": {"suc": first.suc, "se": first.se, "key": random.best.key},
        }
    return summary


def write_architecture(path: Path, job: Job, found: SearchResult, training: TrainingResult) -> None:
    """Write architecture.json."""
    best = found.best_evaluation
    save_architecture(
        path,
        found.best,
        score={
            "metric": main_measure(best.protocol),
            "protocol": best.protocol,
            "value": best.suc,
            "se": best.se,
            "videos": len(best.videos),
            "frames": best.frames,
            "language": best.language,
            "set": "validation",
        },
        provenance={
            "job": job.name,
            "job_hash": job.hash,
            "weights_hash": training.weights_hash,
            "seed": job.seed,
            "versions": versions(),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "definition": job.resolved(),
        },
    )
