"""The new boxes of the public SiamCAR and VLT_SCAR code, from fixed maps and a last box (golden case G)."""

from __future__ import annotations

import json
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from asymnas.space import load_space
from asymnas.tracking import get_tracker
from asymnas.tracking.siamese.car.head import HeadOutput

PLUGINS = {"G_decode_siamcar": "siamcar", "G_decode_vlt_scar": "vlt_scar"}


class Given(nn.Module):
    """A head that answers what it is given."""

    def __init__(self, answers: HeadOutput) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, template: tuple[Tensor, ...], search: tuple[Tensor, ...]) -> HeadOutput:
        side = search[0].shape[2] - template[0].shape[2] + 1
        assert self.answers.cls.shape[2:] == (side, side)
        return self.answers


@pytest.fixture(scope="module")
def space():
    """A small network with the public crops and maps."""

    def branch(size: int) -> dict[str, object]:
        strides = (2, 2, 1, 1)
        stages = {f"stage{n}": {"channels": 8, "blocks": 1, "stride": s} for n, s in enumerate(strides, start=1)}
        stem = {"op": "conv_3x3", "channels": 8, "stride": 2}
        return {"input_channels": 3, "input_size": size, "stem": stem, "stages": stages}

    branches = {"template": {**branch(127), "rate": "video"}, "search": branch(255)}
    return load_space({"name": "public_crops", "ops": ["conv_3x3"], "branches": branches})


@pytest.fixture(scope="module", params=sorted(PLUGINS))
def case(request, shared):
    folder = shared / "golden" / request.param
    with np.load(folder / "data.npz") as data:
        return request.param, json.loads((folder / "case.json").read_text()), dict(data)


def maps(sub: dict) -> HeadOutput:
    """The head's answers by the case's rule."""
    rng = np.random.default_rng(sub["seed"])
    cls, box, centre = (rng.standard_normal((1, channels, 25, 25)) for channels in (2, 4, 1))
    y, x = (24.0, 24.0) if sub["corner"] else rng.uniform(4, 20, 2)
    rows, columns = np.mgrid[0:25, 0:25]
    bump = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18)
    if sub["bump"]:
        cls *= 0.5
        cls[:, 0] -= 2 * bump
        cls[:, 1] += 4 * bump
        box, centre = np.exp(0.15 * box + 3.4), 0.3 * centre + 2 * bump
    else:
        cls, box = 1.5 * cls, np.exp(0.4 * box + 3.4)
    return HeadOutput(*(torch.from_numpy(value.astype(np.float32)) for value in (cls, box, centre)))


def built(name: str, space, sub: dict):
    hyper = sub["hp"]
    window = hyper.get("window_lr", hyper.get("window_influence"))
    options = {
        "channels": 8,
        "head_depth": 1,
        "penalty_k": hyper["penalty_k"],
        "size_lr": hyper["lr"],
        "window": window,
    }
    plugin = get_tracker(PLUGINS[name])
    tracker = plugin.build(plugin.options(public=True, **options), space=space, seed=0)
    tracker.head = Given(maps(sub))
    return tracker


def box_of(state: dict) -> np.ndarray:
    return np.array([[state["cx"] - state["w"] / 2, state["cy"] - state["h"] / 2, state["w"], state["h"]]])


def test_the_maps_are_those_of_the_case(case) -> None:
    _, content, data = case
    first = content["subcases"][0]
    for name, ours in zip(("cls", "loc", "cen"), (maps(first).cls, maps(first).box, maps(first).centre), strict=True):
        np.testing.assert_array_equal(ours.numpy(), data[f"maps_car_seed{first['seed']}.{name}"])


@pytest.mark.parametrize("number", range(26))
def test_the_new_box_is_the_public_one(case, space, number: int) -> None:
    name, content, _ = case
    sub = content["subcases"][number]
    tracker = built(name, space, sub)
    frame = np.zeros((sub["im_h"], sub["im_w"], 3), dtype=np.uint8)
    sessions = tracker.start([frame], box_of(sub))
    tracker.place(sessions, box_of(sub))
    boxes, scores = tracker.step(sessions, [frame])
    assert np.isfinite(boxes).all()
    assert 0 <= scores[0] <= 1
    if "exception" in sub:  # the public code reads past its maps there
        return
    tolerance = content["tolerance"]["center_size_px"]
    np.testing.assert_allclose(boxes[0, :2] + boxes[0, 2:] / 2, sub["center"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(boxes[0, 2:], sub["size"], rtol=0, atol=tolerance)
    if "bbox_xywh" in sub:
        np.testing.assert_allclose(boxes[0], sub["bbox_xywh"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("number", range(26))
def test_the_fine_peak_is_the_public_one(case, space, number: int) -> None:
    name, content, _ = case
    sub = content["subcases"][number]
    if "exception" in sub:
        return
    last = np.array([[sub["w"], sub["h"]]])
    padded = last + last.sum() / 2
    found = built(name, space, sub).decode(maps(sub), last * 127 / np.sqrt(padded.prod()))
    assert (found.centre[0, ::-1] - 32).tolist() == sub["fine_peak_rc_193"]


def test_the_first_box_is_placed_as_in_the_public_code(case, space) -> None:
    name, content, _ = case
    for sub in content["subcases"]:
        tracker = built(name, space, sub)
        first = box_of(sub.get("init_box_cxcywh", sub))
        frame = np.zeros((sub["im_h"], sub["im_w"], 3), dtype=np.uint8)
        with patch.object(tracker, "embed_template", wraps=tracker.embed_template) as embed:
            (session,) = tracker.start([frame], first)
        if name == "G_decode_vlt_scar":
            np.testing.assert_array_equal(session.box, first[0])
            np.testing.assert_allclose(embed.call_args.args[1][0], sub["template_bbox_xyxy"], rtol=0, atol=1e-4)
        else:  # centred at x + (w - 1) / 2
            np.testing.assert_allclose(session.box, first[0] - [0.5, 0.5, 0, 0])
