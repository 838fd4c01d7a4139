"""ResNet's ops: stems and bottlenecks, padded, unpadded and dilated as the trackers over ResNet-50 have them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from asymnas.space.ops import OPS, CostFn, Op, OpCost, Place, Size, rounded_up, two_dimensions


def _bottleneck(shortcut: int) -> CostFn:
    """The cost of a bottleneck whose shortcut, where the input cannot pass, has a kernel of `shortcut` a side."""

    def cost(place: Place) -> OpCost:
        middle = place.out_channels // 4
        before, after = place.in_channels * middle, 9 * middle**2 + middle * place.out_channels
        after += 0 if place.passes else shortcut**2 * place.in_channels * place.out_channels
        return OpCost(before * prod(place.in_size) + after * prod(place.out_size), before + after)

    return cost


def _bottleneck_error(place: Place) -> str | None:
    if place.out_channels % 4:
        return f"a bottleneck needs channels divisible by 4, but the stage has {place.out_channels}"
    return two_dimensions(place)


def _unpadded(size: Size, kernel: int, stride: int) -> Size:
    return tuple((side - kernel) // stride + 1 for side in size)


def _valid_size(size: Size, stride: int) -> Size:
    return size if stride == 1 else _unpadded(size, 3, stride)


def _valid_error(place: Place) -> str | None:
    small = place.stride > 1 and min(place.in_size) < 3
    return "an unpadded 3x3 kernel needs 3 cells a side" if small else _bottleneck_error(place)


def _stem(convolved: Callable[[Size], Size]) -> CostFn:
    """The cost of a stem; `convolved` gives the size that its 7x7 convolution makes."""

    def cost(place: Place) -> OpCost:
        weights = 49 * place.in_channels * place.out_channels
        return OpCost(weights * prod(convolved(place.in_size)), weights)

    return cost


def _stem_error(place: Place) -> str | None:
    return two_dimensions(place) if place.stride == 4 else f"ResNet's stem has stride 4, not {place.stride}"


def _valid_stem_error(place: Place) -> str | None:
    return "an unpadded 7x7 kernel needs 7 cells a side" if min(place.in_size) < 7 else _stem_error(place)


_BOTTLENECK, _STEM = "asymnas.nn._resnet:Bottleneck", "asymnas.nn._resnet:build_stem"
_line = "ResNet's bottleneck: 1x1, 3x3 and 1x1 convolutions beside a shortcut"
OPS.register("bottleneck", Op(_bottleneck(1), _bottleneck_error, _BOTTLENECK, {}, _line))
for _name, _options, _where in (
    ("d2", {"dilation": 2, "shortcut": 3}, "dilation 2 after the first block (layer3 of SiamRPN++)"),
    ("d4", {"dilation": 4, "head": 2, "shortcut": 3}, "dilation 4, 2 in the first block (layer4 of SiamRPN++)"),
    ("d2_first", {"head": 2}, "dilation 2 in the first block (layer3 of TransT)"),
):
    _cost = _bottleneck(_options.get("shortcut", 1))
    OPS.register(f"bottleneck_{_name}", Op(_cost, _bottleneck_error, _BOTTLENECK, _options, f"a bottleneck, {_where}"))
_line = "a bottleneck, unpadded where it has a stride (layer2 of SiamRPN++)"
OPS.register(
    "bottleneck_valid",
    Op(_bottleneck(3), _valid_error, _BOTTLENECK, {"shortcut": 3, "padded": False}, _line, _valid_size),
)
_line = "ResNet's stem: 7x7 convolution, batch norm, ReLU, 3x3 max pooling; stride 4"
OPS.register(
    "resnet_stem",
    Op(_stem(lambda size: rounded_up(size, 2)), _stem_error, _STEM, {}, _line, lambda size, _: rounded_up(size, 4)),
)
OPS.register(
    "resnet_stem_valid",
    Op(
        _stem(lambda size: _unpadded(size, 7, 2)),
        _valid_stem_error,
        _STEM,
        {"padded": False},
        "ResNet's stem with an unpadded convolution (SiamRPN++)",
        lambda size, _: rounded_up(_unpadded(size, 7, 2), 2),
    ),
)
