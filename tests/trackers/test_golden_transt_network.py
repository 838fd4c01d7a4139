"""The whole networks of TransT and VLT_TT against the public code (golden cases D)."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from asymnas_trackers import transt, vlt_tt
from torch import Tensor

from asymnas.core.errors import WeightsError
from asymnas.space import load_architecture, load_space
from asymnas.tracking import Language
from asymnas.tracking.siamese.tracker import SiameseTracker

CHANNELS, HIDDEN, LAYERS = 256, 2048, 4


def drawn(key: str, shape: tuple[int, ...]) -> Tensor:
    """The weights of a public key (RULES.json), with the override of the cases."""
    noise, last = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape), key.rsplit(".", 1)[-1]
    if last == "running_var":
        noise = 1 + 0.2 * np.abs(noise)
    elif last == "running_mean" or last.endswith("bias"):
        noise = 0.1 * noise
    elif len(shape) == 1:
        noise = 1 + 0.1 * noise
    else:
        noise = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    made = noise.astype(np.float32).astype(np.float64)
    if key.endswith(("input_proj.weight", "input_proj_copy.weight")):
        made = made * 0.01
    elif key.endswith(("out_proj.weight", "attn.fc.weight")):
        made = made * 0.1
    elif "vistoken_layers" in key and key.endswith(".0.weight"):
        made = made * 1e-3
    return torch.from_numpy(np.asarray(made.astype(np.float32)))


def state_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    counter = "num_batches_tracked"
    return {key: torch.tensor(0) if key.endswith(counter) else drawn(key, shape) for key, shape in shapes.items()}


def linear(key: str, rows: int, columns: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
    return {f"{key}.weight": (rows, columns)} | ({f"{key}.bias": (rows,)} if bias else {})


def norm(key: str) -> dict[str, tuple[int, ...]]:
    return {f"{key}.weight": (CHANNELS,), f"{key}.bias": (CHANNELS,)}


def attention(key: str, plain: bool) -> dict[str, tuple[int, ...]]:
    if plain:
        return linear(f"{key}.attn.fc", CHANNELS, CHANNELS, bias=False)
    whole = {f"{key}.in_proj_weight": (3 * CHANNELS, CHANNELS), f"{key}.in_proj_bias": (3 * CHANNELS,)}
    return whole | linear(f"{key}.out_proj", CHANNELS, CHANNELS)


def head_shapes(fusion: str, answers: str, plain: bool) -> dict[str, tuple[int, ...]]:
    """The public keys of fusion network and answers, with their shapes."""
    found = norm(f"{fusion}decoder.norm")
    for n in range(LAYERS):
        layer = f"{fusion}encoder.layers.{n}"
        for k in "12":
            found |= attention(f"{layer}.self_attn{k}", plain) | attention(f"{layer}.multihead_attn{k}", plain)
            found |= linear(f"{layer}.linear{k}1", HIDDEN, CHANNELS) | linear(f"{layer}.linear{k}2", CHANNELS, HIDDEN)
            for number in "123":
                found |= norm(f"{layer}.norm{k}{number}")
    layer = f"{fusion}decoder.layers.0"
    found |= attention(f"{layer}.multihead_attn", plain) | norm(f"{layer}.norm1") | norm(f"{layer}.norm2")
    found |= linear(f"{layer}.linear1", HIDDEN, CHANNELS) | linear(f"{layer}.linear2", CHANNELS, HIDDEN)
    for embed, out in (("class_embed", 2), ("bbox_embed", 4)):
        for n, rows in enumerate((CHANNELS, CHANNELS, out)):
            found |= linear(f"{answers}{embed}.layers.{n}", rows, CHANNELS)
    return found


class Case:
    """A golden case, and what was found to differ from it."""

    def __init__(self, folder: Path) -> None:
        self.meta = json.loads((folder / "case.json").read_text())
        with np.load(folder / "data.npz") as data:
            self.data = dict(data)
        self.wrong: list[str] = []
        self.seen: set[str] = set()

    def check(self, name: str, found: Tensor) -> None:
        entry = self.meta["outputs"][name]
        self.seen.add(name)
        assert list(found.shape) == entry["shape"], name
        ours = found.double().reshape(-1)[:: entry["stride"]].numpy()
        gap = np.abs(ours - self.data[entry.get("f64") or entry["f32"]].reshape(-1)).max()
        limit = entry["tol_f32"]["atol"]
        if not gap <= limit:
            self.wrong.append(f"{name}: {gap:.3g} > {limit:.3g}")

    def finish(self) -> None:
        assert self.seen == set(self.meta["outputs"])
        assert not self.wrong, "\n".join(self.wrong)


def run(tracker: SiameseTracker, case: Case, features: dict[str, Tensor], names: tuple[str, str]) -> None:
    """Run neck and head on the backbone's features, and compare all that they give."""
    maps = {role: tracker.neck([value], role) for role, value in features.items()}
    found: dict[str, Tensor] = {}
    for n, layer in enumerate(tracker.head.fusion.layers):
        layer.register_forward_hook(lambda _, __, out, n=n: found.update({f"enc{n}.z": out[0], f"enc{n}.x": out[1]}))
    tracker.head.fusion.register_forward_hook(lambda _, __, out: found.update(decoder=out))
    answers = tracker.head(maps["template"], maps["search"])
    found |= {"z.input_proj": maps["template"][0], "x.input_proj": maps["search"][0]}
    for name, value in (found | {names[0]: answers.cls, names[1]: answers.box}).items():
        case.check(name, value)


