"""Weight files: round trip, hash, atomic writing, clear refusals."""

from __future__ import annotations

import errno
import os

import pytest
import torch

from asymnas.core.errors import WeightsError
from asymnas.nn import Supernet, load_weights, read_weights, save_weights, weights_hash
from asymnas.space import load_space


@pytest.fixture(scope="module")
def net(small_space) -> Supernet:
    return Supernet(small_space(), language_dim=12, seed=4)


def test_round_trip(net, small_space, tmp_path) -> None:
    file = tmp_path / "new" / "supernet.safetensors"
    save_weights(file, net, {"step": "7"})
    other = Supernet(small_space(), language_dim=12, seed=5)
    assert weights_hash(other) != weights_hash(net)
    loaded = load_weights(file, other)
    assert weights_hash(other) == weights_hash(net) == weights_hash(file)
    assert loaded.metadata["step"] == "7"
    assert loaded.metadata["space_hash"] == net.space.hash
    assert os.listdir(file.parent) == ["supernet.safetensors"]


def test_ties_share_a_supernet(net, small_space, tmp_path) -> None:
    save_weights(tmp_path / "w.safetensors", net)
    tied = Supernet(small_space(tie="template.* = search.*"), language_dim=12, seed=5)
    load_weights(tmp_path / "w.safetensors", tied)
    assert weights_hash(tied) == weights_hash(net)


def test_another_space_is_refused(net, small_space, tmp_path) -> None:
    save_weights(tmp_path / "w.safetensors", net)
    other = Supernet(small_space(shared=False), language_dim=12)
    before = weights_hash(other)
    with pytest.raises(WeightsError, match="another space"):
        load_weights(tmp_path / "w.safetensors", other)
    assert weights_hash(other) == before


def test_differences_are_listed(net, small_space, tmp_path) -> None:
    file = tmp_path / "w.safetensors"
    save_weights(file, net)
    other = Supernet(small_space(), language_dim=13, missing="template_embedding")
    with pytest.raises(WeightsError) as caught:
        load_weights(file, other)
    text = str(caught.value)
    assert "tensors missing in the file" in text
    assert "mixer1.template_embedding.conv.weight" in text
    assert "tensors of another shape in the file" in text
    assert "mixer1.project.linear.weight" in text
    loaded = load_weights(file, other, strict=False)
    assert any("template_embedding" in name for name in loaded.missing)
    name = "branches.template+search.stem.0.weight"
    assert torch.equal(other.state_dict()[name], net.state_dict()[name])


def test_missing_file(net, tmp_path) -> None:
    with pytest.raises(WeightsError, match="no such weight file"):
        load_weights(tmp_path / "none.safetensors", net)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_pickle_is_refused_unread(net, tmp_path, legacy) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    file = tmp_path / "w.safetensors"
    torch.save({"x": Trap()}, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(WeightsError, match=r"pickle.*asymnas\.nn\.pretrained"):
        load_weights(file, net)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("keep", [0, 5, 200, -100])
def test_truncated_file(net, tmp_path, keep) -> None:
    file = tmp_path / "w.safetensors"
    save_weights(file, net)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="truncated or no safetensors"):
        load_weights(file, net)


def test_full_disk_keeps_the_old_file(net, tmp_path, monkeypatch) -> None:
    file = tmp_path / "w.safetensors"
    save_weights(file, net)
    before = file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match=r"w\.safetensors: cannot be written \(No space left"):
        save_weights(file, net)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_channels_last_weights_are_written_plain(tmp_path) -> None:
    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    save_weights(tmp_path / "w.safetensors", layer)
    assert torch.equal(read_weights(tmp_path / "w.safetensors")[0]["weight"], layer.weight)
    assert weights_hash(layer) == weights_hash(tmp_path / "w.safetensors")


def test_modules_without_a_space_need_none(tmp_path) -> None:
    layer = torch.nn.Linear(2, 3)
    save_weights(tmp_path / "w.safetensors", layer)
    assert load_weights(tmp_path / "w.safetensors", torch.nn.Linear(2, 3)).missing == ()
    assert load_space("tiny_asymmetric").structure_hash == load_space("tiny_symmetric").structure_hash
