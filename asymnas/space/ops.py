"""Ops: what a choice block or a stem may run, what it costs at a place, and which torch module it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from asymnas.core.errors import Problem, SpaceError
from asymnas.core.plugins import Registry

Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an op runs: what goes in, what comes out.

    Attributes:
        in_channels: channels of the input.
        out_channels: channels of the output.
        in_size: spatial size of the input, one number a dimension (any number of dimensions).
        out_size: spatial size of the output.
        stride: stride in every dimension.
        projected: the two-branch form, in which the whole input goes through both a projection and the main path. It is
            the form of every strided block, and of the first block of a stage of form `mapping`.
    """

    in_channels: int
    out_channels: int
    in_size: Size
    out_size: Size
    stride: int
    projected: bool

    @property
    def passes(self) -> bool:
        """Whether the input can pass as it is: channels and size stay, and the place is not projected."""
        return not self.projected and self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True, slots=True)
class OpCost:
    """Multiply-accumulates for one input and the number of weights."""

    macs: int
    params: int


CostFn = Callable[[Place], OpCost]
CheckFn = Callable[[Place], "str | None"]
SizeFn = Callable[[Size, int], Size]


def rounded_up(size: Size, stride: int) -> Size:
    """Return ceil(side / stride) of every side: what a convolution with padding kernel // 2 leaves."""
    return tuple(-(-side // stride) for side in size)


@dataclass(frozen=True, slots=True)
class Op:
    """An op of choice blocks and stems; packages name one by an entry point of the group `asymnas.ops`.

    The entry point's name is the op's token. Every process of a run sees it: the command line, and the workers.

    Attributes:
        cost: gives the cost of the op at a place.
        check: gives the rule that a place breaks, such as "channels must be divisible by 4", or None.
        unit: builds its torch module: a callable, or "module:builder", imported when the first one is built. It is
            called as `builder(place, norm, **options)` and returns a module called as `unit(x, branch)` that maps
            (batch, place.in_channels, *place.in_size) to (batch, place.out_channels, *place.out_size);
            `norm(channels)` makes its normalisation layers, called as `layer(x, branch)`. None for an op that is only
            described and costed.
        options: keyword arguments of the builder, such as a kernel.
        summary: one line for `asymnas list ops`.
        out_size: gives the spatial size of the output by that of the input and the stride. Where a block has several
            ops they agree.
    """

    cost: CostFn
    check: CheckFn | None = None
    unit: str | Callable[..., Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    out_size: SizeFn = rounded_up

    def error(self, place: Place) -> str | None:
        """Return the rule that a place breaks, or None."""
        if self.check and (rule := self.check(place)) is not None:
            return rule
        made = self.out_size(place.in_size, place.stride)
        if made == place.out_size:
            return None
        return f"it makes {_cells(made)} cells where the place has {_cells(place.out_size)}"


def _cells(size: Size) -> str:
    return " x ".join(map(str, size))


OPS: Registry[Op] = Registry("op", "asymnas.ops", "asymnas.space:Op", SpaceError, named=False)
"""All ops by token: those that come with AsymNAS, those of packages, those registered in this process."""


def register_op(
    token: str,
    cost: CostFn,
    *,
    unit: str | Callable[..., Any] | None = None,
    check: CheckFn | None = None,
    out_size: SizeFn = rounded_up,
    replace: bool = False,
) -> None:
    """Make `token` known as an op of choice blocks and stems, in this process.

    Workers of a run are processes of their own: a package declares an entry point of the group `asymnas.ops` instead.

    Args:
        token: the op's name in spaces and architectures, such as `"conv1d_5"`; letters, digits, `_` and `-`.
        cost, unit, check, out_size: see `Op`.
        replace: whether the op may take the place of a registered one.

    Raises:
        SpaceError: the token has other characters, or is taken.
    """
    if not token.replace("_", "").replace("-", "").isalnum():
        raise SpaceError(Problem("register_op", "an op token is made of letters, digits, '_' and '-'", repr(token)))
    OPS.register(token, Op(cost, check, unit, out_size=out_size), replace=replace)


def _shuffle_error(place: Place) -> str | None:
    """The channel shuffle halves the channels and swaps pairs: it needs multiples of 4."""
    if place.out_channels % 4:
        return f"a shuffle op needs channels divisible by 4, but the stage has {place.out_channels}"
    if place.projected and place.in_channels >= place.out_channels:
        return (
            f"a shuffle op in its two-branch form keeps its {place.in_channels} input channels as a part of the "
            f"output: the stage needs more channels than that, but has {place.out_channels}"
        )
    if not place.projected and place.in_channels != place.out_channels:
        return (
            f"a stride-1 shuffle op keeps the number of channels, but {place.in_channels} come in and "
            f"{place.out_channels} go out; give the stage `form: mapping`"
        )
    return None


def _main_channels(place: Place) -> tuple[int, int, int]:
    """Input, middle and output width of a shuffle unit's main path."""
    taken = place.in_channels if place.projected else place.in_channels // 2
    return taken, place.out_channels // 2, place.out_channels - taken


def _projection_cost(place: Place, kernel: int) -> tuple[int, int]:
    if not place.projected:
        return 0, 0
    weights = kernel**2 * place.in_channels + place.in_channels**2
    return weights * prod(place.out_size), weights


def _shuffle(kernel: int) -> CostFn:
    def cost(place: Place) -> OpCost:
        taken, middle, out = _main_channels(place)
        before, after = taken * middle, kernel**2 * middle + middle * out
        macs, weights = _projection_cost(place, kernel)
        macs += before * prod(place.in_size) + after * prod(place.out_size)
        return OpCost(macs, weights + before + after)

    return cost


def _xception(place: Place) -> OpCost:
    taken, middle, out = _main_channels(place)
    main = 9 * taken + taken * middle + 9 * middle + middle**2 + 9 * middle + middle * out
    macs, weights = _projection_cost(place, 3)
    return OpCost(macs + main * prod(place.out_size), weights + main)


def _conv(place: Place, area: int) -> OpCost:
    """The cost of a convolution whose kernel has `area` positions."""
    weights = area * place.in_channels * place.out_channels
    return OpCost(weights * prod(place.out_size), weights)


def _square(kernel: int) -> CostFn:
    return lambda place: _conv(place, kernel ** len(place.in_size))


def _rectangle(height: int, width: int) -> CostFn:
    return lambda place: _conv(place, height * width)


def two_dimensions(place: Place) -> str | None:
    """The rule that a place of other than two dimensions breaks."""
    return None if len(place.in_size) == 2 else f"a {len(place.in_size)}-dimensional input has no such kernel"


def _skip(place: Place) -> OpCost:
    """Nothing where the input can pass as it is, else a strided 1x1 convolution."""
    return OpCost(0, 0) if place.passes else _conv(place, 1)


_UNITS = "asymnas.nn._units"
_SHUFFLE, _CONV = f"{_UNITS}:ShuffleUnit", f"{_UNITS}:build_conv"
for _n in (3, 5, 7):
    _line = f"SPOS' shuffle unit with a {_n}x{_n} kernel"
    OPS.register(f"shuffle_{_n}x{_n}", Op(_shuffle(_n), _shuffle_error, _SHUFFLE, {"kernel": _n}, _line))
_line = "SPOS' shuffle unit with three 3x3 kernels"
OPS.register("shuffle_xception", Op(_xception, _shuffle_error, _SHUFFLE, {"xception": True}, _line))
_line = "convolution, batch norm, ReLU"
for _n in (1, 3, 5, 7):
    OPS.register(f"conv_{_n}x{_n}", Op(_square(_n), None, _CONV, {"kernel": (_n, _n)}, _line))
for _n in (3, 5, 7):
    for _h, _w in ((1, _n), (_n, 1)):
        _op = Op(_rectangle(_h, _w), two_dimensions, _CONV, {"kernel": (_h, _w)}, _line)
        OPS.register(f"conv_{_h}x{_w}", _op)
OPS.register("skip", Op(_skip, None, f"{_UNITS}:build_skip", summary="the identity, or a 1x1 convolution"))
