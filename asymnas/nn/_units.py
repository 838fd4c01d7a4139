"""The ops of choice blocks as torch modules: SPOS shuffle units, plain convolutions, skips; and the choice block."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from asymnas.core.errors import ArchitectureMismatch, Problem, SpaceError, nearest
from asymnas.core.plugins import load_object
from asymnas.nn._depthwise import DepthwiseConv2d
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.space import OPS, Place

Norm = Callable[[int], nn.Module]
"""Makes a normalisation layer for a number of channels; it is called as `norm(x, branch)`."""


def build_unit(token: str, place: Place, norm: Norm) -> nn.Module:
    """Build the module of op `token` at `place`; `asymnas.space.Op` says what an op's builder is.

    Raises:
        SpaceError: the op has no module, or its package cannot be imported; the cause is chained.
    """
    op = OPS.get(token)
    if op.unit is None:
        raise SpaceError(Problem(f"op '{token}'", "has no torch module", way_out="Give its `Op` a `unit`."))
    return load_builder(f"op '{token}'", op.unit)(place, norm, **op.options)


def load_builder(where: str, target: str | Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Return the builder of a torch module, given as "module:builder" or as it is.

    Raises:
        SpaceError: it cannot be imported; `where` says whose it is, and the cause is chained.
    """
    try:
        return load_object(target)
    except (ImportError, AttributeError) as error:
        rule = f"cannot import its module builder {target}"
        raise SpaceError(Problem(where, rule, str(error), "Reinstall its package.")) from error


class Choice(nn.ModuleDict):
    """The ops of a choice block by token; the path says which one runs.

    Args:
        units: by token the module of the op, called as `unit(x, branch)`.
        genes: by branch the id of its gene for this block.
    """

    def __init__(self, units: Mapping[str, nn.Module], genes: Mapping[str, str]) -> None:
        super().__init__(units)
        self.genes = dict(genes)

    def unit(self, path: Mapping[str, str], branch: str) -> nn.Module:
        """Return the module that `path` chooses for `branch`.

        Raises:
            ArchitectureMismatch: the path has no op for the gene, or one that is not in this supernet.
        """
        gene = self.genes[branch]
        if gene not in path:
            way_out = "A path names one op for every gene."
            raise ArchitectureMismatch(Problem(gene, "the path has no op for this gene", way_out=way_out))
        op = path[gene]
        if op not in self:
            known = nearest(op, self.keys())
            raise ArchitectureMismatch(Problem(gene, "the op of the path is not in this supernet", f"'{op}'", known))
        return self[op]

    def forward(self, x: Tensor, path: Mapping[str, str], branch: str) -> Tensor:
        """Run the chosen op on `x`; `branch` also chooses the normalisation statistics."""
        return self.unit(path, branch)(x, branch)


class Chain(nn.Sequential):
    """Layers in sequence; normalisation layers get the branch. Without layers it is the identity."""

    def forward(self, x: Tensor, branch: str | None = None) -> Tensor:
        """Run the layers on `x`; `branch` chooses the normalisation statistics."""
        for layer in self:
            x = layer(x, branch) if isinstance(layer, RecalibratedBatchNorm) else layer(x)
        return x


def _pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=False)


def _relu() -> nn.Module:
    return nn.ReLU(inplace=True)


class ShuffleUnit(nn.Module):
    """A SPOS unit in any of its forms.

    In the plain form (stride 1) the channels are shuffled first: the even ones pass unchanged, the odd ones go through
    `main`; the output is both, in this order. In the two-branch form (stride 2, or stride 1 at the head of a stage of
    form `mapping`) the whole input goes through `proj` and through `main`.

    Args:
        place: channels, stride and form.
        norm: makes the normalisation layers.
        kernel: kernel of the depth-wise convolution.
        xception: three depth-wise convolutions (kernel 3) instead of one.
    """

    def __init__(self, place: Place, norm: Norm, *, kernel: int = 3, xception: bool = False) -> None:
        super().__init__()
        stride, middle = place.stride, place.out_channels // 2
        taken = place.in_channels if place.projected else place.in_channels // 2
        made = place.out_channels - taken
        if xception:
            self.main = Chain(
                *(DepthwiseConv2d(taken, 3, stride), norm(taken)),
                *(_pointwise(taken, middle), norm(middle), _relu()),
                *(DepthwiseConv2d(middle, 3), norm(middle)),
                *(_pointwise(middle, middle), norm(middle), _relu()),
                *(DepthwiseConv2d(middle, 3), norm(middle)),
                *(_pointwise(middle, made), norm(made), _relu()),
            )
        else:
            self.main = Chain(
                *(_pointwise(taken, middle), norm(middle), _relu()),
                *(DepthwiseConv2d(middle, kernel, stride), norm(middle)),
                *(_pointwise(middle, made), norm(made), _relu()),
            )
        self.proj: Chain | None = None
        if place.projected:
            self.proj = Chain(
                *(DepthwiseConv2d(taken, kernel, stride), norm(taken)),
                *(_pointwise(taken, taken), norm(taken), _relu()),
            )

    def forward(self, x: Tensor, branch: str | None = None) -> Tensor:
        """Map (b, in_channels, h, w) to (b, out_channels, ceil(h / stride), ceil(w / stride))."""
        if self.proj is not None:
            return torch.cat((self.proj(x, branch), self.main(x, branch)), 1)
        kept, changed = x.unflatten(1, (-1, 2)).unbind(2)
        return torch.cat((kept, self.main(changed, branch)), 1)


class StridedPointwise(nn.Conv2d):
    """A 1x1 convolution without bias that takes every stride-th pixel first.

    It computes what `Conv2d` does, whose backward pass frees memory twice on some CPUs (torch 2.13, stride 2, 8 to 16
    channels in channels-last order).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, in_channels, h, w) to (b, out_channels, ceil(h / stride), ceil(w / stride))."""
        rows, columns = self.stride
        return nn.functional.conv2d(x[..., ::rows, ::columns], self.weight)


def build_conv(place: Place, norm: Norm, *, kernel: tuple[int, int]) -> Chain:
    """Convolution without bias, normalisation, ReLU; the kernel's sides (height, width) are odd."""
    inputs, outputs, padding = place.in_channels, place.out_channels, (kernel[0] // 2, kernel[1] // 2)
    if kernel == (1, 1):
        return Chain(StridedPointwise(inputs, outputs, 1, place.stride, bias=False), norm(outputs), _relu())
    return Chain(nn.Conv2d(inputs, outputs, kernel, place.stride, padding, bias=False), norm(outputs), _relu())


def build_skip(place: Place, norm: Norm) -> Chain:
    """The identity; where channels change or the place is projected a strided 1x1 convolution with normalisation."""
    inputs, outputs = place.in_channels, place.out_channels
    if place.passes:
        return Chain()
    return Chain(StridedPointwise(inputs, outputs, 1, place.stride, bias=False), norm(outputs))
