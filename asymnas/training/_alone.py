"""Short trainings of one architecture in memory: the loop of `train_subnet` without files, for many in a row."""

from __future__ import annotations

import math
from typing import Any

import torch

from asymnas.core.errors import ModelError, Problem
from asymnas.space import Architecture
from asymnas.task import BatchSource
from asymnas.training._gradients import active_set, shard_row
from asymnas.training.config import TrainingConfig, lr_at
from asymnas.training.optimizer import PathOptimizer


def train_alone(
    model: Any, batches: BatchSource, architecture: Architecture, config: TrainingConfig, points: int = 10
) -> list[tuple[int, float]]:
    """Train a model on the CPU along one path, to the weights that `train_subnet` would write on one thread.

    Args:
        model: an `asymnas.task.TaskModel`; trained in place.
        batches: the samples of every step and shard.
        architecture: the path.
        config: settings; what concerns workers, checkpoints and lines is not used.
        points: into how many parts the steps are divided for the returned curve, at least 1.

    Returns:
        By part of the steps its last step, counted from 1, and the mean of "total" over it.

    Raises:
        ModelError: a loss or gradient is not finite.
    """
    optimizer = PathOptimizer(model, config)
    active = active_set(model, optimizer.parameters, [architecture])
    device, ends = torch.device("cpu"), {math.ceil(config.steps * n / points) for n in range(1, points + 1)}
    curve: list[tuple[int, float]] = []
    losses: list[float] = []
    model.train()
    for step in range(config.steps):
        total: torch.Tensor | None = None
        for shard in range(config.shards):
            batch, where = batches.batch(step, shard, config.shards), (config.seed, step, shard)
            row, _ = shard_row(model, batch, device, [architecture], active, where=where, autocast=False)
            total = row if total is None else total.add_(row)
        assert total is not None
        total.div_(config.shards)
        gradient = active.gradient(total)
        norm = float(gradient.norm())
        if not math.isfinite(norm):
            rule = f"the gradient of architecture {architecture.key} must be finite"
            raise ModelError(Problem(f"training step {step}", rule, str(norm), "Lower training.lr."))
        if config.clip_grad is not None and norm > config.clip_grad:
            gradient.mul_(config.clip_grad / norm)
        active.scatter(total)
        optimizer.step(lr_at(config, step))
        for parameter in active.parameters:
            parameter.grad = None
        losses.append(active.losses(total)[0])
        if step + 1 in ends:
            curve.append((step + 1, sum(losses) / len(losses)))
            losses.clear()
    return curve
