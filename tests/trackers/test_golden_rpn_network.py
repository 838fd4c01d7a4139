"""The whole network of SiamRPN++ on ResNet-50, its anchors and window, against the public code (golden case E)."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
import torch
from asymnas_trackers.siamrpnpp import SiamRPNPPOptions, convert, plugin

from asymnas.space import load_space
from asymnas.tracking import Language
from asymnas.tracking.siamese.correlation import centre_crop
from asymnas.tracking.siamese.rpn.anchors import anchor_shapes, anchors_for, place_anchors
from asymnas.tracking.siamese.rpn.decode import AnchorDecoder


def rule_weight(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The weight that the rule gives to a public key."""
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    last = key.rsplit(".", 1)[-1]
    if last == "running_var":
        drawn = 1 + 0.2 * np.abs(noise)
    elif last.endswith("weight") and len(shape) >= 2:
        drawn = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    elif last == "weight":
        drawn = 1 + 0.1 * noise
    else:
        drawn = 0.1 * noise
    return torch.from_numpy(np.asarray(drawn.astype(np.float32)))


@pytest.fixture(scope="module")
def case(shared):
    folder = shared / "golden" / "E_siamrpnpp_r50"
    with np.load(folder / "data.npz") as data:
        return json.loads((folder / "case.json").read_text()), dict(data)


@pytest.fixture(scope="module")
def tracker(case):
    tracker = plugin.build(SiamRPNPPOptions(public=True), space=load_space("resnet50"))
    state = {key: rule_weight(key, tuple(shape)) for key, shape in case[0]["key_shapes"].items()}
    tracker.load_state_dict(convert(state, tracker))
    return tracker


@pytest.fixture(scope="module")
def results(tracker) -> dict[str, torch.Tensor]:
    """Our outputs under the public names."""
    path = next(iter(tracker.space.enumerate())).genes
    found, necks = {}, {}
    with torch.inference_mode():
        for role, letter, seed, side in (("template", "z", 5001, 127), ("search", "x", 5002, 255)):
            drawn = np.random.default_rng(seed).uniform(0, 255, (2, 3, side, side)).astype(np.float32)
            output = tracker.supernet.branch(role, torch.from_numpy(drawn), path, language=Language.absent(2, 0))
            features = output.features[1:]
            necks[role] = tracker.neck(features, role)
            if role == "template":
                necks[role] = tuple(centre_crop(value, tracker.grid.kernel) for value in necks[role])
            for level in range(3):
                found |= {
                    f"{letter}.layer{level + 2}": features[level],
                    f"{letter}.neck{level + 2}": necks[role][level],
                }
        head = tracker.head
        for level, (z, x) in enumerate(zip(necks["template"], necks["search"], strict=True)):
            found |= {
                f"rpn{level + 2}.cls": head.cls[level](z, x),
                f"rpn{level + 2}.loc": head.box[level](z, x),
                f"rpn{level + 2}.cls.kernel": head.cls[level].template(z),
            }
        answers = head(necks["template"], necks["search"])
        found |= {"cls": answers.cls.flatten(1, 2), "loc": answers.box.flatten(1, 2)}
        found |= {
            f"{key}_weight_softmax": weight.softmax(0)
            for key, weight in (("cls", head.cls_weight), ("loc", head.box_weight))
        }
    return found


def test_every_output_is_the_public_one(case, results) -> None:
    meta, data = case
    assert set(results) == {name for name in meta["outputs"] if "anchors" not in name and "window" not in name}
    wrong = []
    for name, found in results.items():
        entry = meta["outputs"][name]
        assert list(found.shape) == entry["shape"], name
        ours = found.double().reshape(-1)[:: entry["stride"]].numpy()
        gap = np.abs(ours - data[f"{name}.f64"].reshape(-1)).max()
        if not gap <= entry["tol_f32"]["atol"]:
            wrong.append(f"{name}: {gap:.3g} > {entry['tol_f32']['atol']:.3g}")
    assert not wrong, "\n".join(wrong)


def test_anchors_and_window_are_the_public_ones(case, tracker) -> None:
    _, data = case
    shapes = anchor_shapes(8, tracker.options.anchor_ratios, 8)
    np.testing.assert_array_equal(
        torch.cat([-shapes / 2, shapes / 2], dim=1), data["base_anchors_xyxy.f32"].reshape(5, 4)
    )
    steps = 8.0 * (torch.arange(25) - 12)
    in_training = place_anchors(127.0 + steps, shapes)
    np.testing.assert_array_equal(in_training, data["train_anchors_cxcywh_4x5x25x25.f32"].reshape(4, 5, 25, 25))
    about_the_centre = (
        anchors_for(tracker.grid, tracker.options) - torch.tensor([127.5, 127.5, 0, 0])[:, None, None, None]
    )
    np.testing.assert_array_equal(
        about_the_centre.flatten(1).T, data["test_anchors_cxcywh_3125x4.f32"].reshape(3125, 4)
    )
    window = AnchorDecoder(tracker.anchors, tracker.options, "rpn").window
    np.testing.assert_allclose(window, data["test_window_3125.f32"].reshape(-1), atol=1e-12)
