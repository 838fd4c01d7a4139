"""Gradients and losses of one shard as one flat row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asymnas.core.errors import ModelError, Problem
from asymnas.core.seeding import rng_for
from asymnas.space import Architecture
from asymnas.task import Batch


class ActiveSet:
    """The parameters that a step's paths may send gradients to, and their positions in a row.

    A row holds the gradients one after the other, then a 1 for each parameter that got a gradient, then the losses.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        self.sizes = [parameter.numel() for parameter in self.parameters]
        self.count = sum(self.sizes)

    def row(self, losses: Tensor) -> Tensor:
        """Move the parameters' gradients into a row."""
        pieces, flags = [], []
        for parameter, size in zip(self.parameters, self.sizes, strict=True):
            grad, parameter.grad = parameter.grad, None
            pieces.append(parameter.new_zeros(size) if grad is None else grad.reshape(-1))
            flags.append(float(grad is not None))
        return torch.cat([*pieces, losses.new_tensor(flags), losses]).float()

    def losses(self, total: Tensor) -> list[float]:
        """The losses at the end of a row."""
        return total[self.count + len(self.sizes) :].tolist()

    def gradient(self, total: Tensor) -> Tensor:
        """The gradients at the start of a row, as a view."""
        return total[: self.count]

    def scatter(self, total: Tensor) -> None:
        """Put the row's gradients on the parameters; one without a gradient in any shard keeps None."""
        flags = total[self.count : self.count + len(self.sizes)].tolist()
        for parameter, piece, flag in zip(self.parameters, total[: self.count].split(self.sizes), flags, strict=True):
            parameter.grad = piece.view_as(parameter) if flag else None


def active_set(model: Any, parameters: dict[str, nn.Parameter], paths: Sequence[Architecture]) -> ActiveSet:
    """The trainable parameters that any of the paths uses; a ModelError where the model names one it does not have."""
    named = {name for path in paths for name in model.active_parameters(path.genes)}
    unknown = sorted(named - {name for name, _ in model.named_parameters()})
    if unknown:
        way = "active_parameters must give names as named_parameters does."
        rule = "must name parameters that it has"
        raise ModelError(Problem(type(model).__name__, rule, ", ".join(unknown[:5]), way))
    return ActiveSet([parameter for name, parameter in parameters.items() if name in named])


def shard_row(
    model: Any,
    batch: Batch,
    device: torch.device,
    paths: Sequence[Architecture],
    active: ActiveSet,
    *,
    where: tuple[int, int, int],
    autocast: bool,
) -> tuple[Tensor, list[str]]:
    """Run one shard forward and backward on every path and return its row and the losses' names.

    Gradients of the paths are summed, losses averaged; `where` is (seed, step, shard), which also key the random
    layers; `autocast` runs the forward in bfloat16. A ModelError where a loss is not finite, or no "total".
    """
    moved = batch.to(device)
    sums: dict[str, Tensor] = {}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(rng_for(where[0], "torch", *where[1:]).integers(2**63)))
        for path in paths:
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
                losses = model.loss(moved, path.genes)
            _check_losses(losses, path, where[1], batch.names)
            losses["total"].backward()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.detach().float()
    names = ["total", *sorted(sums.keys() - {"total"})]
    return active.row(torch.stack([sums[name] for name in names]) / len(paths)), names


def _check_losses(losses: dict[str, Tensor], path: Architecture, step: int, names: Sequence[str]) -> None:
    if "total" not in losses:
        raise ModelError(Problem("loss", "must return 'total' and its parts", ", ".join(losses) or "nothing"))
    if torch.isfinite(losses["total"]):
        return
    items = sorted(set(names))
    listed = ", ".join(items[:16]) + (f" and {len(items) - 16} more" if len(items) > 16 else "")
    rule = f"the loss must be finite for architecture {path.key} {dict(path.free)} on {listed}"
    parts = ", ".join(f"{name}={value.item():.4g}" for name, value in losses.items())
    way = "Lower training.lr or training.clip_grad, or look at these items; the last checkpoint is kept."
    raise ModelError(Problem(f"training step {step}", rule, parts, way))
