"""The whole network of VLT_SCAR against the public code, in the training geometry (golden case C)."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_scar import VLTSCAROptions, plugin
from asymnas_trackers.vlt_scar._loss import assign, tracking_losses

from asymnas.space import load_space
from asymnas.tracking import Language
from asymnas.tracking.siamese.correlation import centre_crop, correlate

OPS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception")
BLOCKS = (3, 3, 7, 3)  # per stage, without the mixer's visual block, which the public list counts as the stage's last
HEAD = {
    "fuse": "down",
    "cls_tower": "cls_tower",
    "box_tower": "bbox_tower",
    "cls": "cls_logits",
    "box": "bbox_pred",
    "centre": "centerness",
}


def genes_of(architecture: list[list[int]]) -> dict[str, str]:
    """The public lists [template, search, mixed template, mixed search] as genes."""
    genes = {}
    for branch, blocks, mixed in zip(("template", "search"), architecture[:2], architecture[2:], strict=True):
        ops = iter(blocks)
        for stage, count in enumerate(BLOCKS, start=1):
            genes |= {f"{branch}.stage{stage}.block{n}": OPS[next(ops)] for n in range(1, count + 1)}
            genes[f"{branch}.mixer{stage}.visual"] = OPS[next(ops)]
            genes[f"{branch}.mixer{stage}.mixed"] = OPS[mixed[stage - 1]]
    return genes


def feature_index(part: str, block: str) -> int:
    stage = int(part[-1]) - 1
    place = BLOCKS[stage] if block == "visual" else int(block.removeprefix("block")) - 1
    return sum(count + 1 for count in BLOCKS[:stage]) + place


def public_name(name: str) -> str:
    """The public state-dict key of one of our state-dict keys."""
    parts = [part for part in name.split(".") if part not in ("stats", "template", "search", "template+search")]
    if parts[0] == "head":
        return ".".join(["head", HEAD[parts[1]], *parts[2:]])
    if parts[0] == "neck":
        role, level = ("template", "search").index(name.split(".")[2]), int(parts[2])
        layer = {"conv": "0", "norm": "1"}[parts[3]]
        return ".".join(["neck", f"downsample{2 + level + 3 * role}", "downsample", layer, parts[-1]])
    if parts[2] == "stem":
        return ".".join(["backbone", "first_conv", *parts[3:]])
    if parts[3] == "project":
        layer = {"linear": "0", "norm": "1"}[parts[4]]
        return ".".join(["backbone", "token_map", str(int(parts[2][-1]) - 1), layer, parts[-1]])
    tail = [str(OPS.index(parts[4])), f"branch_{parts[5]}", *parts[6:]]
    if parts[3] == "mixed":
        return ".".join(["backbone", "nlp_layers", str(int(parts[2][-1]) - 1), *tail])
    return ".".join(["backbone", "features", str(feature_index(parts[2], parts[3])), *tail])


def rule_weight(key: str, value: torch.Tensor) -> torch.Tensor:
    """The weight that the rule gives to a public key, in the shape of our tensor."""
    transposed = key == "head.down.weight"  # the public code fuses with a transposed convolution
    shape = (value.shape[1], value.shape[0], 1, 1) if transposed else tuple(value.shape)
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    last = key.rsplit(".", 1)[-1]
    if last == "running_var":
        drawn = 1 + 0.2 * np.abs(noise)
    elif last in ("running_mean", "bias"):
        drawn = 0.1 * noise
    elif len(shape) == 1:
        drawn = 1 + 0.1 * noise
    else:
        drawn = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    drawn = drawn.swapaxes(0, 1) if transposed else drawn
    return torch.from_numpy(np.ascontiguousarray(drawn.astype(np.float32)))


@pytest.fixture(scope="module")
def case(shared):
    folder = shared / "golden" / "C_vlt_scar_train_lang"
    with np.load(folder / "data.npz") as data:
        return json.loads((folder / "case.json").read_text()), dict(data)


@pytest.fixture(scope="module")
def results(case) -> dict[str, torch.Tensor]:
    """Our outputs under the public names."""
    meta, data = case
    options = VLTSCAROptions(box_loss="ciou")
    tracker = plugin.build(options, space=load_space("vlt_asymmetric"), language_dim=768, seed=0)
    path = genes_of(meta["arch"])
    state = tracker.state_dict()
    running = set(tracker.active_parameters(path)) | {name for name in state if "running" in name}
    tracker.load_state_dict({n: rule_weight(public_name(n), v) if n in running else v for n, v in state.items()})

    def draw(seed: int, *shape: int) -> np.ndarray:
        return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)

    crops = {"template": draw(3101, 2, 3, 127, 127), "search": draw(3102, 2, 3, 255, 255)}
    images = {role: torch.from_numpy(crop) for role, crop in crops.items()}
    sentence = (np.random.default_rng(3103).standard_normal((2, 1, 768)) * 0.5).astype(np.float32)
    language = Language(torch.from_numpy(sentence).mean(dim=1), torch.ones(2, dtype=torch.bool))
    found, necks = {}, {}
    with torch.no_grad():
        for role, letter in (("template", "z"), ("search", "x")):
            features = tracker.supernet.branch(role, images[role], path, language=language).features[1:]
            necks[role] = tracker.neck(features, role)
            found |= {f"{letter}.neck_in{level}": value for level, value in enumerate(features, start=2)}
        necks["template"] = tuple(centre_crop(value, tracker.grid.kernel) for value in necks["template"])
        for role, letter in (("template", "z"), ("search", "x")):
            found |= {f"{letter}.neck{level}": value for level, value in enumerate(necks[role], start=2)}
        pairs = zip(necks["search"], necks["template"], strict=True)
        found["xcorr_cat"] = torch.cat([correlate(search, template) for search, template in pairs], dim=1)
        found["down"] = tracker.head.fuse(found["xcorr_cat"])
        answers = tracker.head(necks["template"], necks["search"])
        found |= {"cls": answers.cls, "reg": answers.box, "cen": answers.centre}
        boxes = torch.from_numpy(data["in.search_bbox"])
        targets = assign(boxes, torch.ones(2, dtype=torch.bool), tracker.axis, ensure_positive=True)
        parts = tracking_losses(answers, targets, options.box_loss)
    return found | {"loss.cls_loss": parts["cls"], "loss.reg_loss": parts["box"], "loss.cen_loss": parts["centre"]}


def test_every_output_is_the_public_one(case, results) -> None:
    meta, data = case
    assert set(results) == set(meta["outputs"])
    wrong = []
    for name, entry in meta["outputs"].items():
        assert list(results[name].shape) == entry["shape"]
        ours = results[name].double().reshape(-1)[:: entry["stride"]].numpy()
        gap = np.abs(ours - data[f"{name}.f64"].reshape(-1)).max()
        if not gap <= entry["tol_f32"]["atol"]:
            wrong.append(f"{name}: {gap:.3g} > {entry['tol_f32']['atol']:.3g}")
    assert not wrong, "\n".join(wrong)
