"""Shuffle units: forms, channel order, depth-wise gradients; convolutions, skips, the registry."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from asymnas.core.errors import SpaceError
from asymnas.nn import Chain, RecalibratedBatchNorm, build_unit
from asymnas.nn._depthwise import DepthwiseConv2d
from asymnas.nn._units import StridedPointwise
from asymnas.space import OPS as ALL_OPS
from asymnas.space import OpCost, Place, register_op

OPS = ["shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception"]


def place(inputs: int, outputs: int, stride: int, *, projected: bool, size: int = 9) -> Place:
    out = -(-size // stride)
    return Place(inputs, outputs, (size, size), (out, out), stride, projected)


def norm(channels: int) -> RecalibratedBatchNorm:
    return RecalibratedBatchNorm(channels, ("template", "search"))


@pytest.mark.parametrize("op", OPS)
def test_plain_form_keeps_even_channels_and_puts_them_first(op: str) -> None:
    unit = build_unit(op, place(8, 8, 1, projected=False), norm)
    x = torch.randn(2, 8, 9, 9)
    y = unit(x, "template")
    assert torch.equal(y[:, :4], x[:, 0::2])
    torch.testing.assert_close(y[:, 4:], unit.main(x[:, 1::2], "template"))
    assert (y[:, 4:] >= 0).all()


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("stride", [1, 2])
def test_two_branch_form(op: str, stride: int) -> None:
    unit = build_unit(op, place(8, 20, stride, projected=True), norm)
    x = torch.randn(2, 8, 9, 9)
    y = unit(x, "template")
    side = -(-9 // stride)
    assert y.shape == (2, 20, side, side)
    torch.testing.assert_close(y[:, :8], unit.proj(x, "template"))
    torch.testing.assert_close(y[:, 8:], unit.main(x, "template"))


def test_affine_switch() -> None:
    free = build_unit("shuffle_3x3", place(8, 8, 1, projected=False), norm)
    assert [name for name, _ in free.named_parameters()] == ["main.0.weight", "main.3.weight", "main.5.weight"]
    affine = build_unit("shuffle_3x3", place(8, 8, 1, projected=False), lambda c: RecalibratedBatchNorm(c, affine=True))
    assert "main.1.weight" in dict(affine.named_parameters())


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_gradients_are_those_of_torch(kernel: int, stride: int) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = DepthwiseConv2d(6, kernel, stride).double()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
    x = torch.randn(2, 6, 12, 11, generator=generator, dtype=torch.float64, requires_grad=True)
    reference = x.detach().clone().requires_grad_()
    weight = layer.weight.detach().clone().requires_grad_()
    y = layer(x)
    expected = F.conv2d(reference, weight, None, stride, kernel // 2, 1, 6)
    torch.testing.assert_close(y, expected)
    grad = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    y.backward(grad)
    expected.backward(grad)
    torch.testing.assert_close(x.grad, reference.grad)
    torch.testing.assert_close(layer.weight.grad, weight.grad)


@pytest.mark.parametrize("op", ["skip", "zero", *(name for name in ALL_OPS if name.startswith("conv_"))])
@pytest.mark.parametrize(
    ("channels", "stride", "projected"), [(8, 1, False), (8, 1, True), (12, 1, False), (12, 2, True)]
)
def test_convolutions_and_skips_cost_what_the_space_says(
    op: str, channels: int, stride: int, *, projected: bool
) -> None:
    where = place(8, channels, stride, projected=projected)
    unit = build_unit(op, where, norm)
    x = torch.randn(2, 8, 9, 9)
    with FlopCounterMode(display=False) as counter:
        y = unit(x, "template")
    cost = ALL_OPS.get(op).cost(where)
    assert y.shape == (2, channels, *where.out_size)
    assert counter.get_total_flops() == 2 * 2 * cost.macs  # of a batch of two, a multiplication and an addition
    assert sum(p.numel() for p in unit.parameters()) == cost.params
    assert torch.equal(y, x) == (op == "skip" and cost.params == 0)
    assert bool(y.any()) == (op != "zero")


def test_an_op_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ALL_OPS, "_objects", dict(ALL_OPS._objects))
    register_op("test_pointwise", lambda place: OpCost(0, 0), unit=lambda place, norm: Chain(torch.nn.Conv2d(3, 5, 1)))
    assert build_unit("test_pointwise", place(3, 5, 1, projected=True), norm)(torch.ones(1, 3, 2, 2)).shape[1] == 5
    register_op("test_described", lambda place: OpCost(0, 0))
    with pytest.raises(SpaceError, match="has no torch module"):
        build_unit("test_described", place(8, 8, 1, projected=False), norm)
    with pytest.raises(SpaceError, match=r"Did you mean 'shuffle_3x3'"):
        build_unit("shufle_3x3", place(8, 8, 1, projected=False), norm)


def test_strided_pointwise_is_a_strided_convolution_and_trains_in_channels_last_order():
    """torch's own one aborts the process in this backward pass on some CPUs."""
    torch.manual_seed(0)
    layer = StridedPointwise(8, 16, 1, 2, bias=False)
    x = torch.randn(16, 8, 65, 64, requires_grad=True)
    found = layer(x.contiguous(memory_format=torch.channels_last))
    expected = torch.nn.functional.conv2d(x, layer.weight, stride=2)
    torch.testing.assert_close(found, expected)
    given = torch.randn_like(found)
    torch.testing.assert_close(torch.autograd.grad(found, x, given), torch.autograd.grad(expected, x, given))
