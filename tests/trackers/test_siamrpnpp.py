"""SiamRPN++ on a tiny ResNet: the tracker contract, and one step of its public code by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from asymnas_trackers.siamrpnpp import SiamRPNPPOptions, convert, plugin

from asymnas.core.errors import WeightsError
from asymnas.space import load_space
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import get_tracker, track
from asymnas.tracking.siamese.rpn.head import RPNOutput

SMALL = {"channels": 16, "min_side": 4.0}


class TestContract(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("siamrpnpp")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL

    @pytest.fixture(scope="class")
    @classmethod
    def space(cls):
        return load_space("tiny_resnet")


def build(**options):
    return plugin.build(SiamRPNPPOptions(**(SMALL | options)), space=load_space("tiny_resnet"))


def test_the_public_network_has_the_published_shapes() -> None:
    options, space = SiamRPNPPOptions(), load_space("resnet50")
    crops = plugin.geometry(options, space)
    assert (crops.template_size, crops.search_size) == (127, 255)
    assert options.share_neck
    assert (options.penalty_k, options.window, options.size_lr) == (0.05, 0.42, 0.38)


def test_public_sets_the_switches_and_what_is_set_beside_it_wins() -> None:
    options = SiamRPNPPOptions(public=True, ensure_positive=True)
    assert (options.bn_statistics, options.centring, options.ensure_positive) == ("shared", "pysot", True)
    assert not SiamRPNPPOptions(public=True).ensure_positive
    assert SiamRPNPPOptions().ensure_positive


def fixed(tracker, monkeypatch, place: tuple[int, int, int], offset: list[float]) -> None:
    """Let the head answer one sure anchor (shape, row, column) with the given offset."""
    cells = tracker.grid.size
    answers = RPNOutput(torch.zeros(1, 2, 5, cells, cells), torch.zeros(1, 4, 5, cells, cells))
    answers.cls[(0, 1, *place)] = 6.0
    answers.box[(0, slice(None), *place)] = torch.tensor(offset)
    monkeypatch.setattr(tracker.head, "forward", lambda template, search: answers)


def test_a_step_with_public_switches_is_that_of_the_public_code(monkeypatch) -> None:
    """The formulas of SiamRPN in image pixels, about the centre of the last box, whatever the crop was rounded to."""
    tracker, video = build(public=True), moving_square(3, frames=2, size=(160, 120))
    fixed(tracker, monkeypatch, (1, 8, 5), [0.1, -0.2, 0.3, -0.1])
    sessions = tracker.start([video.frame(0)], video.boxes[:1])
    boxes, scores = tracker.step(sessions, [video.frame(1)])

    x, y, w, h = video.boxes[0]
    middle = np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    pad = (w + h) / 2
    scale = 64 / np.sqrt((w + pad) * (h + pad))
    anchor = np.array([(5 - 6) * 8.0, (8 - 6) * 8.0]), np.array([44.0, 20.0])
    centre = anchor[0] + np.array([0.1, -0.2]) * anchor[1]
    size = np.exp([0.3, -0.1]) * anchor[1]

    def padded(width: float, height: float) -> float:
        return np.sqrt((width + (width + height) / 2) * (height + (width + height) / 2))

    by_scale = padded(*size) / padded(w * scale, h * scale)
    by_ratio = (w / h) / (size[0] / size[1])
    penalty = np.exp(-0.05 * (max(by_scale, 1 / by_scale) * max(by_ratio, 1 / by_ratio) - 1))
    score = 1 / (1 + np.exp(-6.0))
    rate = penalty * score * 0.38
    new = (1 - rate) * np.array([w, h]) + rate * size / scale
    np.testing.assert_allclose(boxes[0], [*(middle + centre / scale - new / 2), *new], rtol=1e-6)
    np.testing.assert_allclose(scores[0], score, rtol=1e-6)


def test_the_middle_anchor_leaves_a_target_where_the_public_code_starts(monkeypatch) -> None:
    tracker, video = build(public=True), moving_square(0, frames=2, size=(160, 120))
    fixed(tracker, monkeypatch, (2, 6, 6), [0.0, 0.0, 0.0, 0.0])
    box = video.boxes[0] + [0.3, 0.4, 0.0, 0.0]
    (found,), _ = tracker.step(tracker.start([video.frame(0)], box[None]), [video.frame(1)])
    np.testing.assert_allclose(found[:2] + found[2:] / 2, box[:2] + (box[2:] - 1) / 2, atol=1e-9)


def test_the_untrained_tracker_runs_with_public_switches() -> None:
    result = track(build(public=True), [moving_square(1, frames=3)])[0]
    assert np.isfinite(result.boxes).all()


def test_public_weights_that_do_not_fit_are_named() -> None:
    state = {"backbone.layer9.0.conv1.weight": torch.zeros(2), "rpn_head.rpn5.cls.head.3.bias": torch.zeros(10)}
    with pytest.raises(WeightsError) as error:
        convert(state, build())
    absent, left = map(str, error.value.problems)
    assert "stem.0.weight (from conv1.weight)" in absent
    assert "rpn_head.rpn5.cls.head.3.bias" in left
