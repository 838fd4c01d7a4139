"""The ops and mixers that come with AsymNAS, and those that the docs show how to write, keep their contracts."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from asymnas.space import MIXERS, OPS
from asymnas.testing import MixerContract, OpContract

DOCS = Path(__file__).resolve().parents[2] / "docs" / "spaces.md"
SHIPPED = [op for op in OPS if op.startswith(("shuffle_", "conv_", "bottleneck", "resnet_stem")) or op == "skip"]
KINDS = [("moda", ({}, {"residual": False})), ("film", ({},)), ("concat", ({},))]


class TestOps(OpContract):
    @pytest.fixture(autouse=True, params=SHIPPED)
    def _token(self, request):
        self.token = request.param


class TestMixers(MixerContract):
    @pytest.fixture(autouse=True, params=KINDS, ids=lambda param: param[0])
    def _kind(self, request):
        self.kind, self.options = request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The modules of the docs: what a block says it is named by its first line."""
    found = tmp_path_factory.mktemp("docs")
    for code in re.findall(r"^```python\n(.*?)^```$", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        if name := re.match(r"# (my_\w+\.py)", code):
            (found / name[1]).write_text(code, "utf-8")
    return found


class TestOpOfTheDocs(OpContract):
    token = "dilated_3x3"

    @pytest.fixture(autouse=True)
    def _registered(self, folder, monkeypatch):
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setitem(OPS._objects, self.token, importlib.import_module("my_ops").dilated)


class TestMixerOfTheDocs(MixerContract):
    kind = "gate"
    options = ({}, {"hidden": 8})

    @pytest.fixture(autouse=True)
    def _registered(self, folder, monkeypatch):
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setitem(MIXERS._objects, self.kind, importlib.import_module("my_mixers").gate)


def test_every_shipped_kind_is_tested():
    assert {name for name in MIXERS if not name.startswith("test_")} == {kind for kind, _ in KINDS}
