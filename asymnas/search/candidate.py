"""The worker that scores candidates: recalibrate the subnet, let the task measure it, join the conditions."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from asymnas.core.errors import EvaluationError, JobError, Problem, nearest
from asymnas.core.threads import all_threads
from asymnas.search.results import Evaluation, Request, cost_record
from asymnas.task import Batch, Measurement, Reward, Task

REMEMBERED = 64
"""Architectures whose normalisation statistics a worker remembers."""


class CandidateWorker:
    """Scores architectures of one supernet, and baselines; a function of its arguments and the request alone.

    Args:
        task: measures the model.
        model: the task's model with the supernet's weights, on the device it shall run on; it is set to eval mode.
        batches: recalibration batches, the same for every candidate.
        threads: threads during an evaluation; what the caller had is restored afterwards.
    """

    def __init__(self, task: Task, model: Any, batches: Sequence[Batch], threads: int = 1) -> None:
        self.task, self.model, self.threads = task, model.eval(), threads
        device = next(model.parameters()).device
        self.batches = [batch.to(device) for batch in batches]
        self._statistics: OrderedDict[str, Any] = OrderedDict()  # a higher rung finds those of a lower one

    def handle(self, request: Request) -> Evaluation:
        """Score an architecture or a baseline.

        Raises:
            EvaluationError: an item has no value, or one that is not finite.
            ArchitectureMismatch: the genes are not of the supernet's space.
            AsymNASError: whatever else the task raises.
        """
        import torch

        started, task = time.perf_counter(), self.task
        _check_known("split", [request.split], task.splits)
        _check_known("condition", request.conditions, task.conditions)
        _check_known("reward", [request.reward] if request.reward else [], task.rewards)
        reward = task.rewards[request.reward] if request.reward else task.reward
        split = task.splits[request.split]
        items = split.items if request.span is None else split.nested[slice(*request.span)]
        with all_threads(self.threads), torch.inference_mode():
            if request.baseline is None:
                found, more = self._candidate(request, reward, items)
            else:
                measured = task.measure_baseline(request.baseline, request.split, reward=reward, keep=request.keep)
                found, more = {"": measured}, {}
        for condition, measurement in found.items():
            _check_values(measurement, items, f"{request.split}, {condition}" if condition else request.split)
        joined = {item: float(np.mean([each.values[item] for each in found.values()])) for item in items}
        ordered = {name: {item: each.values[item] for item in items} for name, each in found.items() if name}
        first, *_ = found.values()
        return Evaluation(
            genes=None if request.genes is None else dict(request.genes),
            baseline=request.baseline,
            split=request.split,
            conditions=list(request.conditions),
            reward=reward.name,
            span=request.span,
            value=reward.value(joined),
            se=reward.se(joined),
            items=joined,
            by_condition={name: reward.value(values) for name, values in ordered.items()},
            measures={
                name: float(np.mean([each.measures[name] for each in found.values()])) for name in first.measures
            },
            facts=dict(first.facts),
            kept={name: each.kept for name, each in found.items()} if request.keep else None,
            seconds=time.perf_counter() - started,
            **more,
        )

    def _candidate(
        self, request: Request, reward: Reward, items: Sequence[str]
    ) -> tuple[dict[str, Measurement], dict[str, Any]]:
        from asymnas.nn import recalibrated, statistics_of

        task, model = self.task, self.model
        architecture = task.space.architecture(dict(request.genes or ()))
        path = architecture.genes
        known = self._statistics.pop(architecture.key, None)
        with recalibrated(model, lambda batch: model(batch, path), self.batches, known):
            found = {
                condition: task.measure(
                    model, path, request.split, reward=reward, condition=condition, items=items, keep=request.keep
                )
                for condition in request.conditions
            }
            statistics = statistics_of(model) if known is None else known
        self._statistics[architecture.key] = statistics
        while len(self._statistics) > REMEMBERED:
            self._statistics.popitem(last=False)
        kept = {name: item.numpy() for name, item in statistics.items()} if request.keep else None
        cost = cost_record(task.space.cost(architecture))
        return found, {"cost": cost, "recalibration": len(self.batches), "statistics": kept}


def _check_known(what: str, asked: Sequence[str], known: Collection[str]) -> None:
    for name in asked:
        if name not in known:
            raise JobError(Problem(what, f"must be a {what} of the task", repr(name), nearest(name, known)))


def _check_values(measurement: Measurement, items: Sequence[str], where: str) -> None:
    values: Mapping[str, float] = measurement.values
    missing = [item for item in items if item not in values]
    if missing:
        rule = f"every item of the split must be measured, but {len(missing)} of {len(items)} have no value"
        raise EvaluationError(Problem(where, rule, f"none for {missing[0]}"))
    bad = [item for item in items if not math.isfinite(values[item])]
    if bad:
        rule = f"the reward of every item must be finite, but {len(bad)} are not"
        raise EvaluationError(Problem(where, rule, f"{values[bad[0]]} for {bad[0]}"))


def candidate_worker(
    open_task: Callable[[], Task], weights: str, device: str = "cpu", threads: int = 1
) -> CandidateWorker:
    """Return what scores candidates: the task, the trained supernet and the recalibration batches.

    Args:
        open_task: opens the task where the worker runs; picklable, as a `functools.partial` of a module's function.
        weights: file of the supernet's weights, readable from where the worker runs.
        device: "cpu", or "cuda", which is used where the worker has it.
        threads: of the worker.
    """
    import torch

    from asymnas.nn import load_weights

    task = open_task()
    model = task.model()
    load_weights(weights, model)
    if device != "cpu" and torch.cuda.is_available():
        model = model.to(device)
    source, settings = task.batches("recalibration"), task.job.evaluation.recalibration
    return CandidateWorker(task, model, [source.batch(step) for step in range(settings.batches)], threads)
