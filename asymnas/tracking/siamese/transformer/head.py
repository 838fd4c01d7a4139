"""Input projections, fusion network and the two answers of TransT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asymnas.tracking.siamese.transformer.fusion import FusionNetwork
from asymnas.tracking.siamese.transformer.options import TransTOptions
from asymnas.tracking.siamese.transformer.positions import sine_positions

__all__ = ["InputProjection", "TransTAnswers", "TransTHead"]

_FIRST_SIDE = 0.25  # of the search crop: the side of a box that did not change


@dataclass(frozen=True, slots=True, eq=False)
class TransTAnswers:
    """Answers for b samples on n x n cells, row by row.

    Args:
        cls: (b, n², 2) logits, target and background.
        box: (b, n², 4) centre x, y, width and height as shares of the search crop, in 0..1.
    """

    cls: Tensor
    box: Tensor

    def float(self) -> TransTAnswers:
        """Return the answers in (at least) single precision, for losses and decoding."""
        if self.cls.dtype in (torch.float32, torch.float64):
            return self
        return TransTAnswers(self.cls.float(), self.box.float())


class InputProjection(nn.Module):
    """A 1x1 convolution that brings the stage of each branch to `channels`; one for both branches with `share`.

    `channels_in` are the stage's channels in template and search branch.
    """

    def __init__(self, channels_in: tuple[Sequence[int], Sequence[int]], channels: int, *, share: bool) -> None:
        super().__init__()
        self.share = share
        roles = ("both",) if share else ("template", "search")
        self.layers = nn.ModuleDict(
            {role: nn.Conv2d(width, channels, 1) for role, (width,) in zip(roles, channels_in, strict=False)}
        )

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the weights from `generator` (Xavier, uniform); offsets are 0."""
        for layer in self.layers.values():
            _xavier(layer, generator)

    def forward(self, features: Sequence[Tensor], role: str) -> tuple[Tensor, ...]:
        """Return one (b, channels, h, w) map of the one given; `role` is "template" or "search"."""
        return (self.layers["both" if self.share else role](features[0]),)


class TransTHead(nn.Module):
    """Fuses the maps of both branches and answers for each cell of the search map (TransT, Sec. 3.2).

    `sides` are those of the template and the search map, in cells.
    """

    template_positions: Tensor
    search_positions: Tensor

    def __init__(self, options: TransTOptions, sides: tuple[int, int]) -> None:
        super().__init__()
        channels = options.channels
        for role, side in zip(("template", "search"), sides, strict=True):
            self.register_buffer(f"{role}_positions", sine_positions(side, channels), persistent=False)
        self.fusion = FusionNetwork(
            channels,
            options.heads,
            options.fusion_layers,
            options.feedforward,
            options.dropout,
            projected=options.attention == "projected",
        )
        self.cls, self.box = _answer(channels, 2), _answer(channels, 4)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`: Xavier for hidden layers, N(0, 0.01) for answers.

        The first boxes lie at the crop's centre and have a quarter of its side, as a target that did not move.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                _xavier(layer, generator)
        for answer in (self.cls, self.box):
            nn.init.normal_(answer[-1].get_parameter("weight"), 0.0, 0.01, generator=generator)
        with torch.no_grad():
            self.box[-1].get_parameter("bias")[2:] = math.log(_FIRST_SIDE / (1 - _FIRST_SIDE))

    def forward(self, template: Sequence[Tensor], search: Sequence[Tensor]) -> TransTAnswers:
        """Answer for the one template map (b, channels, k, k) and search map (b, channels, n, n) of the tuples."""
        tokens = [maps[0].flatten(2).transpose(1, 2) for maps in (template, search)]
        fused = self.fusion(tokens[0], tokens[1], (self.template_positions, self.search_positions))
        return TransTAnswers(self.cls(fused), self.box(fused).sigmoid())


def _answer(channels: int, out: int) -> nn.Sequential:
    hidden = [layer for _ in range(2) for layer in (nn.Linear(channels, channels), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(channels, out))


def _xavier(layer: nn.Module, generator: torch.Generator) -> None:
    nn.init.xavier_uniform_(layer.weight, generator=generator)  # type: ignore[arg-type]
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
