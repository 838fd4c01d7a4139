"""Initial weights as SPOS draws them, from the seed and the parameter's name alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asymnas.core.seeding import rng_for
from asymnas.nn._depthwise import DepthwiseConv2d
from asymnas.nn._mixer import Project, TemplateEmbedding
from asymnas.nn._resnet import ResNetChain
from asymnas.nn._units import Chain


@torch.no_grad()
def _normal(weight: Tensor, std: float, seed: int, name: str) -> None:
    generator = torch.Generator().manual_seed(int(rng_for(seed, "initial weights", name).integers(2**62)))
    weight.copy_(torch.empty(weight.shape, dtype=torch.float32).normal_(0.0, std, generator=generator))


def _fan_out(weight: Tensor) -> float:
    """He's standard deviation for (outputs, inputs, *kernel)."""
    return (2.0 / (weight.numel() / weight.shape[1])) ** 0.5


def initialise(module: nn.Module, seed: int) -> None:
    """Draw the weights of all units and mixers in `module`; other layers keep what they have.

    Convolutions of units: normal with standard deviation 1 / weight.shape[1]; the stem 0.01. ResNet's convolutions,
    projections of mixers and template embeddings: normal, fan-out. Each tensor has a stream of its own, keyed by its
    name: the same place starts equal in all spaces that have it, whatever other ops they hold.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, Chain):
            for index, child in layer.named_children():
                if isinstance(child, nn.Conv2d | DepthwiseConv2d):
                    std = 0.01 if ".stem" in f".{name}" else 1.0 / child.weight.shape[1]
                    if isinstance(layer, ResNetChain):
                        std = _fan_out(child.weight)
                    _normal(child.weight, std, seed, f"{name}.{index}.weight")
        elif isinstance(layer, Project):
            _normal(layer.linear.weight, _fan_out(layer.linear.weight), seed, f"{name}.linear.weight")
        elif isinstance(layer, TemplateEmbedding):
            _normal(layer.conv.weight, _fan_out(layer.conv.weight), seed, f"{name}.conv.weight")
            nn.init.zeros_(layer.conv.bias)  # type: ignore[arg-type]
