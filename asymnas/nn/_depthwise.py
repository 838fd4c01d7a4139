"""Depth-wise convolution whose weight gradient is computed in column strips where that is faster."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# oneDNN has a fast weight gradient for depth-wise kernels up to this width; wider ones run several times slower than
# the strips they can be cut into. The gradient is the same sum over the same products.
_STRIP = 3


class _Strips(torch.autograd.Function):
    """Depth-wise convolution; backward sums the weight gradient over strips of at most `_STRIP` kernel columns."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, weight.shape[0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        channels, kernel, stride = weight.shape[0], weight.shape[-1], ctx.stride
        pad = kernel // 2

        def backward(source: Tensor, part: Tensor, padding: list[int], mask: list[bool]) -> tuple[Tensor, ...]:
            return torch.ops.aten.convolution_backward(
                grad, source, part, None, [stride, stride], padding, [1, 1], False, [0, 0], channels, mask
            )

        grad_x = backward(x, weight, [pad, pad], [True, False, False])[0] if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return grad_x, None, None
        padded, span = F.pad(x, (pad, pad)), (grad.shape[-1] - 1) * stride
        strips = []
        for first in range(0, kernel, _STRIP):
            part = weight[..., first : first + _STRIP]
            source = padded[..., first : first + span + part.shape[-1]]
            strips.append(backward(source, part, [pad, 0], [False, True, False])[1])
        return grad_x, torch.cat(strips, -1), None


class DepthwiseConv2d(nn.Module):
    """A depth-wise convolution without bias, with padding kernel // 2; the kernel's size is odd."""

    def __init__(self, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.randn(channels, 1, kernel, kernel) / kernel)

    def forward(self, x: Tensor) -> Tensor:
        plain = x.is_cuda or torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled()
        if self.kernel > _STRIP and not plain:
            return _Strips.apply(x, self.weight, self.stride)
        return F.conv2d(x, self.weight, None, self.stride, self.kernel // 2, 1, self.weight.shape[0])
