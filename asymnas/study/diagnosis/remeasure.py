"""Measures a sample of architectures of a finished search anew: on new items, per condition, per recalibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import JobError, Problem, RunFolderError, nearest
from asymnas.core.reliability import components
from asymnas.nn import weights_hash
from asymnas.runs.diagnosis import EstimatorCheck, RankAgreement, RecalibrationNoise
from asymnas.runs.folder import RunFolder
from asymnas.runs.read import RunData, read_run
from asymnas.search import Request, ResultLog, ScoreSettings, evaluate_logged
from asymnas.space import Architecture, save_architecture
from asymnas.study._plan import Plan
from asymnas.study._retrain import retrain
from asymnas.study._session import Session
from asymnas.study.diagnosis.estimator_check import check_estimator, estimator_of
from asymnas.study.diagnosis.rankings import (
    Genes,
    ScoreTable,
    agreement,
    agreement_as_is,
    agreements,
    ranking,
    tables_of,
)
from asymnas.study.diagnosis.sample import sample_of

if TYPE_CHECKING:
    from asymnas.job import Job
    from asymnas.runs.times import Reporter
    from asymnas.task import Reward, Task

FOLDER = "diagnosis"
BATCHES = (1, 2, 4, 8, 16)
"""Numbers of recalibration batches that are compared."""


@dataclass(frozen=True, slots=True)
class Remeasured:
    """What is measured, see `asymnas.study.diagnose`."""

    items: int | None
    sample: int
    archive: int
    recalibration: bool
    conditions: bool
    seeds: tuple[Path, ...] = ()
    standalone: int | None = None
    hold: tuple[str, ...] = ()
    reward: str | None = None
    workers: int | None = None
    engine: str | None = None


def remeasured(run: RunData, wanted: Remeasured, nouns: Mapping[str, str], progress: Reporter | None) -> dict[str, Any]:
    """Measure what is wanted and return the fields of the diagnosis that it fills."""
    from asymnas.job import launch_job

    weights = supernet_of(run)
    others = {folder: read_run(folder) for folder in wanted.seeds}
    supernets, known = {}, {weights_hash(weights): run.folder}
    for folder, other in others.items():
        if other.space != run.space:
            raise RunFolderError(Problem(str(folder), f"must be of the search space of {run.folder}"))
        supernets[folder] = supernet_of(other)
        supernet = weights_hash(supernets[folder])
        if supernet in known:
            rule, way_out = f"must have another supernet than {known[supernet]}", "Give a run of another seed."
            raise RunFolderError(Problem("--seeds", rule, str(folder), way_out))
        known[supernet] = folder
    job = launch_job(run.folder / "job.yaml", engine=wanted.engine, workers=wanted.workers, files=False)
    with RunFolder.open(run.folder / FOLDER, job, resume=True) as place:
        place.weights = weights
        sample = _Sample(job, place, progress, run, wanted, nouns)
        parts: dict[str, Any] = {}
        if wanted.items:
            parts |= sample.on_new_items(wanted.items)
        if wanted.conditions:
            parts["conditions"] = sample.by_condition()
        if wanted.recalibration:
            parts["recalibration"] = sample.by_recalibration()
        if supernets:
            parts["seeds"] = sample.by_supernet(supernets)
        if wanted.standalone:
            parts["standalone"] = sample.alone(wanted.standalone)
            held = [sample.alone(wanted.standalone, branch) for branch in wanted.hold]
            parts["held"] = [found for found in held if found is not None]
        return parts


def supernet_of(run: RunData) -> Path:
    """Return the file of a run's supernet; RunFolderError where it is not trained yet."""
    weights = run.folder / "supernet.safetensors"
    if not weights.is_file():
        way_out = "Finish it: `asymnas search JOB --resume`."
        raise RunFolderError(Problem(str(run.folder), "must have a trained supernet", f"no {weights.name}", way_out))
    return weights


