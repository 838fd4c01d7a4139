"""Registered ops: what a choice block or a stem may run, and what it costs at a place.

Built-in ops, ops that packages declare as entry points of the group `asymnas.ops`, and ops registered by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from math import prod

from asymnas.core.errors import Problem, SpaceError, nearest

__all__ = ["GROUP", "Op", "OpCost", "Place", "Size", "find_op", "op_cost", "op_error", "register_op", "registered_ops"]

GROUP = "asymnas.ops"

Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an op runs: what goes in, what comes out.

    Attributes:
        in_channels: channels of the input.
        out_channels: channels of the output.
        in_size: spatial size of the input, one number a dimension (any number of dimensions).
        out_size: spatial size of the output: ceil(in / stride) per dimension.
        stride: stride in every dimension.
        projected: the two-branch form, in which the whole input goes through both a projection and the main path. It is
            the form of every strided or widening block, and of the first block of a stage of form `mapping`.
    """

    in_channels: int
    out_channels: int
    in_size: Size
    out_size: Size
    stride: int
    projected: bool


@dataclass(frozen=True, slots=True)
class OpCost:
    """Multiply-accumulates for one input and the number of weights."""

    macs: int
    params: int


CostFn = Callable[[Place], OpCost]
CheckFn = Callable[[Place], "str | None"]


@dataclass(frozen=True, slots=True)
class Op:
    """An op of choice blocks and stems; packages name one by an entry point of the group `asymnas.ops`.

    The entry point's name is the op's token. Every process of a run sees it: the command line, and the workers.

    Attributes:
        cost: gives the cost of the op at a place.
        check: gives the rule that a place breaks, such as "channels must be divisible by 4", or None.
        unit: its torch module for supernets as "module:builder", imported when the first one is built; see
            `asymnas.nn.register_unit` for what a builder is. None for an op that is only described and costed.
    """

    cost: CostFn
    check: CheckFn | None = None
    unit: str | None = None


_OPS: dict[str, Op] = {}


@cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        rule = "an op's token must be unique"
        if point.name in _OPS:
            raise SpaceError(Problem(f"op '{point.name}'", rule, f"{point.value} and one registered before it"))
        if point.name in found and found[point.name].value != point.value:
            value = f"{found[point.name].value} and {point.value}"
            raise SpaceError(Problem(f"op '{point.name}'", rule, value, "Uninstall one of the packages."))
        found[point.name] = point
    return found


def find_op(token: str) -> Op:
    """Return the op of that token; the package that declares it is imported.

    Raises:
        SpaceError: no op has the token, or its package cannot be imported; the cause is chained.
    """
    if token in _OPS:
        return _OPS[token]
    points = _entry_points()
    if token not in points:
        raise SpaceError(Problem("op", "the op is not registered", f"'{token}'", nearest(token, registered_ops())))
    where, target = f"op '{token}'", points[token].value
    try:
        op = points[token].load()
    except Exception as error:  # what a package's own code may raise is not known
        reason = f"{type(error).__name__}: {error}"
        raise SpaceError(Problem(where, f"cannot import {target}", reason, "Reinstall its package.")) from error
    if not isinstance(op, Op):
        raise SpaceError(Problem(where, f"{target} must be an asymnas.space.Op", repr(op)[:60]))
    _OPS[token] = op
    return op


def register_op(token: str, cost: CostFn, *, check: CheckFn | None = None, replace: bool = False) -> None:
    """Make `token` known as an op of choice blocks and stems, in this process.

    Workers of a run are processes of their own: a package declares an entry point of the group `asymnas.ops` instead
    (see `Op`), which all of them see.

    Args:
        token: the op's name in spaces and architectures, such as `"conv1d_5"`; letters, digits, `_` and `-`.
        cost: gives the cost of the op at a place.
        check: gives the rule that a place breaks, such as "channels must be divisible by 4", or None.
        replace: allow an op that is known already to be replaced.

    Raises:
        SpaceError: the token is no plain name, or is taken.
    """
    if not isinstance(token, str) or not token.replace("_", "").replace("-", "").isalnum():
        raise SpaceError(Problem("register_op", "an op token is made of letters, digits, '_' and '-'", repr(token)))
    if token in registered_ops() and not replace:
        raise SpaceError(Problem("register_op", f"op '{token}' is registered already", way_out="Use another token."))
    _OPS[token] = Op(cost, check)


def registered_ops() -> tuple[str, ...]:
    """Return the tokens of all registered ops, in order of registration, those of packages last; imports none."""
    return tuple(dict.fromkeys((*_OPS, *_entry_points())))


def op_cost(token: str, place: Place) -> OpCost:
    """Return the cost of op `token` at `place`."""
    return find_op(token).cost(place)


def op_error(token: str, place: Place) -> str | None:
    """Return the rule that op `token` finds broken at `place`, or None."""
    check = find_op(token).check
    return check(place) if check else None


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
    """Input, middle and output width of a shuffle unit's main path (reference fact 1.1)."""
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


def _conv(kernel: int) -> CostFn:
    def cost(place: Place) -> OpCost:
        weights = kernel ** len(place.in_size) * place.in_channels * place.out_channels
        return OpCost(weights * prod(place.out_size), weights)

    return cost


for _kernel in (3, 5, 7):
    _OPS[f"shuffle_{_kernel}x{_kernel}"] = Op(_shuffle(_kernel), _shuffle_error)
_OPS["shuffle_xception"] = Op(_xception, _shuffle_error)
for _kernel in (1, 3, 5, 7):
    _OPS[f"conv_{_kernel}x{_kernel}"] = Op(_conv(_kernel))
