"""The SiamCAR head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asymnas.tracking.siamese.correlation import correlate

__all__ = ["CARHead", "HeadOutput"]

_MAX_EXPONENT = 20.0
"""exp() of more is no box side of any image; the bound keeps an untrained path's answers finite."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadOutput:
    """Answers of the head for b samples on an n x n grid.

    Args:
        cls: (b, 2, n, n) logits, background and target.
        box: (b, 4, n, n) distances from the cell to the left, top, right and bottom side, in search-crop pixels, > 0.
        centre: (b, 1, n, n) centre-ness logits.
    """

    cls: Tensor
    box: Tensor
    centre: Tensor

    def float(self) -> HeadOutput:
        """Return the answers in (at least) single precision, for losses and decoding."""
        if self.cls.dtype in (torch.float32, torch.float64):
            return self
        return HeadOutput(self.cls.float(), self.box.float(), self.centre.float())


class CARHead(nn.Module):
    """Correlation of every level, 1x1 fusion, two towers, three answers (SiamCAR; VLT Sec. 3.4).

    Args:
        levels: number of feature levels.
        channels: channels per level and in the towers; a multiple of 8.
        depth: convolutions per tower.
        init_box: distance to each side that the box answer starts from, in crop pixels.
    """

    def __init__(self, levels: int, channels: int, depth: int, init_box: float) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(levels * channels, channels, 1)
        self.cls_tower = _tower(channels, depth)
        self.box_tower = _tower(channels, depth)
        self.cls = nn.Conv2d(channels, 2, 3, padding=1)
        self.centre = nn.Conv2d(channels, 1, 3, padding=1)
        self.box = nn.Conv2d(channels, 4, 3, padding=1)
        self.init_box = init_box

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`: He for hidden layers, N(0, 0.01) for answers, box bias log(init)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                answer = module in (self.cls, self.centre, self.box)
                std = 0.01 if answer else math.sqrt(2.0 / module.weight[0].numel())
                nn.init.normal_(module.weight, 0.0, std, generator=generator)
                nn.init.zeros_(module.bias)
                if module is self.box:
                    nn.init.constant_(module.bias, math.log(self.init_box))

    def forward(self, template: Sequence[Tensor], search: Sequence[Tensor]) -> HeadOutput:
        """Answer for cropped template maps (b, c, k, k) and search maps (b, c, h, h), one of each per level."""
        fused = self.fuse(torch.cat([correlate(s, t) for t, s in zip(template, search, strict=True)], dim=1))
        cls_features = self.cls_tower(fused)
        distances = torch.exp(self.box(self.box_tower(fused)).clamp(max=_MAX_EXPONENT))
        return HeadOutput(self.cls(cls_features), distances, self.centre(cls_features))


def _tower(channels: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        norm = nn.GroupNorm(min(32, channels // 8), channels)
        layers += [nn.Conv2d(channels, channels, 3, padding=1), norm, nn.ReLU()]
    return nn.Sequential(*layers)