class _Sample(Session):
    """Random architectures and the search's best, scored in several ways."""

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        progress: Reporter | None,
        run: RunData,
        wanted: Remeasured,
        nouns: Mapping[str, str],
    ) -> None:
        super().__init__(job, folder, progress)
        self.log, self.nouns, self.data = ResultLog(folder.evaluations), nouns, run
        name = wanted.reward or self.reward.name
        if name not in self.task.rewards:
            rule = f"must name a reward of task '{job.task}'"
            raise JobError(Problem("reward", rule, repr(name), nearest(name, self.task.rewards)))
        self.reward = self.task.rewards[name]
        self.used = any(item.reward == name for item in run.stage("search"))
        self.span = _span(self.task, self.reward, run, wanted.items)
        self.architectures = sample_of(self.space, run, wanted.sample, wanted.archive, seed=job.seed)
        with self.stage("preparation"):
            self.task.prepare(lambda done, total: self.progress.update("preparation", done, total))

    def on_new_items(self, count: int) -> dict[str, Any]:
        """Score on new items, and on those of the search if it used the reward: what the two say of each other."""
        split = self.task.fresh(self.reward, count)
        opener = partial(task_with_new_items, self.job, self.reward.name, count)
        new = self._scored("new items", split, opener=opener)
        found = None
        if self.used:
            old = self._scored("search items", label="items of the search")
            found = agreement(old, replace(new, label="new items"))
        return {"new_items": ranking(new), "new_agreement": found, "estimator_check": self._estimator_check(new)}

    def _estimator_check(self, table: ScoreTable) -> EstimatorCheck | None:
        """Compare the estimator of the run, if it has one, with the new items."""
        measures = Plan.of(self.task).measures
        if not self.job.search.estimator:
            return None
        return check_estimator(estimator_of(self.space, self.data.evaluations, measures), table)

    def by_condition(self) -> list[RankAgreement]:
        """Score under each condition alone; agreement of the first with each other one."""
        tables = [self._scored(f"condition {name}", conditions=(name,), label=name) for name in self.task.conditions]
        return [found for other in tables[1:] if (found := agreement(tables[0], other)) is not None]

    def by_recalibration(self) -> RecalibrationNoise:
        """Score with each number of recalibration batches, on the same items."""
        tables = []
        for number in BATCHES:
            job = _with_batches(self.job, number)
            task = job.open()
            task.load()
            label = f"{number} batches"
            tables.append(self._scored(f"recalibration {number}", task=task, opener=job.open, label=label))
        return recalibration_noise(tables, BATCHES)

    def by_supernet(self, others: Mapping[Path, Path]) -> list[RankAgreement]:
        """Score with the supernets of other runs too, on the same items; agreement of each pair of supernets."""
        tables = [self._scored("search items", label=str(self.data.folder))]
        for folder, weights in others.items():
            stage = f"supernet {weights_hash(weights)[:12]}"
            tables.append(self._scored(stage, weights=weights, label=str(folder)))
        return agreements(tables)

    def alone(self, count: int, branch: str | None = None) -> RankAgreement | None:
        """Train `count` architectures alone; their scores against those in the supernet, by the job's reward.

        With a `branch` all have the best one's genes in it.
        """
        chosen = sample_of(self.space, self.data, count - 1, branch=branch, seed=self.job.seed)
        held = f", {branch} held" if branch else ""
        rows: dict[Genes, Mapping[str, float]] = {}
        place = self.run.folder / "standalone"
        place.mkdir(exist_ok=True)
        for architecture in chosen:
            folder, file = place / architecture.key, place / f"{architecture.key}.json"
            save_architecture(file, architecture)
            summary = retrain(file, self.job, folder, resume=True, progress=self.progress, test=False)
            if summary.validation is not None:
                rows[tuple(sorted(architecture.genes.items()))] = summary.validation.items
        inside = self._scored(f"standalone in the supernet{held}", reward=self.task.reward, architectures=chosen)
        outside = replace(inside, rows=rows, label=f"trained alone{held}")
        return agreement(replace(inside, label=f"in the supernet{held}"), outside)

    def _scored(
        self,
        stage: str,
        split: str | None = None,
        conditions: Sequence[str] = (),
        *,
        label: str = "",
        task: Task | None = None,
        opener: Callable[[], Task] | None = None,
        weights: Path | None = None,
        reward: Reward | None = None,
        architectures: Sequence[Architecture] | None = None,
    ) -> ScoreTable:
        """Score all of the sample, or other architectures; `opener` opens the task in a worker, `weights` are a file.

        Task and weights are by default those of the run, items those of the search, conditions the scored ones.
        """
        task, reward, span = task or self.task, reward or self.reward, None
        if split is None:
            split, span = reward.split, self.span if reward == self.reward else None
        given = tuple(conditions or task.scored)
        settings = ScoreSettings.of(task, weights_hash(weights or self.run.weights))
        requests = [
            Request.of(item, split, given, reward=reward.name, span=span)
            for item in architectures or self.architectures
        ]
        count = self.counter(stage, len(requests))
        with self.stage(stage), self.pool(opener, weights) as pool:
            found = evaluate_logged(requests, pool, self.log, settings=settings, stage=stage, on_result=count)
        if not any(item.ok for item in found):
            raise RunFolderError(Problem(stage, "no architecture could be scored", found[-1].error))
        table, *_ = tables_of(found, (stage,), {**self.nouns, split: task.splits[split].noun})
        return replace(table, label=label)


def _span(task: Task, reward: Reward, run: RunData, count: int | None) -> tuple[int, int] | None:
    """The first items of the reward's split, as many as the search used, at least two; of a reward that it did not use
    `count`."""
    used = {
        name for item in run.evaluations if item.stage == "search" and item.reward == reward.name for name in item.items
    }
    there = len(task.splits[reward.split].items)
    wanted = max(2, len(used)) if used else count or there
    return None if wanted >= there else (0, wanted)


def task_with_new_items(job: Job, reward: str, count: int) -> Task:
    """Open a job's task, for a worker, with the split of items that no stage of the job uses."""
    task = job.open()
    task.fresh(task.rewards[reward], count)
    return task


def _with_batches(job: Job, number: int) -> Job:
    recalibration = job.evaluation.recalibration.model_copy(update={"batches": number})
    return job.model_copy(update={"evaluation": job.evaluation.model_copy(update={"recalibration": recalibration})})


def recalibration_noise(tables: Sequence[ScoreTable], batches: Sequence[int]) -> RecalibrationNoise:
    """Return what the number of batches does to the scores of (architectures x items) tables, one a number."""
    keys = [key for key in tables[0].rows if all(key in table.rows for table in tables)]
    items = list(tables[0].rows[keys[0]])
    scores = np.stack([table.array(keys, items).mean(1) for table in tables], axis=1)
    found = components(scores)
    return RecalibrationNoise(
        batches=list(batches),
        means=scores.mean(0).tolist(),
        spread=found.architecture.mapped(math.sqrt),
        noise=found.residual.mapped(math.sqrt),
        agreement=[agreement_as_is(table, tables[-1], keys, items) for table in tables[:-1]],
    )
