"""The head of SiamRPN++: depth-wise correlation on every level, merged by learned weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asymnas.nn import RecalibratedBatchNorm
from asymnas.tracking.siamese.correlation import correlate

__all__ = ["RPNHead", "RPNOutput"]


@dataclass(frozen=True, slots=True, eq=False)
class RPNOutput:
    """Answers for b samples and a anchors at each of n x n places.

    Args:
        cls: (b, 2, a, n, n) logits, background and target.
        box: (b, 4, a, n, n) offsets of the centre in anchor sides and logarithms of the sides by the anchor's.
    """

    cls: Tensor
    box: Tensor

    def float(self) -> RPNOutput:
        """Return the answers in (at least) single precision, for losses and decoding."""
        if self.cls.dtype in (torch.float32, torch.float64):
            return self
        return RPNOutput(self.cls.float(), self.box.float())


class RPNHead(nn.Module):
    """A depth-wise RPN for class and box on each level; softmax-weighted means over the levels (SiamRPN++ Sec. 3.3).

    Args:
        levels: number of feature levels.
        channels: channels per level and inside of the head.
        anchors: anchors at each place.
    """

    def __init__(self, levels: int, channels: int, anchors: int) -> None:
        super().__init__()
        self.cls = nn.ModuleList(_DepthwiseRPN(channels, 2 * anchors) for _ in range(levels))
        self.box = nn.ModuleList(_DepthwiseRPN(channels, 4 * anchors) for _ in range(levels))
        self.cls_weight = nn.Parameter(torch.ones(levels))
        self.box_weight = nn.Parameter(torch.ones(levels))

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`: He for hidden layers, N(0, 0.01) for answers; equal levels."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                std = math.sqrt(2.0 / module.weight[0].numel()) if module.bias is None else 0.01
                nn.init.normal_(module.weight, 0.0, std, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, template: Sequence[Tensor], search: Sequence[Tensor]) -> RPNOutput:
        """Answer for cropped template maps (b, c, k, k), k > 2, and search maps (b, c, h, h), one of each per level."""
        cls = _merged(self.cls, self.cls_weight, template, search)
        box = _merged(self.box, self.box_weight, template, search)
        return RPNOutput(cls.unflatten(1, (2, -1)), box.unflatten(1, (4, -1)))


class _DepthwiseRPN(nn.Module):
    """Unpadded 3x3 convolutions on both maps, their depth-wise correlation, two 1x1 convolutions."""

    def __init__(self, channels: int, answers: int) -> None:
        super().__init__()
        self.template = _layer(channels, 3)
        self.search = _layer(channels, 3)
        self.hidden = _layer(channels, 1)
        self.answer = nn.Conv2d(channels, answers, 1)

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        return self.answer(self.hidden(correlate(self.search(search), self.template(template))))


def _layer(channels: int, kernel: int) -> nn.Sequential:
    norm = RecalibratedBatchNorm(channels, affine=True)
    return nn.Sequential(nn.Conv2d(channels, channels, kernel, bias=False), norm, nn.ReLU())


def _merged(heads: nn.ModuleList, weight: Tensor, template: Sequence[Tensor], search: Sequence[Tensor]) -> Tensor:
    answers = [head(z, x) for head, z, x in zip(heads, template, search, strict=True)]
    shares = F.softmax(weight, dim=0)
    return torch.stack(answers, dim=-1) @ shares.to(answers[0].dtype)
