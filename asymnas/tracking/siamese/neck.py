"""The neck: brings the chosen stages of both branches to one width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asymnas.nn import RecalibratedBatchNorm

__all__ = ["Neck"]


class Neck(nn.Module):
    """A 1x1 convolution without bias and a batch norm per level, for each branch or for both together.

    `share`: one set of layers for both branches (SiamCAR) instead of one each (VLT_SCAR); `statistics`: see
    `SiameseOptions.bn_statistics`.
    """

    ROLES = ("template", "search")

    def __init__(
        self, channels_in: tuple[Sequence[int], Sequence[int]], channels: int, *, share: bool, statistics: str
    ) -> None:
        super().__init__()
        self.share = share
        own_statistics = self.ROLES if share and statistics == "per_branch" else ()
        self.layers = nn.ModuleDict()
        for role, widths in zip(("both",) if share else self.ROLES, channels_in, strict=False):
            self.layers[role] = nn.ModuleList(_Level(width, channels, own_statistics) for width in widths)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the convolutions from `generator`: N(0, 2 / fan out)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / module.out_channels), generator=generator)

    def forward(self, features: Sequence[Tensor], role: str) -> tuple[Tensor, ...]:
        """Return one (b, channels, h, w) map per level; `role` is "template" or "search"."""
        layers = self.layers["both" if self.share else role].children()
        return tuple(layer(x, role) for layer, x in zip(layers, features, strict=True))


class _Level(nn.Module):
    def __init__(self, channels_in: int, channels: int, statistics: Sequence[str]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.norm = RecalibratedBatchNorm(channels, statistics, affine=True)

    def forward(self, x: Tensor, role: str) -> Tensor:
        return self.norm(self.conv(x), role)
