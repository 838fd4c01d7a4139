"""What workers build from a job: the training set-up and the candidate worker; picklable by name."""

from __future__ import annotations

from typing import Any

from asymnas.core.errors import TrackerError
from asymnas.job import Job, Resources
from asymnas.language import SentenceTable
from asymnas.nn import load_weights
from asymnas.nn.pretrained import load_initial
from asymnas.tracking import TrainableTracker
from asymnas.tracking.data import Dataset, FrameCache, Video, cached
from asymnas.tracking.task.candidate import CandidateWorker
from asymnas.tracking.task.data import build_tracker, sampler_of, sentences_of, space_of, video_set
from asymnas.training import TrainingConfig, TrainingSetup, to_training_batch

__all__ = ["candidate_worker", "recalibration_batches", "threads_of", "training_config", "training_setup"]

EVALUATION_CACHE_MIB = 512
"""Memory for the frames of the evaluation videos, in each worker."""


def training_config(job: Job) -> TrainingConfig:
    """Return the settings of the job's supernet training."""
    values = job.training.model_dump()
    initial = values.pop("initial_weights")
    del initial  # read by `training_setup`
    values["workers"] = min(values["workers"], values["shards"])
    return TrainingConfig(**values, seed=job.seed, threads=threads_of(job.resources))


def threads_of(resources: Resources) -> int:
    """Return the torch threads of each worker: the cores that it owns."""
    return resources.threads or max(1, int(resources.cpus_per_worker))


def trainable_tracker(job: Job, language_dim: int) -> TrainableTracker:
    """Return the job's tracker, which must have a search space.

    Raises:
        TrackerError: it has none.
    """
    tracker = build_tracker(job, language_dim)
    if not isinstance(tracker, TrainableTracker):
        raise TrackerError(f"The tracker '{job.tracker.name}' has no search space, so there is nothing to search.")
    return tracker


def training_setup(job: Job) -> TrainingSetup:
    """Return model, pair sampler and sentences of the job's training."""
    sentences = sentences_of(job)
    model = initial_tracker(job, sentences.dim)
    metadata = {"space": space_of(job).hash, "tracker": job.tracker.name}
    return TrainingSetup(model=model, sampler=sampler_of(job), sentences=sentences, metadata=metadata)


def initial_tracker(job: Job, language_dim: int) -> TrainableTracker:
    """Return the job's tracker with the weights that training starts from.

    Raises:
        WeightsError: `training.initial_weights` cannot be read or does not fit.
    """
    model = trainable_tracker(job, language_dim)
    if job.training.initial_weights is not None:
        supernet: Any = model.supernet  # every tracker that can be initialised so has one
        load_initial(job.training.initial_weights, model, supernet)
    return model


def recalibration_batches(job: Job, sentences: SentenceTable, device: str = "cpu") -> list:
    """Return the fixed batches of training pairs on which every candidate's batch norm is recalibrated."""
    settings = job.evaluation.recalibration
    sampler = sampler_of(job, "recalibration", batch_size=settings.batch_size)
    return [to_training_batch(sampler.batch(index), sentences, device) for index in range(settings.batches)]


def _cached_set(job: Job, name: str, cache: FrameCache) -> list[Video]:
    """Every candidate reads the same frames, so they are decoded or drawn once as far as memory allows."""
    videos, fingerprint = video_set(job, name)
    return list(cached(Dataset(name, "evaluation", videos, fingerprint), cache).videos)


def candidate_worker(job: Job, weights: str, sets: tuple[str, ...]) -> CandidateWorker:
    """Return what scores candidates: the trained supernet, recalibration batches and video sets.

    Args:
        job: the job.
        weights: path of supernet.safetensors, readable from where the worker runs.
        sets: names of the job's video sets to load.
    """
    import torch

    cache = FrameCache(EVALUATION_CACHE_MIB)
    sentences = sentences_of(job)
    model = trainable_tracker(job, sentences.dim)
    load_weights(weights, model)
    if job.resources.gpus_per_worker > 0 and torch.cuda.is_available():
        model = model.to("cuda")
    return CandidateWorker(
        model,
        recalibration_batches(job, sentences),
        {name: _cached_set(job, name, cache) for name in sets},
        sentences,
        protocol=job.evaluation.protocol,
        threads=threads_of(job.resources),
        lockstep=job.evaluation.lockstep,
    )
