"""One training of a table: the worker that does it, what it returns, and the log of those that are done."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from asymnas.core.errors import DataError, EvaluationError, Problem, RunFolderError
from asymnas.core.files import disk_errors
from asymnas.core.models import Record
from asymnas.core.threads import all_threads
from asymnas.job import Job
from asymnas.study._session import training_config
from asymnas.task import Task

SPLITS = ("validation", "test")
"""What a table has: searchers see the first, and are judged by the second."""
POINTS = 10
"""Points of a loss curve, at most."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """One training: the architecture's place in the table, its free ops, and the seed of weights and batches."""

    place: int
    ops: tuple[str, ...]
    seed: int


def coded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, (levels,), and uint8 indices into them of the shape of the values.

    Raises:
        DataError: more than 256 are distinct.
    """
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) > 256:
        rule = "a table keeps rewards with at most 256 distinct values of an item, such as accuracy"
        raise DataError(Problem("evaluation.reward", rule, str(len(levels)), "Choose another reward."))
    return levels, codes.reshape(values.shape).astype(np.uint8)


class ItemCodes(Record):
    """Values of items, in the order of their split: the distinct ones, and by item which one, a byte in base64."""

    levels: list[float]
    codes: str

    @staticmethod
    def of(values: np.ndarray) -> ItemCodes:
        """Pack (n,) values; raises as `coded` does."""
        levels, codes = coded(values)
        return ItemCodes(levels=levels.tolist(), codes=base64.b64encode(codes.tobytes()).decode())

    def values(self) -> np.ndarray:
        """Return the (n,) values."""
        return np.array(self.levels)[np.frombuffer(base64.b64decode(self.codes), np.uint8)]


class TrainingRecord(Record):
    """One line of the log: what one training gave, or why it failed.

    `values` and `measures` (by name) are by split and condition; `curve` has (last step, mean loss) pairs.
    """

    place: int
    seed: int
    values: dict[str, dict[str, float]] = Field(default_factory=dict)
    measures: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)
    items: dict[str, ItemCodes] = Field(default_factory=dict)
    curve: list[tuple[int, float]] = Field(default_factory=list)
    seconds: float
    error: str = ""


def failed_training(request: TrainingRequest, error: Exception, traceback: str, seconds: float) -> TrainingRecord:
    """Return the record of a training that failed; it is not logged."""
    text = f"{type(error).__name__}: {error}"
    return TrainingRecord(place=request.place, seed=request.seed, seconds=seconds, error=text)


class TrainingWorker:
    """Trains architectures alone and measures them on all splits under all conditions.

    A result depends on the job and the request alone. The job's own seed is not used.
    """

    def __init__(self, job: Job, threads: int = 1) -> None:
        self.job, self.threads = job, threads
        self._tasks: dict[int, Task] = {}

    def _task(self, seed: int) -> Task:
        if seed not in self._tasks:
            self._tasks[seed] = self.job.model_copy(update={"seed": seed}).open()
            self._tasks[seed].load()
        return self._tasks[seed]

    def handle(self, request: TrainingRequest) -> TrainingRecord:
        """Train and measure one architecture with one seed."""
        import torch

        from asymnas.nn import recalibrated
        from asymnas.training import train_alone

        task = self._task(request.seed)
        began = time.process_time()
        architecture, model = task.space.from_free_ops(request.ops), task.model()
        config = training_config(task.job)
        with all_threads(self.threads):
            curve = train_alone(model, task.batches("training"), architecture, config, POINTS)
            source, path = task.batches("recalibration"), architecture.genes
            count = task.job.evaluation.recalibration.batches
            batches = [source.batch(step).to("cpu") for step in range(count)]
            with torch.inference_mode(), recalibrated(model, lambda batch: model(batch, path), batches):
                found = self._measured(task, model, path)
        return TrainingRecord(
            place=request.place, seed=request.seed, curve=curve, seconds=time.process_time() - began, **found
        )

    def _measured(self, task: Task, model: Any, path: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, dict[str, float]] = {}
        measures: dict[str, dict[str, dict[str, float]]] = {}
        packed, conditions = {}, conditions_of(task)
        for split in SPLITS:
            items = task.splits[split].items
            for condition in conditions:
                measured = task.measure(model, path, split, reward=task.reward, condition=condition, items=items)
                values.setdefault(split, {})[condition] = task.reward.value(measured.values)
                for name, value in measured.measures.items():
                    measures.setdefault(name, {}).setdefault(split, {})[condition] = value
                if condition == conditions[0]:
                    packed[split] = ItemCodes.of(np.array([measured.values[item] for item in items]))
        return {"values": values, "measures": measures, "items": packed}


def conditions_of(task: Task) -> tuple[str, ...]:
    """Return a task's conditions, the one that a search is scored by first.

    Raises:
        DataError: it is scored by several.
    """
    if len(task.scored) != 1:
        rule = "a table is of a task whose reward is of one condition"
        raise DataError(Problem("task", rule, ", ".join(task.scored)))
    return (*task.scored, *(name for name in task.conditions if name not in task.scored))


class TrainingLog:
    """The trainings that are done, one JSON line each, of one identity; a context manager that locks the file.

    Args:
        file: the log; made if it is not there.
        identity: names all that decides the numbers.

    Raises:
        RunFolderError: the log is of another identity, corrupt, in use by another process, or cannot be written.
    """

    def __init__(self, file: Path, identity: str) -> None:
        with disk_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(f"{file}.lock", timeout=0)
            try:
                self._lock.acquire()
            except Timeout:
                raise RunFolderError(Problem(str(file), "another process writes this log")) from None
            self.file = file
            records, end = read_log(file, identity) if file.exists() else ([], 0)
            self.records = records
            self._stream: TextIO = open(file, "a", encoding="utf-8")  # noqa: SIM115 - closed by __exit__
            self._stream.truncate(end)
            if not end:
                self._write(json.dumps({"table": identity}))

    def append(self, record: TrainingRecord) -> None:
        """Add a training."""
        with disk_errors(self.file):
            self._write(record.model_dump_json())

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *error: object) -> None:
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._lock.release()


def read_log(file: Path, identity: str) -> tuple[list[TrainingRecord], int]:
    """Return the trainings of a log, and the bytes up to the end of its last whole line.

    Raises:
        RunFolderError: it is of another identity, or a line is corrupt.
    """
    lines = _whole_lines(file)
    end, records = 0, []
    for number, line in enumerate(lines, start=1):
        where = f"{file}:{number}"
        try:
            if number > 1:
                records.append(TrainingRecord.model_validate_json(line))
            elif (found := json.loads(line)["table"]) != identity:
                rule = "the log must be of the same space, data, training settings and scoring"
                way_out = f"Restore the job that it was begun with, or delete it to start again (identity {identity})."
                raise RunFolderError(Problem(str(file), rule, found, way_out))
        except (ValueError, ValidationError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            way_out = "Delete this line; its training is done again."
            raise RunFolderError(Problem(where, "the line is corrupt", reason, way_out)) from None
        end += len(line)
    return records, end


def _whole_lines(file: Path) -> Iterator[bytes]:
    """Yield the lines; one that has no end (its process was killed) is left out."""
    with open(file, "rb") as stream:
        yield from (line for line in stream if line.endswith(b"\n"))


def check_ok(record: TrainingRecord) -> None:
    """Raise an EvaluationError for a training that failed."""
    if record.error:
        where = f"architecture {record.place}, seed {record.seed}"
        raise EvaluationError(Problem(where, f"the training failed: {record.error}"))
