"""Batch normalisation whose running statistics are kept per branch and set by recalibration only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class BranchStatistics(nn.Module):
    """The mean and the variance, (channels,) each, that one branch is normalised with in eval mode."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))


class RecalibratedBatchNorm(nn.Module):
    """Batch normalisation over (n, channels) or (n, channels, h, w) for one-shot supernets.

    In training it normalises with the statistics of the batch and changes no buffer: a running mean over steps of
    different paths fits none of them. In eval mode it uses the buffers, which `asymnas.nn.recalibrate` sets for one
    path. Where branches share weights they still have statistics of their own, because the same filters see crops of
    different content; `branches` of one name (or none) make one set that every caller uses.

    Args:
        channels: number of channels.
        branches: names of the branches that run through this layer; empty for a layer outside branches.
        affine: learn a scale and an offset. The SPOS supernet has none.
        eps: added to the variance.
    """

    def __init__(self, channels: int, branches: Sequence[str] = (), *, affine: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.branches = tuple(branches) or ("all",)
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.stats = nn.ModuleDict({name: BranchStatistics(channels) for name in self.branches})

    def statistics(self, branch: str | None) -> BranchStatistics:
        """Return the statistics that `branch` is normalised with."""
        name = self.branches[0] if branch is None or len(self.branches) == 1 else branch
        return cast("BranchStatistics", self.stats[name])

    def forward(self, x: Tensor, branch: str | None = None) -> Tensor:
        """Normalise `x`; `branch` chooses the statistics of eval mode."""
        if self.training:
            return torch.batch_norm(x, self.weight, self.bias, None, None, True, 0.0, self.eps, True)
        stats = self.statistics(branch)
        return torch.batch_norm(
            x, self.weight, self.bias, stats.running_mean, stats.running_var, False, 0.0, self.eps, True
        )
