"""The ops and mixers that come with AsymNAS keep their contracts."""

from __future__ import annotations

import pytest

from asymnas.space import MIXERS, OPS
from asymnas.testing import MixerContract, OpContract

SHIPPED = [op for op in OPS if op.startswith(("shuffle_", "conv_")) or op == "skip"]


class TestOps(OpContract):
    @pytest.fixture(autouse=True, params=SHIPPED)
    def _token(self, request):
        self.token = request.param


class TestMixers(MixerContract):
    @pytest.fixture(autouse=True, params=[("moda", ({}, {"residual": False})), ("film", ({},)), ("concat", ({},))])
    def _kind(self, request):
        self.kind, self.options = request.param


def test_every_shipped_kind_is_tested():
    assert {"moda", "film", "concat"} <= set(MIXERS)
