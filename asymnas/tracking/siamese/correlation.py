"""Depth-wise correlation of template and search maps."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["centre_crop", "correlate", "resized"]


def centre_crop(features: Tensor, side: int) -> Tensor:
    """Return the central side x side cells of (b, c, h, w)."""
    top, left = (features.shape[2] - side) // 2, (features.shape[3] - side) // 2
    return features[:, :, top : top + side, left : left + side]


def resized(features: Tensor, side: int) -> Tensor:
    """Return (b, c, h, h) as (b, c, side, side), bicubic (a = -0.75, half-pixel centres)."""
    if features.shape[2] == side:
        return features
    return F.interpolate(features, size=(side, side), mode="bicubic", align_corners=False)


def correlate(search: Tensor, template: Tensor) -> Tensor:
    """Correlate (b, c, h, w) with kernels (b, c, k, k), each channel for itself: (b, c, h - k + 1, w - k + 1)."""
    batch, channels, height, width = search.shape
    maps = search.reshape(1, batch * channels, height, width)
    kernels = template.reshape(batch * channels, 1, *template.shape[2:])
    # One grouped convolution: 3 to 10 times faster on the CPU than unfolding, shifted sums or matrix products.
    out = F.conv2d(maps, kernels, groups=len(kernels)) if search.is_cuda else _GroupedCorrelation.apply(maps, kernels)
    return out.reshape(batch, channels, *out.shape[2:])


class _GroupedCorrelation(torch.autograd.Function):
    """One kernel per map; the kernels' gradient is again such a correlation, many times faster than the CPU's own."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernels: Tensor) -> Tensor:
        ctx.save_for_backward(maps, kernels)
        return F.conv2d(maps, kernels, groups=len(kernels))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, kernels = ctx.saved_tensors
        groups, grad = len(kernels), grad.to(maps.dtype)
        to_maps = F.conv_transpose2d(grad, kernels, groups=groups) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return to_maps, None
        to_kernels = F.conv2d(maps, grad.reshape(groups, 1, *grad.shape[2:]), groups=groups)
        return to_maps, to_kernels.reshape(kernels.shape)
