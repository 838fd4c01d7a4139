"""A dry run: everything of a job at full size, one training step and one candidate, with its cost and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from asymnas.data import PairBatch, Video
from asymnas.errors import DataError, LanguageError
from asymnas.job import Job
from asymnas.search import CandidateWorker, Task
from asymnas.seeding import rng_for
from asymnas.space import Architecture, describe
from asymnas.study._build import geometry_of, sampler_of, sentences_of, space_of, video_set
from asymnas.study._session import Reporter
from asymnas.study._summary import cost_table, versions
from asymnas.study._workers import initial_tracker, threads_of, training_config
from asymnas.tracking import Language, TrainableTracker
from asymnas.training import paths_for_step, to_training_batch

__all__ = ["dry_run"]

KNOWN_DIMS = {"minilm": 384, "bert-base-uncased": 768, "bert-large-uncased": 1024, "gpt2": 768}
"""Embedding sizes of encoders that may not be on this machine."""

STAND_IN_FRAMES = 8


def dry_run(job: Job, progress: Reporter) -> dict[str, Any]:
    """Build everything of a job at full size, train one step on one shard and score one candidate.

    What the machine lacks is replaced by made-up data of the same shape, and the result names it: a dry run shows that
    a job fits and what it costs, never a score.

    Args:
        job: the job.
        progress: told of every step.

    Returns:
        Sizes, cost in multiply-accumulates, seconds and memory, as plain values.

    Raises:
        AsymNASError: what is wrong with the job.
    """
    stand_ins: list[str] = []
    space = space_of(job)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads_of(job.resources))
    try:
        progress.update("dry run", 0, 4, "building")
        sentences: Any = _or_stand_in(
            lambda: _checked_sentences(job), lambda: _RandomSentences(_known_dim(job)), LanguageError, stand_ins
        )
        model = initial_tracker(job, sentences.dim)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = model.to(device)
        pairs = _or_stand_in(
            lambda: sampler_of(job).batch(0, 0, job.training.shards), lambda: _random_pairs(job), DataError, stand_ins
        )
        videos = _or_stand_in(lambda: video_set(job, "validation")[0], lambda: [_random_video()], DataError, stand_ins)
        progress.update("dry run", 1, 4, "one training step")
        architecture, *more = paths_for_step(space, job.seed, 0, job.training.sampling)
        batch = to_training_batch(pairs, sentences, device)
        training = _train_step(model, batch, architecture, job, device)
        progress.update("dry run", 2, 4, "one candidate")
        candidate = _candidate(model, batch, videos, sentences, architecture, job)
        progress.update("dry run", 4, 4, "done")
    finally:
        torch.set_num_threads(threads_before)
    config = training_config(job)
    return {
        "job": job.name,
        "space": {key: value for key, value in describe(space).items() if isinstance(value, (str, int, float))},
        "stand_ins": stand_ins,
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {threads_of(job.resources)} threads",
        "parameters": sum(value.numel() for value in model.parameters()),
        "path_parameters": sum(
            value.numel()
            for name, value in model.named_parameters()
            if name in set(model.active_parameters(architecture.genes))
        ),
        "cost_of_the_path": cost_table(space.cost(architecture)),
        "training_step": training,
        "whole_training": {
            "steps": config.steps,
            "pairs": config.steps * config.batch_size,
            "paths_a_step": 1 + len(more),
            "hours_here_estimated": config.steps
            * config.batch_size
            * (1 + len(more))
            / training["pairs_per_second"]
            / 3600,
        },
        "candidate": candidate,
        "whole_search": {"evaluations": job.search.evaluations},
        "memory": _memory(device),
        "versions": versions(),
    }


def _or_stand_in(make: Callable[[], Any], stand_in: Callable[[], Any], kind: type, notes: list[str]) -> Any:
    try:
        return make()
    except kind as error:
        notes.append(f"made-up data stands in, because: {error}")
        return stand_in()


def _checked_sentences(job: Job) -> Any:
    sentences = sentences_of(job)
    sentences.embed(["a test sentence"])
    return sentences


def _known_dim(job: Job) -> int:
    if job.language.encoder not in KNOWN_DIMS:
        raise LanguageError(
            f"The encoder '{job.language.encoder}' is not on this machine and the size of its embeddings is unknown."
        )
    return KNOWN_DIMS[job.language.encoder]


class _RandomSentences:
    """Made-up embeddings of the right size."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def embed(self, sentences: Sequence[str | None]) -> Language:
        rows = rng_for(0, "made-up sentences").standard_normal((len(sentences), self.dim)).astype(np.float32)
        present = torch.tensor([sentence is not None for sentence in sentences])
        return Language(torch.from_numpy(rows) * present[:, None], present)


