"""What a training run is told: steps, batch, optimiser, schedule, sampling, checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from asymnas.core.errors import JobError, Problem, nearest

if TYPE_CHECKING:
    from asymnas.space import Architecture

__all__ = ["TrainingConfig"]

_CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "log", "linear", "constant"),
    "amp": ("auto", "off", "bf16"),
    "device": ("auto", "cpu", "cuda"),
}
_MINIMUM = {
    "steps": 1, "batch_size": 1, "shards": 1, "workers": 1, "threads": 1, "log_every": 1, "checkpoint_every": 1,
    "warmup_steps": 0, "warmup_path_steps": 0, "max_failures": 0, "seed": 0, "momentum": 0, "weight_decay": 0,
}  # fmt: skip
# What may change between a run and its resumption: where the work is done and how often it is written down.
_FREE = {"workers", "threads", "log_every", "checkpoint_every", "max_failures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Settings of a training run.

    Args:
        steps: optimiser steps, >= 1.
        batch_size: pairs a step over all shards; a multiple of `shards`.
        seed: of paths, and of random layers such as dropout.
        shards: fixed parts of a batch. Each runs forward and backward by itself (batch norm sees one shard) and the
            gradients are summed in shard order; so the numbers depend on `shards` and not on `workers`.
        workers: processes that share the shards, at most `shards`; the in-process engine ignores it.
        threads: torch's threads in each worker.
        optimizer: "sgd" (with `momentum`) or "adamw" (betas 0.9 and 0.999).
        lr: learning rate at the end of the warm-up.
        lr_end: learning rate of the last step; None: lr / 10 for "log", 0 for "cosine" and "linear".
        schedule: how the learning rate falls after the warm-up; "log" is geometric (SiamCAR, VLT).
        warmup_steps: steps in which the learning rate rises from lr / 5 to lr, geometrically for "log", else linearly.
        lr_scale: factors on the learning rate by glob pattern of the parameter's name; the first match counts.
        momentum: of SGD.
        weight_decay: on parameters of more than one dimension (as SPOS).
        clip_grad: largest norm of the active path's gradient; None: no clipping.
        sampling: "uniform" (one random path a step), "fair" (FairNAS: every op of every gene once a step) or an
            architecture, which is then trained alone.
        warmup_path_steps: first steps that all train one path drawn from the seed.
        amp: "auto": bfloat16 on CUDA; "bf16": on any device; "off".
        device: "auto": CUDA where a worker has it.
        log_every: steps between the lines of training.jsonl.
        checkpoint_every: steps between checkpoints.
        max_failures: how often a dead Ray worker is replaced before the run stops.

    Raises:
        JobError: all values out of range at once.
    """

    steps: int
    batch_size: int
    seed: int = 0
    shards: int = 1
    workers: int = 1
    threads: int = 1
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.005
    lr_end: float | None = None
    schedule: Literal["cosine", "log", "linear", "constant"] = "cosine"
    warmup_steps: int = 0
    lr_scale: Mapping[str, float] = field(default_factory=dict)
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_grad: float | None = 10.0
    sampling: str | Architecture = "uniform"
    warmup_path_steps: int = 0
    amp: Literal["auto", "off", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    log_every: int = 10
    checkpoint_every: int = 200
    max_failures: int = 2

    def __post_init__(self) -> None:
        problems = [*self._range_problems(), *self._choice_problems()]
        if not problems and self.batch_size % self.shards:
            rule = f"must be a multiple of shards ({self.shards}), so that the shards weigh the same"
            problems.append(Problem("training.batch_size", rule, str(self.batch_size), "Change one of the two."))
        if not problems and self.workers > self.shards:
            way = "Raise training.shards: it says in how many parts a batch may be shared out."
            rule = f"must be at most shards ({self.shards})"
            problems.append(Problem("training.workers", rule, str(self.workers), way))
        if problems:
            raise JobError(problems)

    def _range_problems(self) -> list[Problem]:
        found = [
            Problem(f"training.{name}", f"must be >= {low}", repr(getattr(self, name)))
            for name, low in _MINIMUM.items()
            if not getattr(self, name) >= low
        ]
        rates = {"lr": self.lr, "lr_end": self.lr_end, "clip_grad": self.clip_grad}
        rates |= {f"lr_scale[{pattern}]": value for pattern, value in self.lr_scale.items()}
        for name, value in rates.items():
            if value is not None and not (isfinite(value) and value > 0):
                found.append(Problem(f"training.{name}", "must be a number > 0", repr(value)))
        if not self.momentum < 1:
            found.append(Problem("training.momentum", "must be < 1", repr(self.momentum)))
        return found

    def _choice_problems(self) -> list[Problem]:
        values: dict[str, Any] = {name: getattr(self, name) for name in _CHOICES}
        known = dict(_CHOICES)
        if isinstance(self.sampling, str):
            values["sampling"], known["sampling"] = self.sampling, ("uniform", "fair")
        return [
            Problem(f"training.{name}", f"must be {' or '.join(known[name])}", repr(value), nearest(value, known[name]))
            for name, value in values.items()
            if value not in known[name]
        ]

    def identity(self) -> dict[str, Any]:
        """The settings that decide what is learnt, as JSON types; a checkpoint continues only under the same."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _FREE}
        if not isinstance(self.sampling, str):
            values["sampling"] = dict(self.sampling.genes)
        values["lr_scale"] = dict(self.lr_scale)
        return json.loads(json.dumps(values))
