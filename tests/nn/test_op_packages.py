"""Ops that packages declare by entry points: known to spaces, supernets and the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from asymnas.core.errors import SpaceError
from asymnas.core.seeding import rng_for
from asymnas.nn import Supernet
from asymnas.space import OPS, load_space, register_op

SPACE = {
    "name": "dilated",
    "ops": ["shuffle_3x3", "toy_dilated"],
    "branches": {
        "search": {
            "input_channels": 3,
            "input_size": 32,
            "stem": {"op": "conv_3x3", "channels": 8, "stride": 2},
            "stages": {"stage1": {"channels": 16, "stride": 2, "blocks": 2, "mixer": {"name": "mixer1"}}},
        }
    },
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with three ops: a whole one, one whose entry is no op, one whose module is not there."""
    (tmp_path / "toy_ops.py").write_text(
        "from math import prod\n"
        "from asymnas.space import Op, OpCost\n"
        "def cost(place):\n"
        "    weights = 9 * place.in_channels * place.out_channels\n"
        "    return OpCost(weights * prod(place.out_size), weights)\n"
        "dilated = Op(cost, unit='toy_ops_torch:build')\n"
        "unbuilt = Op(cost, unit='toy_ops_gone:build')\n"
        "wrong = 3\n"
    )
    (tmp_path / "toy_ops_torch.py").write_text(
        "from torch import nn\n"
        "from asymnas.nn import Chain\n"
        "def build(place, norm):\n"
        "    layer = nn.Conv2d(place.in_channels, place.out_channels, 3, place.stride, 2, dilation=2, bias=False)\n"
        "    return Chain(layer, norm(place.out_channels), nn.ReLU())\n"
    )
    info = tmp_path / "toy_ops-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-ops\nVersion: 1\n")
    (tmp_path / "toy_broken.py").write_text("import os\nos.getenv('X').lower(\n")
    (tmp_path / "toy_raises.py").write_text("raise RuntimeError('no licence')\n")
    broken = "toy_broken = toy_broken:op\ntoy_raises = toy_raises:op\n"
    points = f"{broken}toy_dilated = toy_ops:dilated\ntoy_unbuilt = toy_ops:unbuilt\ntoy_wrong = toy_ops:wrong\n"
    (info / "entry_points.txt").write_text(f"[asymnas.ops]\n{points}toy_gone = toy_gone:op\n")
    monkeypatch.syspath_prepend(tmp_path)
    known = dict(OPS._objects)
    OPS.__dict__.pop("_points", None)
    yield tmp_path
    OPS.__dict__.pop("_points", None)
    OPS._objects.clear()
    OPS._objects.update(known)
    for module in ("toy_ops", "toy_ops_torch"):
        sys.modules.pop(module, None)


def test_a_supernet_is_built_and_run_over_the_op_of_a_package(package):
    assert "toy_dilated" in OPS and "toy_ops" not in sys.modules
    space = load_space(SPACE)
    assert "toy_ops_torch" not in sys.modules  # spaces need no torch module
    path = space.architecture({gene.id: "toy_dilated" for gene in space.genes})
    # stem 3*8*9; then 9*8*16 once and 9*16*16 three times
    assert space.cost(path).params == 216 + 1152 + 3 * 2304
    net = Supernet(space, language_dim=4)
    output = net.branch("search", torch.rand(2, 3, 32, 32) * 255, path.genes, language=None)
    assert output.features[0].shape == (2, 16, 8, 8)
    names = net.active_parameters(path.genes)
    assert names != net.active_parameters(space.sample(rng_for(1, "x")).genes)


def test_what_is_wrong_with_a_package_is_told(package):
    with pytest.raises(SpaceError, match="the name is taken"):
        register_op("toy_dilated", lambda place: None)
    wrong = {"toy_wrong": "toy_ops:wrong must be", "toy_gone": "cannot import toy_gone:op"}
    wrong |= {
        "toy_broken": "cannot import toy_broken:op, but got SyntaxError",
        "toy_raises": "RuntimeError: no licence",
    }
    for token, rule in wrong.items():
        with pytest.raises(SpaceError, match=rule):
            load_space(SPACE | {"ops": ["shuffle_3x3", token]})
    space = load_space(SPACE | {"ops": ["shuffle_3x3", "toy_unbuilt"]})
    with pytest.raises(SpaceError, match="op 'toy_unbuilt': cannot import its module builder toy_ops_gone:build"):
        Supernet(space, language_dim=4)


def test_the_command_line_knows_the_op(package):
    file = package / "dilated.yaml"
    file.write_text(load_space(SPACE).to_yaml())
    environment = os.environ | {"PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-m", "asymnas", "validate", str(file)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
