"""Labels, targets and losses against the public SiamCAR and VLT_SCAR code (golden case F)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.siamese.car.head import HeadOutput
from asymnas.tracking.siamese.car.loss import assign, tracking_losses
from asymnas.tracking.siamese.grid import Grid

CASES = {"F_loss_siamcar": "iou", "F_loss_vlt_scar": "ciou"}
SUBCASES = ("normal", "one_positive", "no_positive", "mixed_with_empty", "perfect_box")
GRID = Grid(CropGeometry(), (1, 2, 3), ((1, 1, 1), (1, 1, 1)), stride=8, kernel=8, size=25)


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request, shared):
    folder = shared / "golden" / request.param
    with np.load(folder / "data.npz") as data:
        return request.param, json.loads((folder / "case.json").read_text()), dict(data)


def answers(seed: int, batch: int) -> HeadOutput:
    cls = np.random.default_rng(seed).standard_normal((batch, 2, 25, 25)).astype(np.float32)
    noise = np.random.default_rng(seed + 1).standard_normal((batch, 4, 25, 25)).astype(np.float32)
    box = np.exp(noise.astype(np.float64) * 0.5 + 3.3).astype(np.float32)
    centre = np.random.default_rng(seed + 2).standard_normal((batch, 1, 25, 25)).astype(np.float32)
    return HeadOutput(*(torch.from_numpy(value).requires_grad_() for value in (cls, box, centre)))


def test_locations_are_the_public_ones(case) -> None:
    _, _, data = case
    axis = GRID.axis()
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    ours = torch.stack([x, y], dim=-1).reshape(-1, 2)
    np.testing.assert_array_equal(ours.numpy(), data["locations_625x2.f32"].reshape(625, 2))


@pytest.mark.parametrize("sub", SUBCASES)
def test_labels_losses_and_gradients(case, sub: str) -> None:
    name, meta, data = case
    spec, outputs = meta["subcases"][sub], meta["outputs"]
    boxes = torch.from_numpy(data[f"in.{sub}.box"])
    targets = assign(boxes, torch.ones(len(boxes), dtype=torch.bool), GRID.axis(), ensure_positive=False)

    def sample(key: str) -> np.ndarray:
        return data[f"{sub}.{key}.{'f64' if f'{sub}.{key}.f64' in data else 'f32'}"]

    def check(key: str, value: torch.Tensor) -> None:
        entry = outputs[f"{sub}.{key}"]
        atol = entry["tol_f32"]["atol"]
        ours = value.detach().double().reshape(-1)[:: entry["stride"]].numpy()
        np.testing.assert_allclose(ours, sample(key).reshape(-1), rtol=0, atol=max(atol, 1e-12), err_msg=key)

    stride = outputs[f"{sub}.ltrb_targets"]["stride"]
    np.testing.assert_array_equal(targets.positive.long().numpy().reshape(-1), sample("labels").reshape(-1))
    np.testing.assert_array_equal(targets.box.reshape(-1)[::stride].numpy(), sample("ltrb_targets").reshape(-1))
    if targets.positive.any():
        check("centerness_targets_at_pos", targets.centreness())

    answer = answers(spec["seed"], spec["B"])
    parts = tracking_losses(answer, targets, CASES[name])
    total = parts["cls"] + 3 * parts["box"] + parts["centre"]
    total.backward()
    check("loc_loss", parts["box"])
    check("cen_loss", parts["centre"])
    check("grad_total_loc", answer.box.grad)
    check("grad_total_cen", answer.centre.grad)
    if sub == "one_positive":  # the public code drops a lone positive cell from the class loss; ours counts it
        assert parts["cls"].item() > sample("cls_loss").item() + 0.05
        return
    check("cls_loss", parts["cls"])
    check("total", total)
    check("grad_total_cls", answer.cls.grad)
