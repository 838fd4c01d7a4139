"""Official checkpoints: reading, key forms, mixers filled from feature blocks, refusals."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor

from asymnas.core.errors import WeightsError
from asymnas.nn import Supernet, weights_hash
from asymnas.nn.pretrained import convert_checkpoint, load_initial, load_spos, load_vlt, read_checkpoint
from asymnas.space import load_space

OPS = ["shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception"]
CHANNELS = (12, 16, 24, 32)
SHUFFLE, XCEPTION, PROJ = ((0, 3, 5), (1, 4, 6)), ((0, 2, 5, 7, 10, 12), (1, 3, 6, 8, 11, 13)), ((0, 2), (1, 3))


@pytest.fixture(scope="module")
def space():
    """The public layout (4/4/8/4 with the last one the mixer's visual block), narrow."""

    def branch(size: int) -> dict[str, object]:
        stages = {
            f"stage{n + 1}": {"channels": c, "blocks": blocks, "stride": stride, "mixer": {"name": f"mixer{n + 1}"}}
            | ({} if stride == 2 else {"form": "mapping"})
            for n, (c, blocks, stride) in enumerate(zip(CHANNELS, (3, 3, 7, 3), (2, 2, 1, 1), strict=True))
        }
        stem = {"op": "conv_3x3", "channels": 8, "stride": 2}
        return {"input_channels": 3, "input_size": size, "stem": stem, "stages": stages}

    branches = {"template": {**branch(64), "rate": "video"}, "search": branch(128)}
    shared = [["template", "search"]]
    return load_space({"name": "narrow", "ops": OPS, "branches": branches, "share_weights": shared})


def _unit(state: dict[str, Tensor], at: str, choice: int, inputs: int, outputs: int, *, projected: bool) -> None:
    """Add the keys of one official unit, values drawn."""
    taken = inputs if projected else inputs // 2
    middle, made, kernel = outputs // 2, outputs - taken, (3, 5, 7, 3)[choice]
    if choice == 3:
        shapes = [(taken, 1, 3, 3), (middle, taken, 1, 1), (middle, 1, 3, 3), (middle, middle, 1, 1), (middle, 1, 3, 3)]
        shapes, (convs, norms) = [*shapes, (made, middle, 1, 1)], XCEPTION
    else:
        shapes = [(middle, taken, 1, 1), (middle, 1, kernel, kernel), (made, middle, 1, 1)]
        convs, norms = SHUFFLE
    parts = [("branch_main", convs, norms, shapes)]
    if projected:
        parts.append(("branch_proj", *PROJ, [(taken, 1, kernel, kernel), (taken, taken, 1, 1)]))
    for part, convs, norms, shapes in parts:
        for conv, norm, shape in zip(convs, norms, shapes, strict=True):
            state[f"{at}.{part}.{conv}.weight"] = torch.randn(shape)
            state[f"{at}.{part}.{norm}.running_mean"] = torch.randn(shape[0])
            state[f"{at}.{part}.{norm}.running_var"] = torch.rand(shape[0])
            state[f"{at}.{part}.{norm}.num_batches_tracked"] = torch.tensor(3)


@pytest.fixture(scope="module")
def official() -> dict[str, Tensor]:
    state = {"first_conv.0.weight": torch.randn(8, 3, 3, 3), "first_conv.1.running_mean": torch.randn(8)}
    state |= {"first_conv.1.running_var": torch.rand(8), "classifier.0.weight": torch.randn(3, 5)}
    index, inputs = 0, 8
    for channels, blocks in zip(CHANNELS, (4, 4, 8, 4), strict=True):
        for block in range(blocks):
            for choice in range(4):
                _unit(state, f"features.{index}.{choice}", choice, inputs, channels, projected=block == 0)
            index, inputs = index + 1, channels
    return state


def _net(space, **more) -> Supernet:
    return Supernet(space, language_dim=6, **more)


def test_fills_blocks_and_copies_the_last_of_a_stage_into_both_mixer_blocks(space, official) -> None:
    net = _net(space)
    project = net.network("template").mixer1.project.linear.weight.clone()
    load_spos(official, net)
    state, at = net.state_dict(), "branches.template+search."
    for feature, block in ((0, "stage1.block1"), (6, "stage2.block3"), (9, "stage3.block2"), (18, "stage4.block3")):
        ours = state[f"{at}{block}.shuffle_7x7.main.3.weight"]
        assert torch.equal(ours, official[f"features.{feature}.2.branch_main.3.weight"])
    for number, feature in ((1, 3), (2, 7), (3, 15), (4, 19)):
        for block in ("visual", "mixed"):
            ours = f"{at}mixer{number}.{block}.shuffle_xception.main"
            theirs = f"features.{feature}.3.branch_main"
            assert torch.equal(state[f"{ours}.7.weight"], official[f"{theirs}.7.weight"])
            for branch in ("template", "search"):
                mean = state[f"{ours}.8.stats.{branch}.running_mean"]
                assert torch.equal(mean, official[f"{theirs}.8.running_mean"])
    assert torch.equal(
        state[f"{at}stage1.block1.shuffle_5x5.proj.0.weight"], official["features.0.1.branch_proj.0.weight"]
    )
    assert torch.equal(net.network("template").mixer1.project.linear.weight, project)


@pytest.mark.parametrize("form", ["wrapped", "names", "no_counters"])
def test_key_forms_are_one(space, official, tmp_path, form) -> None:
    expected = _net(space)
    load_spos(official, expected)
    state = dict(official)
    if form == "names":
        tokens = dict(zip("0123", ("k3", "k5", "k7", "xcep"), strict=True))
        parts = {key: key.split(".") for key in state}
        state = {
            ".".join([*p[:2], tokens[p[2]], *p[3:]]) if p[0] == "features" else key: state[key]
            for key, p in parts.items()
        }
    if form == "no_counters":
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    file = tmp_path / "checkpoint.pth.tar"
    torch.save(
        {"state_dict": {f"module.{key}": value for key, value in state.items()}} if form == "wrapped" else state, file
    )
    net = _net(space)
    load_spos(file, net)
    assert weights_hash(net) == weights_hash(expected)
    convert_checkpoint(file, tmp_path / "spos.safetensors")
    other = _net(space, seed=9)
    load_spos(tmp_path / "spos.safetensors", other)
    loaded = net.state_dict()
    changed = [name for name, p in other.named_parameters() if not torch.equal(p, loaded[name])]
    assert all(".project." in name for name in changed)


def test_every_searched_tensor_must_be_filled(space, official) -> None:
    gone = ("features.15.1.branch_main.3.weight", "first_conv.1.running_var")
    net = _net(space)
    before = weights_hash(net)
    with pytest.raises(WeightsError) as caught:
        load_spos({key: value for key, value in official.items() if key not in gone}, net)
    text = str(caught.value)
    for part in ("stem.1.stats.template.running_var", "mixer3.visual.shuffle_5x5.main.3.weight", *gone):
        assert part in text
    assert "mixer3.mixed.shuffle_5x5.main.3.weight" in text
    assert weights_hash(net) == before


def test_other_widths_depths_and_scales_are_refused(space, official) -> None:
    wide = {**official, "first_conv.0.weight": torch.randn(16, 3, 3, 3)}
    with pytest.raises(WeightsError, match=r"differ in shape: first_conv\.0\.weight is \(16, 3, 3, 3\)"):
        load_spos(wide, _net(space))
    deep = {**official, "features.20.0.branch_main.0.weight": torch.zeros(1)}
    with pytest.raises(WeightsError, match=r"has 21 feature blocks.*places for 20"):
        load_spos(deep, _net(space))
    scaled = {**official, "features.1.0.branch_main.1.weight": torch.ones(6)}
    with pytest.raises(WeightsError, match=r"affine=True.*features\.1\.0\.branch_main\.1\.weight"):
        load_spos(scaled, _net(space))


def test_vlt_keys_need_the_language_parts(space, official) -> None:
    with pytest.raises(WeightsError, match=r"from nlp_layers\.0\.0\.branch_main\.0\.weight"):
        load_vlt(official, _net(space))


def test_a_pickle_with_code_is_not_run(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    torch.save({"state_dict": Trap()}, tmp_path / "evil.pth.tar")
    with pytest.raises(WeightsError, match="more than tensors"):
        read_checkpoint(tmp_path / "evil.pth.tar")
    assert not (tmp_path / "trapped").exists()


def test_missing_and_broken_files(tmp_path) -> None:
    with pytest.raises(WeightsError, match="no such weight file"):
        read_checkpoint(tmp_path / "none.pth.tar")
    torch.save({"x": torch.ones(1000)}, tmp_path / "cut.pth.tar")
    (tmp_path / "cut.pth.tar").write_bytes((tmp_path / "cut.pth.tar").read_bytes()[:1500])
    with pytest.raises(WeightsError, match="truncated or corrupt"):
        read_checkpoint(tmp_path / "cut.pth.tar")
    torch.save([1, 2], tmp_path / "list.pth.tar")
    with pytest.raises(WeightsError, match="a state_dict of tensors is expected"):
        read_checkpoint(tmp_path / "list.pth.tar")


@pytest.mark.parametrize("converted", [False, True])
def test_a_job_starts_from_a_checkpoint_as_it_is_or_converted(space, official, tmp_path, converted) -> None:
    file, expected, net = tmp_path / "checkpoint.pth.tar", _net(space), _net(space)
    torch.save({"state_dict": official}, file)
    if converted:
        convert_checkpoint(file, tmp_path / "spos.safetensors")
        file = tmp_path / "spos.safetensors"
    load_spos(official, expected)
    load_initial(str(file), net, net)
    assert weights_hash(net) == weights_hash(expected)


def test_a_job_reads_a_backbone_with_mixers_as_such(space, official, tmp_path) -> None:
    file = tmp_path / "vlt.pth"
    torch.save({**official, "nlp_layers.0.0.branch_main.0.weight": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match=r"vlt\.pth.*(nlp_layers|token_map)"):
        net = _net(space)
        load_initial(str(file), net, net)
