"""Labels, losses, gradients and the new box against the public TransT code (golden cases F and G)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from asymnas_trackers.transt import plugin

from asymnas.space import load_space
from asymnas.tracking.siamese.transformer.head import TransTAnswers
from asymnas.tracking.siamese.transformer.loss import LOSS_WEIGHTS, cells_in_box, transt_losses

STAGE = {"channels": 8, "stride": 2, "blocks": 1}
NETWORK = {
    "input_channels": 3,
    "stem": {"op": "conv_3x3", "channels": 8, "stride": 2},
    "stages": {"a": STAGE, "b": STAGE},
}
SPACE = {
    "name": "stride_8",
    "ops": ["conv_3x3"],
    "branches": {"template": {"input_size": 128, **NETWORK}, "search": {"input_size": 256, **NETWORK}},
}


@pytest.fixture(scope="module")
def loss_case(shared):
    folder = shared / "golden" / "F_loss_transt"
    with np.load(folder / "data.npz") as data:
        return json.loads((folder / "case.json").read_text()), dict(data)


def answers(seed: int, batch: int) -> TransTAnswers:
    cls = np.random.default_rng(seed).standard_normal((batch, 1024, 2)).astype(np.float32)
    normal = np.random.default_rng(seed + 1).standard_normal((batch, 1024, 4)).astype(np.float32)
    box = (1 / (1 + np.exp(-normal.astype(np.float64)))).astype(np.float32)
    return TransTAnswers(*(torch.from_numpy(value).requires_grad_() for value in (cls, box)))


@pytest.mark.parametrize("sub", ["normal", "tiny", "crosses_right_bottom", "crosses_left"])
def test_labels_losses_and_gradients(loss_case, sub: str) -> None:
    meta, data = loss_case
    spec = meta["subcases"][sub]
    boxes = torch.from_numpy(data[f"in.{sub}.box_xyxy"])
    positive = cells_in_box(boxes, torch.ones(len(boxes), dtype=torch.bool), 32)
    theirs = torch.from_numpy(data[f"{sub}.positive_mask.f32"].reshape(positive.shape)).bool()
    if sub == "crosses_left":  # the public code gives boxes that start outside no positives, ours have those inside
        outside = (boxes[:, :2] < 0).any(dim=1)
        assert outside.any() and positive[outside].any() and not theirs[outside].any()
        positive[outside] = False
    assert torch.equal(positive, theirs)
    given = answers(spec["seed"], spec["B"])
    parts = transt_losses(given, positive, boxes, losses="transt", background=0.0625)
    total = sum(weight * part for weight, part in zip(LOSS_WEIGHTS["transt"], parts.values(), strict=True))
    total.backward()
    found = {"loss_ce": parts["cls"], "loss_l1": parts["l1"], "loss_giou": parts["iou"], "total": total}
    found |= {"grad_total_logits": given.cls.grad, "grad_total_boxes": given.box.grad}
    for name, value in found.items():
        entry = meta["outputs"][f"{sub}.{name}"]
        ours = value.detach().numpy().reshape(-1)[:: entry["stride"]]
        gap = np.abs(ours - data[f"{sub}.{name}.f64"].reshape(-1)).max()
        assert gap <= entry["tol_f32"]["atol"], f"{name}: {gap:.3g}"


def maps(seed: int, bump: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cls, box = rng.standard_normal((1, 1024, 2)), rng.standard_normal((1, 1024, 4))
    y, x = rng.uniform(5, 26, 2)
    rows, columns = np.mgrid[0:32, 0:32]
    hill = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18).reshape(-1)
    cls = (0.5 if bump else 1.5) * cls
    if bump:
        cls[..., 0] += 4 * hill
        cls[..., 1] -= 2 * hill
    box = 1 / (1 + np.exp(-((0.1 if bump else 0.4) * box + np.array([0, 0, -1.1, -1.1]))))
    return cls.astype(np.float32), box.astype(np.float32)


@pytest.mark.parametrize("public", [True, False])
def test_new_boxes_are_the_public_ones(shared, public: bool, monkeypatch) -> None:
    case = json.loads((shared / "golden" / "G_decode_transt" / "case.json").read_text())
    subs = case["subcases"]
    options = plugin.options(public=public, channels=8, heads=1, fusion_layers=1, feedforward=8)
    tracker = plugin.build(options, space=load_space(SPACE))
    frames = [np.zeros((sub["im_h"], sub["im_w"], 3), np.uint8) for sub in subs]
    boxes = np.array([[s["cx"] - s["w"] / 2, s["cy"] - s["h"] / 2, s["w"], s["h"]] for s in subs])
    sessions = tracker.start(frames, boxes)
    cls, box = (np.concatenate(item) for item in zip(*(maps(s["seed"], s["bump"]) for s in subs), strict=True))
    monkeypatch.setattr(tracker.head, "forward", lambda *_: TransTAnswers(torch.from_numpy(cls), torch.from_numpy(box)))
    found, scores = tracker.step(sessions, frames)
    truth = np.array([sub["bbox_xywh"] for sub in subs])
    limit = case["tolerance"]["center_size_px"] if public else 1.0  # ours are placed by the crop's whole pixels
    np.testing.assert_allclose(found[:, 2:], truth[:, 2:], atol=case["tolerance"]["center_size_px"])
    np.testing.assert_allclose(found[:, :2], truth[:, :2], atol=limit)
    best = [sub["best_index"] for sub in subs]
    rows = np.arange(len(subs))
    np.testing.assert_allclose(scores, torch.softmax(torch.from_numpy(cls), 2)[rows, best, 0], atol=1e-6)
    with_window = scores * 0.51 + tracker.decoder.window[best] * 0.49
    np.testing.assert_allclose(with_window, [sub["best_pscore"] for sub in subs], atol=1e-6)
