"""What evaluates tasks: the protocol, and the evaluator of this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from asymnas.search.results import Evaluation, Task

__all__ = ["Evaluator", "InProcessEvaluator", "OnResult", "Worker", "WorkerFactory", "evaluate_safely"]

OnResult = Callable[[int, Evaluation], None]
"""Called with the task's position and its evaluation as soon as it is complete."""


class Worker(Protocol):
    """Scores one task at a time; holds the weights, the videos and all that is costly to build."""

    def evaluate(self, task: Task) -> Evaluation:
        """Return the evaluation of a task (without key, stage and index); an exception is a failed candidate."""


WorkerFactory = Callable[[], Worker]
"""Builds a worker; must be picklable for `RayEvaluator` (a module-level function or a `functools.partial` of one)."""


class Evaluator(Protocol):
    """Scores many tasks. One worker or many, this process or others: the same evaluations come back."""

    def evaluate(self, tasks: Sequence[Task], *, on_result: OnResult | None = None) -> list[Evaluation]:
        """Return the evaluations in task order.

        A task whose evaluation raises comes back as failed, with its error. An exception of `on_result` stops the
        evaluation and is passed on; the evaluator can be used again afterwards.

        Args:
            tasks: what to evaluate.
            on_result: called in this process with (position, evaluation) as tasks complete, in any order.
        """

    def close(self) -> None:
        """Release all workers; the next `evaluate` would build new ones."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class InProcessEvaluator:
    """Evaluates one task after the other in this process, without Ray; made for debugging, with equal results.

    Args:
        factory: builds the worker at the first evaluation; its errors are passed on.
        threads: torch threads of the worker; None leaves the worker's own setting.
    """

    def __init__(self, factory: WorkerFactory, *, threads: int | None = None) -> None:
        self._factory = factory
        self._threads = threads
        self._worker: Worker | None = None

    def evaluate(self, tasks: Sequence[Task], *, on_result: OnResult | None = None) -> list[Evaluation]:
        """Return the evaluations in task order (see `Evaluator.evaluate`)."""
        if self._worker is None:
            self._worker = build_worker(self._factory, self._threads)
        results = []
        for position, task in enumerate(tasks):
            evaluation = evaluate_safely(self._worker, task)
            if on_result is not None:
                on_result(position, evaluation)
            results.append(evaluation)
        return results

    def close(self) -> None:
        """Let go of the worker."""
        self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def build_worker(factory: WorkerFactory, threads: int | None) -> Worker:
    """Build a worker and set its threads."""
    worker = factory()
    if threads is not None:
        worker.threads = threads  # type: ignore[attr-defined]
    return worker


def evaluate_safely(worker: Worker, task: Task) -> Evaluation:
    """Evaluate a task; whatever it raises becomes a failed evaluation, for the search must go on."""
    started = time.perf_counter()
    try:
        return worker.evaluate(task)
    except Exception as error:  # noqa: BLE001 - any failure is the candidate's, recorded with its traceback
        text = str(error).strip()
        return Evaluation.failed(
            task,
            f"{type(error).__name__}: {text}" if text else type(error).__name__,
            traceback=traceback.format_exc(),
            seconds=time.perf_counter() - started,
        )
