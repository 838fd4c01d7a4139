"""What training needs: a job's `training` section, the settings of a run, its learning rates, model and batches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from asymnas.core.models import Count, JobModel, NotNegative, Positive, Seed, Whole
from asymnas.task import BatchSource


class Training(JobModel):
    """Supernet training."""

    steps: Count = 1000
    """Optimiser steps; steps * batch_size samples are seen."""
    batch_size: Count = 32
    """Samples a step over all workers."""
    shards: Count = 1
    """Fixed parts of a batch whose gradients are summed in order; the result depends on `shards`, not on `workers`."""
    workers: Count = 1
    """Processes that share the shards, at most `shards`; the numbers are the same for any count."""
    lr: Positive = 0.005
    """Learning rate after the warm-up."""
    lr_end: Positive | None = None
    """Learning rate of the last step; null: a tenth of `lr` for `log`, else 0; not for `constant`."""
    schedule: Literal["cosine", "log", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up: half a cosine, geometrically (`log`), in a line, or not at all."""
    warmup_steps: Whole = 0
    """Steps in which the learning rate rises from a fifth of `lr` to `lr`."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.9
    """Momentum of SGD; AdamW ignores it."""
    weight_decay: NotNegative = 1e-4
    clip_grad: Positive | None = 10.0
    """Largest gradient norm; null: no clipping."""
    sampling: Literal["uniform", "fair"] = "uniform"
    """`uniform`: one random path a step; `fair`: every op of every gene once a step, over as many paths as ops."""
    warmup_path_steps: Whole = 0
    """First steps that all train one fixed path, before paths are drawn; helps small budgets."""
    lr_scale: dict[str, Positive] = Field(default_factory=dict)
    """Factors on the learning rate by pattern of parameter name, e.g. `{"*.stem.*": 0.1}`; the first match counts."""
    initial_weights: str | None = None
    """Supernet weights (safetensors) or an SPOS checkpoint to start from; null: random weights of the job's seed."""
    checkpoint_every: Count = 200
    """Steps between checkpoints; a killed run continues from the last one."""
    log_every: Count = 10
    """Steps between lines of training.jsonl."""
    amp: Literal["auto", "off"] = "auto"
    """Mixed precision where the device has it, or never."""


class TrainingConfig(Training):
    """A training run: the section, which is checked as a job's is, and what the job says elsewhere.

    A shard runs forward and backward by itself (batch norm sees one shard). The warm-up is geometric for `log`, else
    linear. Weight decay is on parameters of more than one dimension, as in SPOS; AdamW's betas are 0.9 and 0.999.
    """

    seed: Seed = 0
    """Of paths, and of random layers such as dropout."""
    threads: Count = 1
    """torch's threads in each worker."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: CUDA where a worker has it."""
    amp: Literal["auto", "off", "bf16"] = "auto"  # type: ignore[assignment]
    """`auto`: bfloat16 on CUDA; `bf16`: on any device."""
    architecture: Any = None
    """An `asymnas.space.Architecture` that is trained alone; None: paths are sampled."""
    max_failures: Whole = 2
    """How often a dead Ray worker is replaced before the run stops."""

    def identity(self) -> dict[str, Any]:
        """The settings that decide what is learnt, as JSON types; a checkpoint continues only under the same."""
        free = {"workers", "threads", "log_every", "checkpoint_every", "max_failures", "architecture"}
        genes = None if self.architecture is None else dict(self.architecture.genes)
        return self.model_dump(mode="json", exclude=free) | {"architecture": genes}


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """All that a worker trains with; each worker builds its own by the factory, equal to the others'.

    Args:
        model: an `asymnas.task.TaskModel` on the CPU; its initial weights are the same in every worker.
        batches: the samples of every step and shard.
        metadata: words to be written into the weight files.
    """

    model: Any
    batches: BatchSource
    metadata: dict[str, str] = field(default_factory=dict)


def lr_at(config: Training, step: int) -> float:
    """The learning rate of `step`, 0 <= step < config.steps.

    The warm-up starts at lr / 5; the first step after it has lr; the last step of all has lr_end.
    """
    lr, geometric = config.lr, config.schedule == "log"
    if step < config.warmup_steps:
        return _between(lr / 5, lr, step / config.warmup_steps, geometric=geometric)
    if config.schedule == "constant":
        return lr
    done = (step - config.warmup_steps) / max(1, config.steps - 1 - config.warmup_steps)
    if geometric:
        return _between(lr, lr / 10 if config.lr_end is None else config.lr_end, done, geometric=True)
    if config.schedule == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return _between(lr, config.lr_end or 0.0, done, geometric=False)


def _between(start: float, end: float, share: float, *, geometric: bool) -> float:
    return start * (end / start) ** share if geometric else start + (end - start) * share
