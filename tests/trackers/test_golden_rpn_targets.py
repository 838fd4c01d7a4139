"""Anchors' overlaps, labels, offsets, losses and gradients against the public SiamRPN++ code (golden case F)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from asymnas.tracking.siamese.rpn.anchors import anchor_shapes, place_anchors
from asymnas.tracking.siamese.rpn.head import RPNOutput
from asymnas.tracking.siamese.rpn.loss import tracking_losses
from asymnas.tracking.siamese.rpn.options import RPNOptions
from asymnas.tracking.siamese.rpn.targets import AnchorLabels, assign, chosen, overlaps

BOXES = ("normal", "square64", "tall", "small", "shifted", "huge")
BATCHES = {"batch3": (6430, BOXES[:3]), "batch_small": (6410, BOXES[3:4]), "batch_all": (6460, BOXES)}
SEEN, OTHER = torch.tensor([True]), torch.tensor([False])


@pytest.fixture(scope="module")
def case(shared):
    folder = shared / "golden" / "F_targets_siamrpnpp"
    with np.load(folder / "data.npz") as data:
        return json.loads((folder / "case.json").read_text()), dict(data)


@pytest.fixture(scope="module")
def anchors() -> torch.Tensor:
    """The public anchors: the crop of 255 pixels has its centre at 127."""
    shapes = anchor_shapes(8, RPNOptions().anchor_ratios, 8)
    return place_anchors(127.0 + 8.0 * (torch.arange(25) - 12), shapes)


def box_of(data: dict[str, np.ndarray], name: str) -> torch.Tensor:
    return torch.from_numpy(data[f"in.{name}.box"])[None]


def seeded(data: dict[str, np.ndarray], anchors: torch.Tensor, names: tuple[str, ...]) -> AnchorLabels:
    """The labels that the public code drew at random."""
    label = torch.from_numpy(np.stack([data[f"{name}.cls_seeded.f32"].reshape(5, 25, 25) for name in names]))
    boxes = torch.cat([box_of(data, name) for name in names])
    deltas = assign(boxes, torch.ones(len(names), dtype=torch.bool), anchors, ensure_positive=False).box
    return AnchorLabels(label == 1, label == 0, deltas)


@pytest.mark.parametrize("name", BOXES)
def test_labels_and_offsets(case, anchors, name: str) -> None:
    meta, data = case
    box = box_of(data, name)
    targets = assign(box, SEEN, anchors, ensure_positive=False)
    other = assign(box, OTHER, anchors, ensure_positive=True)
    np.testing.assert_allclose(
        overlaps(box, anchors)[0].reshape(-1).numpy(), data[f"{name}.overlap.f32"].reshape(-1), rtol=0, atol=1e-6
    )
    stride = meta["outputs"][f"{name}.delta"]["stride"]
    np.testing.assert_allclose(
        targets.box[0].reshape(-1)[::stride].numpy(), data[f"{name}.delta.f32"].reshape(-1), rtol=1e-6, atol=1e-6
    )
    found = {"pos_mask": targets.positive, "neg_mask": targets.negative, "negpair_window": other.negative}
    for key, mask in found.items():
        np.testing.assert_array_equal(mask.reshape(-1).numpy(), data[f"{name}.{key}.f32"].reshape(-1) == 1, key)
    assert not other.positive.any()


@pytest.mark.parametrize("name", BOXES)
def test_as_many_anchors_count(case, anchors, name: str) -> None:
    meta, data = case
    box, counts = box_of(data, name), meta["subcases"][name]
    few = chosen(assign(box, SEEN, anchors, ensure_positive=False), box, SEEN)
    assert (few.positive.sum(), few.negative.sum()) == (counts["npos_sel"], counts["nneg_sel"])
    few = chosen(assign(box, OTHER, anchors, ensure_positive=False), box, OTHER)
    assert (few.positive.sum(), few.negative.sum()) == (0, 16)


@pytest.mark.parametrize("name", BATCHES)
def test_losses_and_gradients(case, anchors, name: str) -> None:
    meta, data = case
    seed, names = BATCHES[name]
    cls = np.random.default_rng(seed).standard_normal((len(names), 2, 5, 25, 25)).astype(np.float32)
    box = (np.random.default_rng(seed + 1).standard_normal((len(names), 4, 5, 25, 25)) * 0.5).astype(np.float32)
    answers = RPNOutput(*(torch.from_numpy(value).requires_grad_() for value in (cls, box)))
    parts = tracking_losses(answers, seeded(data, anchors, names))
    total = parts["cls"] + 1.2 * parts["box"]
    total.backward()
    found = {
        "cls_loss": parts["cls"],
        "loc_loss": parts["box"],
        "total": total,
        "grad_total_cls": answers.cls.grad,
        "grad_total_loc": answers.box.grad,
    }
    for key, value in found.items():
        entry = meta["outputs"][f"loss.{name}.{key}"]
        ours = value.detach().double().reshape(-1)[:: entry["stride"]].numpy()
        theirs = data[f"loss.{name}.{key}.f64"].reshape(-1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=entry["tol_f32"]["atol"], err_msg=key)
