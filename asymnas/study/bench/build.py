"""Building a table of the truth: all trainings on the workers, their log, and the file made of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import Problem, SpaceError
from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.job.base import digest
from asymnas.runs.times import Reporter
from asymnas.study._session import worker_pool
from asymnas.study.bench.table import TableHeader, TruthTable, fingerprinted
from asymnas.study.bench.trainings import (
    SPLITS,
    TrainingLog,
    TrainingRecord,
    TrainingRequest,
    TrainingWorker,
    check_ok,
    coded,
    conditions_of,
    failed_training,
    read_log,
)
from asymnas.task import Task

LARGEST = 1024
"""Architectures of a table, at most."""
APART = {"kind", "name", "seed", "space", "search", "baselines"}
"""Keys of a job that decide no number of a table."""


def build_table(
    job: Job,
    file: Path,
    *,
    seeds: int = 3,
    part: tuple[int, int] = (1, 1),
    progress: Reporter | None = None,
) -> TruthTable | None:
    """Train every architecture of a job's space alone with seeds 0 to `seeds` - 1 and write the table.

    Trainings that are done are lines of `file` with the ending .jsonl, from which a killed build goes on. A part writes
    a log of its own beside it and no table; a build of the whole uses the logs of all parts that it finds there. The
    numbers are the same for any workers and parts.

    Args:
        job: space, data, training, evaluation and resources; its seed is not used.
        file: the table, .npz.
        seeds: trainings of each architecture.
        part: (i, n), 1 <= i <= n: every n-th training from the i-th on.
        progress: gets every training.

    Returns:
        The table; None for a part.

    Raises:
        SpaceError: the space has more than 1,024 architectures.
        EvaluationError: a training failed.
        AsymNASError: whatever the task, the log or the disk refuse.
    """
    task = job.open()
    if task.space.size > LARGEST and task.space.count(limit=task.space.size).feasible > LARGEST:  # type: ignore[operator]
        rule = f"a table has at most {LARGEST:,} architectures"
        raise SpaceError(Problem(task.space.name, rule, f"{task.space.size:,}"))
    task.load()
    task.prepare(lambda done, total: None)
    architectures = list(task.space.enumerate())
    wanted = [
        TrainingRequest(place, architecture.free_ops, seed)
        for seed in range(seeds)
        for place, architecture in enumerate(architectures)
    ][part[0] - 1 :: part[1]]
    identity, own = _identity(job, task), _log_file(file, part)
    with TrainingLog(own, identity) as log:
        done = {(record.place, record.seed): record for record in log.records}
        if part[1] == 1:
            for other in sorted(file.parent.glob(f"{file.stem}.*of*.jsonl")):
                done |= {(record.place, record.seed): record for record in read_log(other, identity)[0]}
        missing = [request for request in wanted if (request.place, request.seed) not in done]
        _train(job, missing, done, log, len(wanted), progress)
    if part[1] > 1:
        return None
    records = [[done[place, seed] for seed in range(seeds)] for place in range(len(architectures))]
    table = _assembled(job, task, records)
    table.write(file)
    return table


def _identity(job: Job, task: Task) -> str:
    splits = {name: task.splits[name].fingerprint for name in SPLITS}
    data = {name: value for name, value in task.fingerprint().items() if name != "seed"}
    return digest({"job": _settings(job), "space": task.space.hash, "splits": splits, "data": data})


def _settings(job: Job) -> dict[str, Any]:
    """What of a job decides the numbers, but for the space."""
    plain = {key: value for key, value in job.identity().items() if key not in APART}
    evaluation = {key: value for key, value in plain["evaluation"].items() if key not in ("ladder", "finals")}
    return plain | {"evaluation": evaluation}


def _log_file(file: Path, part: tuple[int, int]) -> Path:
    return file.with_suffix(".jsonl" if part[1] == 1 else f".{part[0]}of{part[1]}.jsonl")


def _train(
    job: Job,
    missing: Sequence[TrainingRequest],
    done: dict[tuple[int, int], TrainingRecord],
    log: TrainingLog,
    total: int,
    progress: Reporter | None,
) -> None:
    began, count = time.monotonic(), 0

    def finished(position: int, record: TrainingRecord) -> None:
        nonlocal count
        check_ok(record)
        log.append(record)
        done[record.place, record.seed] = record
        count += 1
        if progress is not None:
            rest = (time.monotonic() - began) / count * (len(missing) - count)
            value = next(iter(next(iter(record.values.values())).values()))
            progress.update("trainings", total - len(missing) + count, total, f"last {value:.3f}", rest)

    if missing:
        with worker_pool(job.resources, partial(TrainingWorker, job), failed_training) as pool:
            pool.map(missing, finished)


def _assembled(job: Job, task: Task, records: Sequence[Sequence[TrainingRecord]]) -> TruthTable:
    first = records[0][0]
    conditions, splits = conditions_of(task), {name: task.splits[name] for name in SPLITS}

    def by_split(values: Mapping[str, Mapping[str, float]]) -> list[list[float]]:
        return [[values[split][condition] for condition in conditions] for split in splits]

    def gathered(read: Any, kind: type) -> np.ndarray:
        return np.array([[read(record) for record in row] for row in records], kind)

    arrays = {"values": gathered(lambda record: by_split(record.values), np.float32)}
    for name in first.measures:
        arrays[f"measure.{name}"] = gathered(lambda record, name=name: by_split(record.measures[name]), np.float32)
    for split in splits:
        values = gathered(lambda record, split=split: record.items[split].values(), np.float64)
        arrays[f"levels.{split}"], arrays[f"items.{split}"] = coded(values)
    arrays["curve"] = gathered(lambda record: [loss for _, loss in record.curve], np.float32)
    costs = [task.space.cost(architecture).branches.values() for architecture in task.space.enumerate()]
    arrays["cost"] = np.array([[(branch.macs, branch.params) for branch in row] for row in costs], np.int64)
    header = TableHeader(
        name=job.name,
        job=_settings(job),
        space=task.space.to_dict(),
        space_hash=task.space.hash,
        seeds=len(records[0]),
        splits={name: split.fingerprint for name, split in splits.items()},
        items={name: list(split.items) for name, split in splits.items()},
        conditions=list(conditions),
        reward=task.reward.name,
        measures=list(first.measures),
        curve_steps=[step for step, _ in first.curve],
        versions=versions(),
        seconds=round(sum(record.seconds for row in records for record in row), 1),
    )
    return fingerprinted(header, arrays)
