"""ResNet's spaces: sizes that ops state, and the weights of torchvision and pysot."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from asymnas.core.errors import SpaceError, WeightsError
from asymnas.nn import Supernet, weights_hash
from asymnas.nn.pretrained import load_initial, load_resnet, resnet_keys
from asymnas.space import SearchSpace, load_space, stage_sizes


def resnet(size: int = 33, stem: str = "resnet_stem", **stages: dict[str, object]) -> SearchSpace:
    """One branch of small stages of one block, unless they say otherwise."""
    image = {
        "input_channels": 3,
        "input_size": size,
        "stem": {"op": stem, "channels": 8, "stride": 4},
        "stages": {
            name: {"channels": 16 * n, "blocks": 1, **stage} for n, (name, stage) in enumerate(stages.items(), 1)
        },
    }
    return load_space({"name": "resnet", "branches": {"image": image}})


def state_of(net: Supernet) -> dict[str, Tensor]:
    """The public state dict of a supernet, with what else a public file has."""
    ours = net.state_dict()
    state = {key: ours[name].clone() for name, key in resnet_keys(net).items()}
    return state | {
        "bn1.num_batches_tracked": torch.tensor(1),
        "fc.weight": torch.zeros(10, 32),
        "layer9.x": torch.zeros(1),
    }


def drawn(net: Supernet) -> Supernet:
    """The supernet with scales, offsets and statistics that are not 1 and 0."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.ndim == 1:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5 * ("running_var" in name))
    return net.eval()


def features(net: Supernet, images: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return net.branch("image", images, next(net.space.enumerate()).genes, language=None).features


def test_maps_have_the_size_that_the_ops_state() -> None:
    stages = {"one": {"ops": ["bottleneck"]}, "two": {"ops": ["bottleneck_valid"], "stride": 2}}
    stages |= {"three": {"ops": ["bottleneck_d2"], "blocks": 2}}
    space = resnet(64, "resnet_stem_valid", **stages)
    assert stage_sizes(space.branches[0]) == ((15, 15), (7, 7), (7, 7))  # 64 -> 29 -> 15 -> 7
    maps = features(Supernet(space, affine=True).eval(), torch.rand(1, 3, 64, 64))
    assert [tuple(item.shape) for item in maps] == [(1, 16, 15, 15), (1, 32, 7, 7), (1, 48, 7, 7)]


@pytest.mark.parametrize(
    ("size", "stages", "message"),
    [
        (
            60,
            {"one": {"ops": ["bottleneck", "bottleneck_valid"], "stride": 2}},
            "7 x 7 cells where the place has 8 x 8",
        ),
        (8, {"one": {"ops": ["bottleneck_valid"], "stride": 2}}, "needs 3 cells a side"),
        (33, {"one": {"ops": ["bottleneck"], "channels": 18}}, "divisible by 4, but the stage has 18"),
        (33, {"one": {"ops": ["resnet_stem"]}}, "stride 4, not 1"),
    ],
)
def test_places_that_do_not_fit_are_told(size: int, stages: dict, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        resnet(size, **stages)


def test_a_dilated_stage_has_the_published_dilations() -> None:
    stages = {
        f"stage{n}": {"ops": [op], "blocks": 2}
        for n, op in enumerate(("bottleneck", "bottleneck_d2", "bottleneck_d4", "bottleneck_d2_first"), 1)
    }
    net = Supernet(resnet(**stages))
    found = {name.split(".")[2]: [] for name, _ in net.named_modules() if name.count(".") == 2 and "stage" in name}
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3) and "main" in name:
            found[name.split(".")[2]].append(module.dilation[0])
    assert found == {"stage1": [1, 1], "stage2": [1, 2], "stage3": [2, 4], "stage4": [2, 1]}


def test_torchvisions_network_computes_the_same_with_wide_shortcuts_and_reversed_colours() -> None:
    plain = drawn(Supernet(resnet(one={"ops": ["bottleneck"]}, two={"ops": ["bottleneck"]}), affine=True, seed=1))
    wide = Supernet(resnet(one={"ops": ["bottleneck"]}, two={"ops": ["bottleneck_d2"]}), affine=True, seed=2).eval()
    state = {key.replace("layer9", "layer3"): value for key, value in state_of(plain).items()}
    load_resnet({f"module.{key}": value for key, value in state.items()}, wide)
    images = torch.rand(1, 3, 33, 33)
    for ours, theirs in zip(features(wide, images), features(plain, images.flip(1)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_pysots_network_is_read_as_it_is_by_all_branches_and_mixers(tmp_path) -> None:
    stages = {"one": {"ops": ["bottleneck"]}, "two": {"ops": ["bottleneck_d2"], "blocks": 2}}
    source = drawn(Supernet(resnet(**stages), affine=True, seed=1))
    other = Supernet(resnet(**stages), affine=True, seed=2)
    torch.save({"state_dict": state_of(source)}, tmp_path / "resnet.model")
    load_initial(str(tmp_path / "resnet.model"), other, other)
    assert weights_hash(other) == weights_hash(source)
    stages["two"] |= {"blocks": 1, "mixer": {"name": "mixer"}}
    mixed = Supernet(resnet(**stages), affine=True, language_dim=4, seed=2)
    project = mixed.network("image").mixer.project.linear.weight.clone()
    load_resnet(state_of(source), mixed)
    at = "branches.image.mixer.{}.bottleneck_d2.main.3.weight"
    last = state_of(source)["layer2.1.conv2.weight"]
    assert all(torch.equal(mixed.state_dict()[at.format(block)], last) for block in ("visual", "mixed"))
    assert torch.equal(mixed.network("image").mixer.project.linear.weight, project)


def test_all_that_does_not_fit_is_named_and_nothing_changed() -> None:
    net = Supernet(resnet(one={"ops": ["bottleneck"]}), affine=True)
    state = state_of(net) | {"layer1.0.conv2.weight": torch.zeros(4, 4, 5, 5), "layer1.1.conv1.weight": torch.zeros(1)}
    del state["layer1.0.bn3.bias"]
    before = weights_hash(net)
    with pytest.raises(WeightsError) as caught:
        load_resnet(state, net)
    for part in (
        "one.block1.bottleneck.main.7.bias (from layer1.0.bn3.bias)",
        "layer1.0.conv2.weight is (4, 4, 5, 5)",
        "no place (affine=True has scales): layer1.1.conv1.weight",
    ):
        assert part in str(caught.value)
    assert weights_hash(net) == before
    with pytest.raises(WeightsError, match="affine=True"):
        load_resnet(state_of(net), Supernet(net.space))
    shuffle = load_space("tiny_no_mixer")
    with pytest.raises(WeightsError, match="ResNet has bottlenecks"):
        load_resnet(state, Supernet(shuffle))
