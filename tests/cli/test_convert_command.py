"""`asymnas convert`: public weights become a file that tracks by itself, or an error that names all that is wrong."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from asymnas_trackers.siamcar import SiamCAROptions, plugin
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.core.errors import WeightsError
from asymnas.nn import save_weights
from asymnas.nn.pretrained import resnet_keys
from asymnas.space import load_space
from asymnas.testing import moving_square
from asymnas.tracking import track
from asymnas.tracking.benchmark.open import describe_tracker, open_tracker
from asymnas.tracking.registry import TRACKERS
from asymnas.tracking.siamese.car.convert import CARKeys, _key

SMALL = {"channels": 16, "head_depth": 1}


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    """The public weights are of the small space."""
    monkeypatch.setitem(TRACKERS._objects, "siamcar", dataclasses.replace(plugin, published=("tiny_resnet",)))


@pytest.fixture
def tracker():
    options = SiamCAROptions(public=True, **SMALL)
    return plugin.build(options, space=load_space("tiny_resnet"), seed=3)


@pytest.fixture
def checkpoint(tracker, tmp_path):
    """A tracker's weights in a file under their public names."""
    names = CARKeys(resnet_keys, head="car_head", fuse="down", whole=())
    keys = {f"supernet.{name}": f"backbone.{key}" for name, key in resnet_keys(tracker.supernet).items()}
    ours = tracker.state_dict()
    state = {keys.get(name) or _key(name.split("."), names): tensor for name, tensor in ours.items()}
    state["down.weight"] = state["down.weight"].transpose(0, 1)
    file = tmp_path / "public.pth"
    torch.save({"epoch": 20, "state_dict": {f"module.{key}": tensor for key, tensor in state.items()}}, file)
    return file


def convert(*words: Any) -> Result:
    return CliRunner().invoke(app, ["convert", *(str(word) for word in words)])


def test_a_converted_file_tracks_as_the_public_network(tracker, checkpoint, tmp_path) -> None:
    target = tmp_path / "siamcar.safetensors"
    small = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    result = convert(checkpoint, "--to", "siamcar", *small, "-o", target, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["options"]["decoding"] == "pixels"
    ready = open_tracker("siamcar", weights=target, options={"window": 0.1})
    assert ready.settings["options"]["window"] == 0.1 and ready.settings["options"]["public"]
    assert ready.settings["space"] == "tiny_resnet"
    assert describe_tracker("siamcar", weights=target, options={"window": 0.1}).settings == ready.settings
    video = moving_square(1, frames=3)
    ours = open_tracker("siamcar", weights=target)
    boxes = [
        track(one, [video], path=path)[0].boxes
        for one, path in ((ours.tracker, ours.path), (tracker, next(tracker.space.enumerate()).genes))
    ]
    np.testing.assert_array_equal(*boxes)


def test_what_cannot_be_converted_is_told(checkpoint, tracker, tmp_path) -> None:
    target = tmp_path / "out.safetensors"
    for words, parts in (
        ((checkpoint, "--to", "static"), ("'static'", "no public weights")),
        ((checkpoint, "--to", "siamcar"), ("public.pth", "24 tensors are asked for", "differ in shape")),
        ((checkpoint, "--to", "siamcar", "--set", "chanels=16"), ("chanels", "Did you mean 'channels'?")),
        ((tmp_path / "no.pth", "--to", "siamcar"), ("no.pth", "no such weight file")),
    ):
        result = convert(*words, "-o", target)
        assert result.exit_code == 2 and all(part in result.output for part in parts), result.output
    assert not target.exists()
    save_weights(target, tracker)
    with pytest.raises(WeightsError, match=r"does not say its space.*asymnas convert FILE --to siamcar"):
        open_tracker("siamcar", weights=target)
