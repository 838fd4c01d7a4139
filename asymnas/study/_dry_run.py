"""A dry run: everything of a job at full size, one training step and one candidate, with its cost and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from asymnas.core.errors import AsymNASError, DataError, LanguageError
from asymnas.core.seeding import rng_for
from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.search import Task
from asymnas.space import Architecture, describe
from asymnas.study._session import Reporter
from asymnas.study._summary import cost_table
from asymnas.tracking import Language, TrainableTracker
from asymnas.tracking.data import Video
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.task.candidate import CandidateWorker
from asymnas.tracking.task.data import geometry_of, sampler_of, sentences_of, space_of, video_set
from asymnas.tracking.task.schema import VideoSource
from asymnas.tracking.task.workers import initial_tracker, threads_of, training_config
from asymnas.training import paths_for_step, to_training_batch
from asymnas.training.optimizer import PathOptimizer

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
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads_of(job.resources))
    try:
        found = _rehearsed(job, progress)
    finally:
        torch.set_num_threads(threads_before)
    config, search = training_config(job), job.search
    pairs = config.steps * config.batch_size
    seconds = pairs * found["training_step"]["paths_a_step"] / found["training_step"]["pairs_per_second"]
    evolution = search.population * search.generations if search.algorithm == "evolution" else search.evaluations
    return {
        "job": job.name,
        **found,
        "whole_training": {"steps": config.steps, "pairs": pairs, "hours_here_estimated": seconds / 3600},
        "whole_search": {
            "evaluations": evolution,
            "random_search": search.evaluations if job.baselines.random_search else 0,
        },
        "versions": versions(),
    }


def _rehearsed(job: Job, progress: Reporter) -> dict[str, Any]:
    """Build, train one step and score one candidate; return what that took."""
    stand_ins: list[str] = []
    space = space_of(job)
    progress.update("dry run", 0, 4, "building")
    sentences: Any = _or_stand_in(
        f"embeddings for those of {job.language.encoder}",
        lambda: _checked_sentences(job),
        lambda: _RandomSentences(_known_dim(job)),
        LanguageError,
        stand_ins,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = initial_tracker(job, sentences.dim).to(device)
    pairs, mixture = _or_stand_in(
        f"pairs for those of {_sets(job.data.train.sources)}",
        lambda: _pairs_and_mixture(job),
        lambda: (_random_pairs(job), []),
        DataError,
        stand_ins,
    )
    videos = _or_stand_in(
        f"a video for those of {_sets(job.data.validation.sources)}",
        lambda: video_set(job, "validation")[0],
        lambda: [_random_video()],
        DataError,
        stand_ins,
    )
    progress.update("dry run", 1, 4, "one training step")
    paths = paths_for_step(space, job.seed, 0, job.training.sampling)
    batch = to_training_batch(pairs, sentences, device)
    training = _train_step(model, batch, paths[0], job, device) | {"paths_a_step": len(paths)}
    progress.update("dry run", 2, 4, "one candidate")
    candidate = _candidate(model, batch, videos, sentences, paths[0], job)
    progress.update("dry run", 4, 4, "done")
    active = set(model.active_parameters(paths[0].genes))
    return {
        "space": {key: value for key, value in describe(space).items() if isinstance(value, (str, int, float))},
        "stand_ins": stand_ins,
        "mixture": mixture,
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {threads_of(job.resources)} threads",
        "parameters": sum(value.numel() for value in model.parameters()),
        "path_parameters": sum(value.numel() for name, value in model.named_parameters() if name in active),
        "cost_of_the_path": cost_table(space.cost(paths[0])),
        "training_step": training,
        "candidate": candidate,
        "memory": _memory(device),
    }


def _or_stand_in(
    what: str, make: Callable[[], Any], stand_in: Callable[[], Any], kind: type[AsymNASError], notes: list[str]
) -> Any:
    try:
        return make()
    except kind as error:
        notes.append(f"made-up {what}, because: {error}")
        return stand_in()


def _sets(sources: Sequence[VideoSource]) -> str:
    return ", ".join(f"{source.dataset} {source.split}" for source in sources)


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


def _pairs_and_mixture(job: Job) -> tuple[PairBatch, list[dict[str, Any]]]:
    """One shard of the first step, and what each source gives to the training."""
    sampler = sampler_of(job)
    return sampler.batch(0, 0, job.training.shards), sampler.mixture.summary()


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
    """Forward, backward and an update of size 0, after one warm-up; on CUDA in bfloat16 as training would."""
    optimizer = PathOptimizer(model, training_config(job))
    amp = device == "cuda" and job.training.amp == "auto"
    model.train()
    for _ in range(2):  # the first pays for memory and kernels
        _wait(device)
        began = time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=amp):
            loss = model.loss(batch, architecture.genes)["total"]
        loss.backward()
        optimizer.step(0.0)  # pays for the optimiser's state and changes no weight
        _wait(device)
        seconds = time.perf_counter() - began
        model.zero_grad(set_to_none=True)
    model.eval()
    return {
        "pairs": len(batch),
        "seconds": seconds,
        "pairs_per_second": len(batch) / seconds,
        "loss": float(loss.detach()),
        "mixed_precision": amp,
    }


def _candidate(
    model: TrainableTracker, batch: Any, videos: Sequence[Video], sentences: Any, architecture: Architecture, job: Job
) -> dict[str, Any]:
    """Recalibrate on one batch and track the first frames of a few videos."""
    from dataclasses import replace

    from asymnas.tracking.data import FirstFrames

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
