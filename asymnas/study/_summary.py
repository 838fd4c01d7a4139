"""The summary of a run and the architecture file, from the results of its stages."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.runs.read import score_of
from asymnas.runs.summary import (
    ArchitectureSummary,
    BranchImportance,
    ClimbedReward,
    CostSummary,
    EffectSummary,
    FinalistSummary,
    RewardName,
    RunSummary,
    SearchCounts,
    TrainingSummary,
)
from asymnas.search import Estimator, Evaluation, SearchResult
from asymnas.search.optuna import gene_importance
from asymnas.space import Architecture, Cost, draw, save_architecture
from asymnas.study._plan import SearchOutcome
from asymnas.study._plan import climbed as of_reward
from asymnas.study._session import Session
from asymnas.task import Task
from asymnas.training import TrainingResult

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


def search_counts(outcome: SearchOutcome, algorithm: str, generation: int) -> SearchCounts:
    """Count what was computed for a search, by whichever process, and what another stage had scored already."""
    result = outcome.result
    copied = sum(item.cached for item in result.evaluations)
    finalists = [
        FinalistSummary(
            key=item.architecture.key,
            value=item.evaluation.value or 0.0,
            se=item.evaluation.se,
            worth=item.worth,
            sd=item.sd,
            chance=item.chance,
        )
        for item in outcome.finalists
    ]
    return SearchCounts(
        algorithm=algorithm,
        budget=len(result.archive),
        evaluated=len(result.evaluations) - copied,
        from_log=copied,
        failed=result.failed,
        generations=math.ceil(len(result.archive) / generation),
        best=score_of(result.best_evaluation),
        genes=dict(result.best.genes),
        finalists=finalists,
        reliability=None if outcome.estimator is None else _known(outcome.estimator.components().reliability),
        effects=[] if outcome.estimator is None else _effects(outcome.estimator),
        importance=[] if outcome.estimator is None else _importance(outcome.estimator, outcome.result),
    )


def _known(value: float) -> float | None:
    """None for NaN: a search of one architecture has no spread."""
    return None if math.isnan(value) else value


def _effects(estimator: Estimator) -> list[EffectSummary]:
    return [EffectSummary(gene=one.gene, op=one.op, mean=one.mean, sd=one.sd) for one in estimator.effects()]


def _importance(estimator: Estimator, result: SearchResult) -> list[BranchImportance]:
    """Shares of the main effects' variance, and PED-ANOVA of the scores on the highest rung, by branch and mixers."""
    top = max(item.rung or 0 for item in result.evaluations)
    reached = {item.candidate for item in result.evaluations if item.ok and item.rung == top}
    scored = [row for place, row in enumerate(result.archive) if place in reached]
    by_gene = gene_importance(estimator.space, [(one, score) for one, score in scored if score is not None])
    by_branch = dict.fromkeys(estimator.components().branches, 0.0)
    for gene in estimator.space.genes:
        if gene.id in by_gene:
            by_branch[gene.branch + (" mixers" if gene.mixer else "")] += by_gene[gene.id]
    squares = {name: sd**2 for name, sd in estimator.components().branches.items()}
    total = sum(squares.values()) or 1.0
    return [
        BranchImportance(branch=name, share=square / total, ped_anova=by_branch[name] if by_gene else None)
        for name, square in squares.items()
    ]


def summarised(
    session: Session,
    architecture: Architecture,
    training: TrainingResult,
    *,
    validation: Evaluation | None,
    climbed: ClimbedReward | None = None,
    **parts: Any,
) -> RunSummary:
    """Return the summary of a run; `validation` is the score that chose the architecture, `parts` are other fields."""
    job, task = session.job, session.task
    reward = RewardName(name=task.reward.name, title=task.reward.title)
    return RunSummary(
        task=job.task,
        job=job.name,
        job_hash=job.hash,
        seed=job.seed,
        space=task.space.name,
        space_hash=task.space.hash,
        reward=reward,
        climbed=climbed or of_reward(task, task.reward),
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


def write_architecture(file: Path, job: Job, task: Task, found: SearchOutcome, weights: str) -> None:
    """Write architecture.json; `weights` is the hash of the supernet's weights."""
    best = found.best_evaluation
    split = task.splits[best.split]
    score: dict[str, Any] = {"metric": task.rewards[best.reward].title, "value": best.value, "se": best.se}
    score |= {split.noun: len(best.items)}
    score |= {**best.facts, "conditions": list(best.conditions), "set": best.split}
    save_architecture(
        file,
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
