"""ResNet's bottleneck and stem as torch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asymnas.nn._units import Chain, Norm, StridedPointwise
from asymnas.space import Place


class ResNetChain(Chain):
    """Layers whose convolutions start as ResNet's do: normal with variance 2 / fan out (He et al. 2015)."""


class Bottleneck(nn.Module):
    """ResNet's residual block: 1x1, 3x3 and 1x1 convolutions, the first two a quarter as wide; add, then ReLU.

    The stride is that of the 3x3 convolution. Where channels or size change (the first block of a stage) the shortcut
    is a convolution with normalisation, else the identity.

    Args:
        place: channels, sizes and stride.
        norm: makes the normalisation layers.
        dilation: of the 3x3 convolution where the shortcut is the identity.
        head: dilation of the 3x3 convolution, and of a shortcut's, where it is not.
        shortcut: kernel of the shortcut's convolution, 1 (ResNet) or 3 (SiamRPN++).
        padded: False leaves kernels of 3 that have a stride unpadded, as SiamRPN++ does.
    """

    def __init__(
        self, place: Place, norm: Norm, *, dilation: int = 1, head: int = 1, shortcut: int = 1, padded: bool = True
    ) -> None:
        super().__init__()
        inputs, outputs, stride = place.in_channels, place.out_channels, place.stride
        middle, dilation = outputs // 4, dilation if place.passes else head
        padding = dilation if padded or stride == 1 else 0
        self.main = ResNetChain(
            *(nn.Conv2d(inputs, middle, 1, bias=False), norm(middle), nn.ReLU(inplace=True)),
            *(nn.Conv2d(middle, middle, 3, stride, padding, dilation, bias=False), norm(middle), nn.ReLU(inplace=True)),
            *(nn.Conv2d(middle, outputs, 1, bias=False), norm(outputs)),
        )
        self.shortcut = ResNetChain()
        if not place.passes:
            if shortcut == 1:
                layer: nn.Conv2d = StridedPointwise(inputs, outputs, 1, stride, bias=False)
            else:
                layer = nn.Conv2d(inputs, outputs, shortcut, stride, padding, dilation, bias=False)
            self.shortcut = ResNetChain(layer, norm(outputs))

    def forward(self, x: Tensor, branch: str | None = None) -> Tensor:
        """Map (b, in_channels, *in_size) to (b, out_channels, *out_size); `branch` chooses the statistics."""
        return torch.relu(self.main(x, branch) + self.shortcut(x, branch))


def build_stem(place: Place, norm: Norm, *, padded: bool = True) -> ResNetChain:
    """7x7 convolution of stride 2, normalisation, ReLU, 3x3 max pooling of stride 2; `padded`: the convolution is."""
    convolution = nn.Conv2d(place.in_channels, place.out_channels, 7, 2, 3 if padded else 0, bias=False)
    return ResNetChain(convolution, norm(place.out_channels), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
