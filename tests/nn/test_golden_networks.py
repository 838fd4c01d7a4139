"""The networks give the numbers of the public SPOS and VLT code (weights and inputs made by rule)."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from asymnas.nn import Supernet
from asymnas.nn.pretrained import load_spos, load_vlt
from asymnas.space import SearchSpace, load_space

OPS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception")
SPOS = {
    "name": "spos_imagenet",
    "ops": list(OPS),
    "branches": {
        "image": {
            "input_channels": 3,
            "input_size": 224,
            "stem": {"op": "conv_3x3", "channels": 16, "stride": 2},
            "stages": {
                f"stage{n + 1}": {"channels": channels, "stride": 2, "blocks": blocks}
                for n, (channels, blocks) in enumerate([(64, 4), (160, 4), (320, 8), (640, 4)])
            },
        }
    },
}


def by_rule(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of an official key (RULES.json)."""
    last = key.rsplit(".", 1)[-1]
    n = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if last == "running_mean" or last.endswith("bias"):
        n = 0.1 * n
    elif last == "running_var":
        n = 1 + 0.2 * np.abs(n)
    elif last.endswith("weight") and len(shape) >= 2:
        n = n * np.sqrt(2 / np.prod(shape[1:]))
    else:
        n = 1 + 0.1 * n
    return n.astype(np.float32)


