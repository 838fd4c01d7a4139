"""A dry run: everything of a job at full size, training steps on one shard and one candidate, with cost and memory."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from asymnas.core.threads import torch_threads
from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.runs.times import Reporter
from asymnas.search import CandidateWorker, Request
from asymnas.space import Architecture, describe
from asymnas.study._session import training_config
from asymnas.study._summary import cost_summary
from asymnas.task import BatchSource, Task
from asymnas.training import TrainingProgress, TrainingSetup, paths_for_step, train_supernet


def dry_run(job: Job, progress: Reporter | None = None) -> dict[str, Any]:
    """Build everything of a job at full size, train on one shard and score one candidate.

    What the machine lacks is replaced by made-up data of the same shape, and the result names it: a dry run shows that
    a job fits and what it costs, never a score.

    Returns:
        Sizes, cost in multiply-accumulates, seconds and memory, as plain values.
    """
    show = progress.update if progress else lambda *_: None
    threads = job.resources.torch_threads
    with torch_threads(threads):
        show("dry run", 0, 3, "building")
        task, stand_ins = job.open().rehearsal()
        model: Any = task.model()
        path = paths_for_step(task.space, job.seed, 0, job.training.sampling)[0]
        show("dry run", 1, 3, "two training steps")
        trained = _train(task, model, job)
        show("dry run", 2, 3, "one candidate")
        candidate = _candidate(task, model, path, job)
        show("dry run", 3, 3, "done")
    active = set(model.active_parameters(path.genes))
    device = next(model.parameters()).device.type
    return {
        "job": job.name,
        "space": {key: value for key, value in describe(task.space).items() if isinstance(value, (str, int, float))},
        "stand_ins": stand_ins,
        **task.describe(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {threads} threads",
        "parameters": sum(value.numel() for value in model.parameters()),
        "path_parameters": sum(value.numel() for name, value in model.named_parameters() if name in active),
        "cost_of_the_path": cost_summary(task.space.cost(path)).model_dump(mode="json"),
        "training_step": trained,
        "candidate": candidate,
        "memory": _memory(device),
        **_whole(job, trained["samples_per_second"]),
        "versions": versions(),
    }


class _OneShard:
    """The first shard of each step as a batch of its own."""

    def __init__(self, source: BatchSource, shards: int) -> None:
        self._source, self._shards = source, shards
        self.batch_size = source.batch_size // shards

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> Any:
        """Return the first shard of a step."""
        return self._source.batch(step, 0, self._shards)


def _train(task: Task, model: Any, job: Job) -> dict[str, Any]:
    """Two steps by the training loop itself; the first pays for memory and kernels, the second is timed."""
    shards = job.training.shards
    batches = _OneShard(task.batches("training"), shards)
    more = {"steps": 2, "batch_size": batches.batch_size, "shards": 1, "workers": 1, "log_every": 1}
    config = training_config(job).model_copy(update={**more, "warmup_steps": 0, "warmup_path_steps": 0})
    seen: list[TrainingProgress] = []
    with tempfile.TemporaryDirectory(prefix="asymnas-dry-run-") as folder:
        setup = TrainingSetup(model=model, batches=batches)
        train_supernet(lambda: setup, config, Path(folder), engine="inprocess", on_progress=seen.append)
    return {
        "samples": batches.batch_size,
        "paths_a_step": len(paths_for_step(task.space, job.seed, 0, job.training.sampling)),
        "samples_per_second": seen[-1].samples_per_second,
        "loss": seen[-1].losses["total"],
    }


def _candidate(task: Task, model: Any, path: Architecture, job: Job) -> dict[str, Any]:
    worker = CandidateWorker(task, model, [task.batches("recalibration").batch(0)], job.resources.torch_threads)
    result = worker.handle(Request.of(path, "validation", task.scored))
    return {task.splits["validation"].noun: len(result.items), **result.facts, "seconds": result.seconds}


def _whole(job: Job, samples_per_second: float) -> dict[str, Any]:
    training, search = job.training, job.search
    samples = training.steps * training.batch_size
    hours = samples / samples_per_second / 3600
    searched = search.population * search.generations if search.algorithm == "evolution" else search.evaluations
    return {
        "whole_training": {"steps": training.steps, "samples": samples, "hours_here_estimated": hours},
        "whole_search": {
            "evaluations": searched,
            "random_search": search.evaluations if job.baselines.random_search else 0,
        },
    }


def _memory(device: str) -> dict[str, float]:
    """Peak memory in MiB: of the process, and of the GPU."""
    unit = 1024 if sys.platform != "darwin" else 1024**2
    found = {"process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    if device == "cuda":
        found["gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 1024**2
    return found