def _random_pairs(job: Job) -> PairBatch:
    """One shard of noise in the job's geometry."""
    geometry, rng = geometry_of(job), rng_for(0, "made-up pairs")
    count = job.training.batch_size // job.training.shards
    sizes = (geometry.template_size, geometry.search_size)
    images = [rng.integers(0, 256, (count, 3, size, size)).astype(np.uint8) for size in sizes]
    boxes = [np.tile(np.array([0.4, 0.4, 0.6, 0.6], np.float32) * size, (count, 1)) for size in sizes]
    words = tuple("noise" if row % 2 else None for row in range(count))
    return PairBatch(images[0], images[1], boxes[0], boxes[1], np.ones(count, bool), words, ("made-up",) * count)


def _random_video() -> Video:
    frames = rng_for(0, "made-up video").integers(0, 256, (STAND_IN_FRAMES, 360, 480, 3)).astype(np.uint8)
    boxes = np.tile(np.array([200.0, 150.0, 60.0, 40.0]), (STAND_IN_FRAMES, 1))
    return Video("made-up", "made-up", list(frames), boxes, np.zeros(STAND_IN_FRAMES, bool), "noise")


def _train_step(
    model: TrainableTracker, batch: Any, architecture: Architecture, job: Job, device: str
) -> dict[str, Any]:
    """Forward, backward and nothing else, after one warm-up; on CUDA in bfloat16 as training would."""
    amp = device == "cuda" and job.training.amp == "auto"
    model.train()
    for _ in range(2):  # the first pays for memory and kernels
        _wait(device)
        began = time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=amp):
            loss = model.loss(batch, architecture.genes)["total"]
        loss.backward()
        _wait(device)
        seconds = time.perf_counter() - began
        model.zero_grad(set_to_none=True)
    model.eval()
    return {
        "pairs": len(batch),
        "seconds": seconds,
        "pairs_per_second": len(batch) / seconds,
        "loss": float(loss),
        "mixed_precision": amp,
    }


def _candidate(
    model: TrainableTracker, batch: Any, videos: Sequence[Video], sentences: Any, architecture: Architecture, job: Job
) -> dict[str, Any]:
    """Recalibrate on one batch and track the first frames of a few videos."""
    from dataclasses import replace

    from asymnas.data._frames import FirstFrames

    short = [
        replace(
            video,
            frames=FirstFrames(video.frames, STAND_IN_FRAMES),
            boxes=video.boxes[:STAND_IN_FRAMES],
            absent=video.absent[:STAND_IN_FRAMES],
        )
        for video in videos[:2]
    ]
    worker = CandidateWorker(
        model,
        [batch],
        {"validation": short},
        sentences,
        protocol=job.evaluation.protocol,
        threads=threads_of(job.resources),
        lockstep=job.evaluation.lockstep,
    )
    result = worker.evaluate(Task.of(architecture, "validation", job.evaluation.language))
    return {"videos": len(short), "frames": result.frames, "seconds": result.seconds}


def _memory(device: str) -> dict[str, float]:
    """Peak memory in MiB: of the process, and of the GPU."""
    unit = 1024 if sys.platform != "darwin" else 1024**2
    found = {"process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    if device == "cuda":
        found["gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 1024**2
    return found


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
