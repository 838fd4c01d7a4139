"""The time of ops, each at its place."""

from __future__ import annotations

import time

from torch import Tensor, nn

from asymnas.nn import measure_latency
from asymnas.space import OPS, Op, OpCost, load_space


class Slow(nn.Module):
    def forward(self, x: Tensor, branch: str | None) -> Tensor:
        time.sleep(0.02)
        return x


def test_every_op_of_every_gene_is_timed_and_a_slow_one_is_slow():
    slow = "slow"
    OPS.register(slow, Op(lambda place: OpCost(0, 0), unit=lambda place, norm: Slow()))
    stage = {"channels": 8, "blocks": 2}
    branch = {"input_channels": 8, "input_size": 8, "stages": {"stage1": stage}}
    space = load_space({"name": "two", "ops": ["skip", slow], "branches": {"left": branch, "right": branch}})
    found = measure_latency(space, rounds=3)
    assert {gene: set(ops) for gene, ops in found.items()} == {gene.id: {"skip", slow} for gene in space.genes}
    assert all(ops[slow] >= 20 and 0 < ops["skip"] < 20 for ops in found.values())
