"""Supernet: names, sharing, active parameters, seeds, path errors, extraction."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from asymnas.core.errors import ArchitectureMismatch, SpaceError
from asymnas.nn import Supernet, extract, weights_hash
from asymnas.space import load_space


def _run(net: Supernet, path, pictures, language, *, boxes=None) -> torch.Tensor:
    z = net.branch("template", pictures(len(language.present), 32), path, language=language, boxes=boxes)
    x = net.branch("search", pictures(len(language.present), 64), path, language=language, tokens=z.tokens)
    return sum((feature * feature).mean() for feature in (*z.features, *x.features))


def test_parameter_names(small_space) -> None:
    shared = dict(Supernet(small_space(), language_dim=12).named_parameters())
    assert "branches.template+search.stage1.block1.shuffle_3x3.main.0.weight" in shared
    assert "branches.template+search.mixer2.mixed.shuffle_xception.main.7.weight" in shared
    apart = dict(Supernet(small_space(shared=False), language_dim=12).named_parameters())
    assert "branches.template.stage1.block1.shuffle_3x3.main.0.weight" in apart
    assert len(apart) == 2 * len(shared)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("missing", ["zero_tensor", "template_embedding"])
def test_active_parameters_are_those_with_a_gradient(small_space, pictures, sentences, shared, missing) -> None:
    space = small_space(shared=shared)
    net = Supernet(space, language_dim=12, missing=missing, affine=True)
    boxes = torch.tensor([[4.0, 4, 24, 24]]).repeat(4, 1)
    for n in range(3):
        path = space.sample(np.random.default_rng(n)).genes
        net.zero_grad(set_to_none=True)
        _run(net, path, pictures, sentences([True, False, True, False]), boxes=boxes).backward()
        touched = [name for name, p in net.named_parameters() if p.grad is not None]
        assert net.active_parameters(path) == touched
        assert len(touched) < len(list(net.parameters()))


def test_shared_branches_run_through_the_same_weights(small_space, pictures, sentences) -> None:
    space = small_space()
    net = Supernet(space, language_dim=12)
    path = {gene.id: "shuffle_5x5" for gene in space.genes}
    image, language = pictures(2, 32), sentences([True, True])
    one = net.branch("template", image, path, language=language)
    other = net.branch("search", image, path, language=language)
    assert all(torch.equal(a, b) for a, b in zip(one.features, other.features, strict=True))
    apart = Supernet(small_space(shared=False), language_dim=12)
    one = apart.branch("template", image, path, language=language)
    other = apart.branch("search", image, path, language=language)
    assert not torch.equal(one.features[0], other.features[0])


def test_initial_weights_depend_on_the_seed_alone(small_space) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = Supernet(small_space(), language_dim=12, seed=7)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert weights_hash(Supernet(small_space(), language_dim=12, seed=7)) == weights_hash(first)
    assert weights_hash(Supernet(small_space(), language_dim=12, seed=8)) != weights_hash(first)
    fewer = Supernet(small_space(fix={"*.mixer*": "shuffle_3x3"}), language_dim=12, seed=7).state_dict()
    whole = first.state_dict()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in fewer.items())
    assert len(fewer) < len(whole)


def test_initial_spread_is_that_of_spos(small_space) -> None:
    net = Supernet(small_space(), language_dim=12).state_dict()
    at = "branches.template+search."
    assert net[f"{at}stem.0.weight"].std().item() == pytest.approx(0.01, rel=0.3)
    assert net[f"{at}stage2.block1.shuffle_7x7.main.0.weight"].std().item() == pytest.approx(1 / 16, rel=0.3)
    assert net[f"{at}stage2.block1.shuffle_7x7.main.3.weight"].std().item() == pytest.approx(1.0, rel=0.3)


def test_same_path_same_numbers(small_space, pictures, sentences) -> None:
    space = small_space()
    net = Supernet(space, language_dim=12)
    a, b = (space.sample(np.random.default_rng(n)).genes for n in (0, 1))
    language = sentences([True, False, True])
    first = _run(net, a, pictures, language)
    other = _run(net, b, pictures, language)
    assert torch.equal(first, _run(net, a, pictures, language))
    assert not torch.equal(first, other)


def test_path_errors_name_the_gene(small_space, pictures) -> None:
    space = small_space()
    net = Supernet(space, language_dim=12)
    path = dict(space.sample(np.random.default_rng(0)).genes)
    with pytest.raises(ArchitectureMismatch, match=r"template\.stage1\.block2.*Did you mean 'shuffle_3x3'"):
        net.branch("template", pictures(2, 32), {**path, "template.stage1.block2": "shuffle_3x"}, language=None)
    del path["template.mixer1.mixed"]
    with pytest.raises(ArchitectureMismatch, match=r"template\.mixer1\.mixed"):
        net.branch("template", pictures(2, 32), path, language=None)
    with pytest.raises(SpaceError, match="Did you mean 'search'"):
        net.branch("serch", pictures(2, 32), path, language=None)


def test_extracted_subnet_gives_the_same_numbers(small_space, pictures, sentences) -> None:
    space = small_space()
    net = Supernet(space, language_dim=12, seed=3).eval()
    path = space.sample(np.random.default_rng(5)).genes
    subnet = extract(net, path)
    language = sentences([True, False])
    assert torch.equal(_run(subnet, path, pictures, language), _run(net, path, pictures, language))
    assert subnet.active_parameters(path) == [name for name, _ in subnet.named_parameters()]
    assert sum(p.numel() for p in subnet.parameters()) < sum(p.numel() for p in net.parameters())
    assert subnet.space.structure_hash == space.structure_hash


def test_survives_pickling(small_space, pictures, sentences) -> None:
    space = small_space()
    net = Supernet(space, language_dim=12)
    path = space.sample(np.random.default_rng(5)).genes
    copy = pickle.loads(pickle.dumps(net))
    language = sentences([True, False])
    assert torch.equal(_run(copy, path, pictures, language), _run(net, path, pictures, language))


def test_branches_that_take_no_images_are_refused() -> None:
    content = {
        "name": "sound",
        "ops": ["conv_3x3"],
        "branches": {
            "audio": {"input_channels": 1, "input_size": [100], "stages": {"a": {"channels": 4, "blocks": 1}}},
        },
    }
    with pytest.raises(SpaceError, match="images of two dimensions"):
        Supernet(load_space(content), language_dim=1)