def uniform(seed: int, *shape: int) -> Tensor:
    """A normalised crop of the case, B, G, R where the public networks read R, G, B."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)).flip(1)


def grid(positions: Tensor, side: int, batch: int) -> Tensor:
    return positions.T.reshape(1, -1, side, side).expand(batch, -1, -1, -1)


@pytest.fixture(scope="module")
def vlt_tt_state(shared) -> dict[str, Tensor]:
    case = json.loads((shared / "golden" / "B_vlt_backbone_SCAR_tokens" / "case.json").read_text())
    shapes = {f"backbone.0.body.{key}": tuple(shape) for key, shape in case["key_shapes"].items()}
    for projection in ("input_proj", "input_proj_copy"):
        shapes |= {f"neck.{projection}.weight": (CHANNELS, 640, 1, 1), f"neck.{projection}.bias": (CHANNELS,)}
    return state_of(shapes | head_shapes("neck.", "head.", plain=True))


@torch.no_grad()
def test_vlt_tt(shared, vlt_tt_state) -> None:
    case = Case(shared / "golden" / "D_vlt_tt_test_lang_sens")
    path = load_architecture("vlt_tt_released").architecture.genes
    options = vlt_tt.plugin.options(public=True)
    tracker = vlt_tt.plugin.build(options, space=load_space("vlt_asymmetric_256"), language_dim=768)
    tracker.load_state_dict(vlt_tt.convert(vlt_tt_state, tracker))
    sentence = (np.random.default_rng(4103).standard_normal((1, 1, 768)) * 0.5).astype(np.float32)
    language = Language(torch.from_numpy(sentence)[:, 0], torch.ones(1, dtype=torch.bool))
    images = {"template": uniform(4101, 1, 3, 128, 128), "search": uniform(4102, 1, 3, 256, 256)}
    features = {
        role: tracker.supernet.branch(role, image, path, language=language).features[-1]
        for role, image in images.items()
    }
    case.check("z.backbone", features["template"])
    case.check("x.backbone", features["search"])
    case.check("pos_z", grid(tracker.head.template_positions, 16, 1))
    case.check("pos_x", grid(tracker.head.search_positions, 32, 1))
    run(tracker, case, features, ("cls", "reg"))
    case.finish()
    partial = {key: value for key, value in vlt_tt_state.items() if not key.startswith("neck.decoder.norm.")}
    partial |= {"neck.extra.weight": torch.zeros(1), "head.class_embed.layers.2.bias": torch.zeros(3)}
    with pytest.raises(WeightsError) as caught:
        vlt_tt.convert(partial, tracker)
    assert "head.fusion.norm.weight (from neck.decoder.norm.weight)" in str(caught.value)
    assert "head.class_embed.layers.2.bias is (3,), head.cls.4.bias is (2,)" in str(caught.value)
    assert "no place (affine=True has scales): neck.extra.weight" in str(caught.value)


def resnet_shapes() -> dict[str, tuple[int, ...]]:
    """The public keys of ResNet-50 up to its third layer."""

    def convolution(key: str, norm: str, out: int, inputs: int, side: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {
            f"{key}.weight": (out, inputs, side, side),
            f"{norm}.num_batches_tracked": (),
        }
        return shapes | {f"{norm}.{last}": (out,) for last in ("weight", "bias", "running_mean", "running_var")}

    found, inputs = convolution("conv1", "bn1", 64, 3, 7), 64
    for layer, (middle, blocks) in enumerate(((64, 3), (128, 4), (256, 6)), start=1):
        for block in range(blocks):
            key = f"layer{layer}.{block}"
            found |= convolution(f"{key}.conv1", f"{key}.bn1", middle, inputs, 1)
            found |= convolution(f"{key}.conv2", f"{key}.bn2", middle, middle, 3)
            found |= convolution(f"{key}.conv3", f"{key}.bn3", 4 * middle, middle, 1)
            if block == 0:
                found |= convolution(f"{key}.downsample.0", f"{key}.downsample.1", 4 * middle, inputs, 1)
            inputs = 4 * middle
    return {f"backbone.0.body.{key}": shape for key, shape in found.items()}


@torch.no_grad()
def test_transt(shared) -> None:
    case = Case(shared / "golden" / "D_transt_original_sens")
    shapes = resnet_shapes() | {"input_proj.weight": (CHANNELS, 1024, 1, 1), "input_proj.bias": (CHANNELS,)}
    state = state_of(shapes | head_shapes("featurefusion_network.", "", plain=False))
    assert len(state) == case.meta["keys"]
    space = load_space("resnet50_transt")
    tracker = transt.plugin.build(transt.plugin.options(public=True), space=space)
    tracker.load_state_dict(transt.convert(state, tracker))
    path = next(iter(space.enumerate())).genes
    images = {"template": uniform(4001, 2, 3, 128, 128), "search": uniform(4002, 2, 3, 256, 256)}
    features = {
        role: tracker.supernet.branch(role, image, path, language=None).features[-1] for role, image in images.items()
    }
    case.check("z.layer3", features["template"])
    case.check("x.layer3", features["search"])
    case.check("z.pos", grid(tracker.head.template_positions, 16, 2))
    case.check("x.pos", grid(tracker.head.search_positions, 32, 2))
    run(tracker, case, features, ("pred_logits", "pred_boxes"))
    case.finish()