def weights(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    keys = [key for key in shapes if not key.endswith("num_batches_tracked")]
    found = {key: torch.from_numpy(np.asarray(by_rule(key, tuple(shapes[key])))) for key in keys}
    for key in keys:
        if re.fullmatch(r"vistoken_layers\.\d\.0\.weight", key):  # the case's weight_override
            found[key] = (found[key].double() * 1e-3).float()
    return found


def images(size: int, seed: int, dtype: torch.dtype) -> Tensor:
    values = np.random.default_rng(seed).uniform(0, 255, (2, 3, size, size)).astype(np.float32)
    return torch.from_numpy(values).to(dtype)


@dataclass
class Case:
    folder: Path

    def __post_init__(self) -> None:
        self.content = json.loads((self.folder / "case.json").read_text())
        self.data = np.load(self.folder / "data.npz")

    def check(self, name: str, got: Tensor) -> None:
        output = self.content["outputs"][name]
        sample = got.detach().contiguous().numpy().reshape(-1)[:: output["stride"]]
        limit = output["tol_f64" if got.dtype == torch.float64 else "tol_f32"]["atol"]
        gap = np.abs(sample - self.data[output["f64"]].reshape(-1)).max()
        assert gap <= limit, f"{name}: {gap:.3g} > {limit:.3g}"


def vlt_path(space: SearchSpace, arch: list[list[int]]) -> dict[str, str]:
    path: dict[str, str] = {}
    for branch, backbone, mixed in (("template", arch[0], arch[2]), ("search", arch[1], arch[3])):
        visual, gene = iter(backbone), iter(mixed)
        for stage in space.branch(branch).stages:
            path |= {f"{branch}.{stage.name}.block{n}": OPS[next(visual)] for n in range(1, stage.blocks + 1)}
            if stage.mixer is not None:
                path[f"{branch}.{stage.mixer.name}.visual"] = OPS[next(visual)]
                path[f"{branch}.{stage.mixer.name}.mixed"] = OPS[next(gene)]
    return path


@pytest.fixture(scope="module")
def golden(shared: Path) -> Iterator[Path]:
    torch.set_grad_enabled(False)
    yield shared / "golden"
    torch.set_grad_enabled(True)


@pytest.fixture(scope="module")
def vlt_weights(golden: Path) -> dict[str, Tensor]:
    return weights(json.loads((golden / "B_vlt_backbone_SCAR_tokens" / "case.json").read_text())["key_shapes"])


@pytest.fixture(scope="module")
def vlt(vlt_weights: dict[str, Tensor]) -> Supernet:
    space = load_space("vlt_asymmetric")
    net = Supernet(space, language_dim=768, missing="template_embedding", roi_scale=0.125).eval()
    load_vlt(vlt_weights, net)
    return net.double()


@dataclass(frozen=True)
class Sentences:
    embedding: Tensor
    present: Tensor


def test_weight_rule(golden: Path) -> None:
    for key, sample in json.loads((golden / "RULES.json").read_text())["weight_samples"].items():
        if "cls_weight" not in key:
            made = by_rule(key, tuple(sample["shape"]))
            assert made.reshape(-1)[:5].tolist() == sample["first5"], key


def test_spos_supernet(golden: Path) -> None:
    case = Case(golden / "A_spos_supernet")
    state = weights(case.content["key_shapes"])
    space = load_space(SPOS)
    net = Supernet(space, language_dim=1).eval()
    load_spos({f"module.{key}": value for key, value in state.items()}, net)
    for arch, dtype in (("best_published", torch.float64), ("random0", torch.float64), ("random1", torch.float32)):
        net.to(dtype)
        genes = dict(zip([gene.id for gene in space.genes], (OPS[c] for c in case.content["archs"][arch]), strict=True))
        x = images(224, 1000, dtype)
        if arch == "best_published":
            case.check(f"{arch}.stem", net.network("image").stem(x, "image"))
        features = net.branch("image", x, genes, language=None).features
        for n, feature in enumerate(features, 1):
            case.check(f"{arch}.stage{n}", feature)
        head = {key: value.to(dtype) for key, value in state.items() if key.startswith(("conv_last", "classifier"))}
        x = F.conv2d(features[-1], head["conv_last.0.weight"])
        x = F.relu(F.batch_norm(x, head["conv_last.1.running_mean"], head["conv_last.1.running_var"]))
        case.check(f"{arch}.conv_last", x)
        case.check(f"{arch}.logits", F.linear(x.mean((2, 3)), head["classifier.0.weight"]))


def _compare(case: Case, net: Supernet, size: tuple[int, int], **inputs: object) -> None:
    """Both branches at one pair of sizes; the search branch gets the template's tokens where there is no sentence."""
    path, dtype = vlt_path(net.space, case.content["arch"]), next(net.parameters()).dtype
    template, search = f"z{size[0]}", f"x{size[1]}"
    language = inputs.get("language")
    given = inputs.get("tokens")
    boxes = inputs.get("boxes")
    z = net.branch("template", images(size[0], 2001 if size[0] == 127 else 2002, dtype), path,
                   language=language, tokens=given, boxes=boxes)  # fmt: skip
    x = net.branch("search", images(size[1], 2003 if size[1] == 255 else 2004, dtype), path,
                   language=language, tokens=None if language is not None else z.tokens)  # fmt: skip
    for n in range(4):
        case.check(f"{template}.stage{n + 1}", z.features[n])
        case.check(f"{search}.stage{n + 1}", x.features[n])
        if language is not None:
            case.check(f"token{n + 1}", z.tokens[n][:, :, None, None])
            case.check(f"token{n + 1}", x.tokens[n][:, :, None, None])
        if boxes is not None:
            case.check(f"{template}.token{n + 1}", z.tokens[n][:, :, None, None])


@pytest.mark.parametrize(("size", "dtype"), [((127, 255), torch.float64), ((128, 256), torch.float32)])
def test_vlt_given_tokens(golden: Path, vlt: Supernet, size: tuple[int, int], dtype: torch.dtype) -> None:
    case = Case(golden / "B_vlt_backbone_SCAR_tokens")
    made = [np.random.default_rng(2100 + n).standard_normal((2, c)) for n, c in enumerate((64, 160, 320, 640))]
    tokens = tuple(torch.from_numpy(token.astype(np.float32)).to(dtype) for token in made)
    _compare(case, vlt.to(dtype), size, tokens=tokens)
    vlt.double()


def test_vlt_sentence(golden: Path, vlt: Supernet) -> None:
    case = Case(golden / "B_vlt_backbone_SCAR_sentence")
    sentence = (np.random.default_rng(2200).standard_normal((2, 768)) * 0.5).astype(np.float32)
    language = Sentences(torch.from_numpy(sentence).double(), torch.ones(2, dtype=torch.bool))
    _compare(case, vlt, (127, 255), language=language)


def test_vlt_template_embedding(golden: Path, vlt: Supernet) -> None:
    case = Case(golden / "B_vlt_backbone_SCAR_roi")
    _compare(case, vlt, (127, 255), boxes=torch.from_numpy(case.data["in.boxes127"]).double())


def test_vlt_without_mixers(golden: Path, vlt_weights: dict[str, Tensor]) -> None:
    net = Supernet(load_space("vlt_no_mixer"), language_dim=768).eval()
    load_vlt(vlt_weights, net)
    _compare(Case(golden / "B_vlt_backbone_SCAR_nomixer"), net.double(), (128, 256))
