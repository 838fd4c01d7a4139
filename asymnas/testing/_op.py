"""The contract of ops as a test class: the stated cost is that of the built unit, and the unit fits its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from asymnas.nn import RecalibratedBatchNorm, build_unit
from asymnas.space import OPS, OpCost, Place

PLACES = (
    Place(16, 16, (8, 8), (8, 8), 1, False),
    Place(16, 32, (9, 7), (5, 4), 2, True),
    Place(16, 32, (6, 6), (6, 6), 1, True),
    Place(16, 16, (8, 8), (8, 8), 1, True),
    Place(8, 16, (6, 4), (6, 4), 1, False),
    Place(3, 16, (8, 8), (4, 4), 2, False),
    Place(3, 16, (17, 16), (5, 4), 4, False),
)
"""A block, a strided one, one of form `mapping` with more and with equal channels, a widening one, two stems."""


def counted(module: nn.Module, run: Callable[[], Any]) -> OpCost:
    """Count multiply-accumulates of convolutions and linear layers in one run, and their weights."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    macs, rest = divmod(counter.get_total_flops(), 2)
    assert rest == 0
    return OpCost(macs, sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1))


class OpContract:
    """What every op must keep. Subclass it, set `token`, and `places` where the default ones do not fit.

    Output sizes of the places are those that the op states; places that its `check` refuses are left out.

    Example:
        >>> class TestDilated(OpContract):
        ...     token = "dilated_3x3"
    """

    token: str
    places: tuple[Place, ...] = PLACES

    def units(self) -> Iterator[tuple[Place, nn.Module]]:
        """Yield the places at which the op can run and a unit built there."""
        op = OPS.get(self.token)
        sized = [replace(place, out_size=op.out_size(place.in_size, place.stride)) for place in self.places]
        allowed = [place for place in sized if op.error(place) is None]
        assert allowed, "the op can run at one place at least"
        for place in allowed:
            yield place, build_unit(self.token, place, lambda n: RecalibratedBatchNorm(n, ("a", "b"), affine=False))

    def inputs(self, place: Place, n: int = 2) -> Tensor:
        """Return a batch of n random inputs of a place."""
        return torch.rand(n, place.in_channels, *place.in_size, generator=torch.Generator().manual_seed(1))

    def test_the_output_has_the_channels_and_size_of_the_place(self) -> None:
        for place, unit in self.units():
            assert unit(self.inputs(place), "a").shape == (2, place.out_channels, *place.out_size), place

    def test_the_cost_is_that_of_the_unit(self) -> None:
        for place, unit in self.units():
            unit.eval()
            one = self.inputs(place, 1)
            found = counted(unit, lambda unit=unit, one=one: unit(one, "a"))  # type: ignore[misc]
            assert found == OPS.get(self.token).cost(place), place

    def test_every_weight_gets_a_gradient(self) -> None:
        for place, unit in self.units():
            unit(self.inputs(place).requires_grad_(), "a").square().sum().backward()
            assert all(parameter.grad is not None for parameter in unit.parameters()), place

    def test_the_unit_has_no_memory_in_evaluation(self) -> None:
        for place, unit in self.units():
            unit.eval()
            with torch.no_grad():
                first, other = unit(self.inputs(place), "b"), unit(self.inputs(place, 3)[:2], "b")
            assert torch.equal(first, unit(self.inputs(place), "b")) and first.shape == other.shape, place

    def test_the_check_gives_a_rule_or_none(self) -> None:
        for place in self.places:
            rule = OPS.get(self.token).error(place)
            assert rule is None or (isinstance(rule, str) and rule), place

    def test_it_has_a_module(self) -> None:
        if OPS.get(self.token).unit is None:
            pytest.fail(f"op '{self.token}' has no `unit`: it can be described and costed, but not built")
