"""The ops of choice blocks as torch modules: SPOS shuffle units, convolution stems, and the registry for others."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from asymnas.core.errors import Problem, SpaceError, nearest
from asymnas.nn._depthwise import DepthwiseConv2d
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.space import Place, find_op, registered_ops

__all__ = ["Chain", "ConvUnit", "ShuffleUnit", "build_unit", "register_unit", "registered_units"]

Norm = Callable[[int], nn.Module]
"""Makes a normalisation layer for a number of channels; it is called as `norm(x, branch)`."""
UnitBuilder = Callable[[Place, Norm], nn.Module]

_UNITS: dict[str, UnitBuilder] = {}


def register_unit(token: str, builder: UnitBuilder, *, replace: bool = False) -> None:
    """Make op `token` buildable.

    Args:
        token: the op token of `asymnas.space`, such as `"shuffle_3x3"`.
        builder: `builder(place, norm)` returns a module called as `unit(x, branch)`, x of shape
            (batch, place.in_channels, *place.in_size). `norm(channels)` makes its normalisation layers, which are
            called as `layer(x, branch)`: they keep statistics per branch.
        replace: allow a known token to be replaced.

    Raises:
        SpaceError: the token has a builder already.
    """
    if token in _UNITS and not replace:
        raise SpaceError(Problem("register_unit", f"op '{token}' has a module already", way_out="Use another token."))
    _UNITS[token] = builder


def registered_units() -> tuple[str, ...]:
    """Return the tokens that have a module, in order of registration."""
    return tuple(_UNITS)


def build_unit(token: str, place: Place, norm: Norm) -> nn.Module:
    """Build the module of op `token` at `place`.

    Raises:
        SpaceError: no module is registered for it, or its package cannot be imported; the cause is chained.
    """
    if token not in _UNITS:
        unit = find_op(token).unit if token in registered_ops() else None
        if unit is None:
            known = nearest(token, _UNITS)
            raise SpaceError(Problem("op", "no torch module is registered for this op", f"'{token}'", known))
        _UNITS[token] = _imported(token, unit)
    return _UNITS[token](place, norm)


def _imported(token: str, target: str) -> UnitBuilder:
    """Import the builder `module:name` that a package gives for its op."""
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        rule = f"cannot import its module builder {target}"
        raise SpaceError(Problem(f"op '{token}'", rule, str(error), "Reinstall its package.")) from error


class Chain(nn.Module):
    """Layers in sequence; normalisation layers are told the branch."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            self.add_module(str(index), layer)

    def forward(self, x: Tensor, branch: str | None = None) -> Tensor:
        """Run the layers on `x`; `branch` chooses the normalisation statistics."""
        for layer in self._modules.values():
            x = layer(x, branch) if isinstance(layer, RecalibratedBatchNorm) else layer(x)  # type: ignore[misc]
        return x


def _pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=False)


def _relu() -> nn.Module:
    return nn.ReLU(inplace=True)


class ShuffleUnit(nn.Module):
    """A SPOS unit (reference fact 1.1) in any of its forms.

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


class ConvUnit(Chain):
    """Convolution without bias, normalisation, ReLU: the stem of SPOS (reference fact 1.1)."""

    def __init__(self, place: Place, norm: Norm, *, kernel: int) -> None:
        convolution = nn.Conv2d(place.in_channels, place.out_channels, kernel, place.stride, kernel // 2, bias=False)
        super().__init__(convolution, norm(place.out_channels), _relu())


def _shuffle(kernel: int) -> UnitBuilder:
    return lambda place, norm: ShuffleUnit(place, norm, kernel=kernel)


def _conv(kernel: int) -> UnitBuilder:
    return lambda place, norm: ConvUnit(place, norm, kernel=kernel)


for _kernel in (3, 5, 7):
    register_unit(f"shuffle_{_kernel}x{_kernel}", _shuffle(_kernel))
register_unit("shuffle_xception", lambda place, norm: ShuffleUnit(place, norm, xception=True))
for _kernel in (1, 3, 5, 7):
    register_unit(f"conv_{_kernel}x{_kernel}", _conv(_kernel))
