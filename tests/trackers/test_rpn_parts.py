"""Anchors, labels, losses and decoding of SiamRPN++ without its network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asymnas.core.errors import EvaluationError
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.siamese.grid import Grid
from asymnas.tracking.siamese.rpn.anchors import anchors_for
from asymnas.tracking.siamese.rpn.decode import AnchorDecoder
from asymnas.tracking.siamese.rpn.head import RPNHead, RPNOutput
from asymnas.tracking.siamese.rpn.loss import pair_losses, tracking_losses
from asymnas.tracking.siamese.rpn.options import RPNOptions
from asymnas.tracking.siamese.rpn.targets import assign, chosen, overlaps

SMALL = Grid(
    CropGeometry(template_size=64, search_size=128), (1, 2, 3), ((1, 1, 1), (1, 1, 1)), stride=8, kernel=4, size=13
)
PUBLIC = dataclasses.replace(SMALL, crops=CropGeometry(), kernel=7, size=25)
ANCHORS = anchors_for(SMALL, RPNOptions())


def seen(count: int, value: bool = True) -> torch.Tensor:
    return torch.full((count,), value)


def decoder(**options: float) -> AnchorDecoder:
    return AnchorDecoder(ANCHORS, RPNOptions(**options), "rpn")


def perfect(boxes: torch.Tensor, *, sure: float = 20.0) -> RPNOutput:
    """The answers of a head that knows the boxes, surest at the anchors of the largest overlap."""
    targets = assign(boxes, seen(len(boxes)), ANCHORS, ensure_positive=True)
    logits = (overlaps(boxes, ANCHORS) - 0.5) * sure
    return RPNOutput(torch.stack([-logits, logits], dim=1), targets.box)


def noise(count: int, seed: int) -> RPNOutput:
    generator = torch.Generator().manual_seed(seed)
    shapes = (count, 2, 5, 13, 13), (count, 4, 5, 13, 13)
    cls, box = (torch.randn(shape, generator=generator) for shape in shapes)
    return RPNOutput(cls, box * 0.3)


def some_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner, size = (
        20 + 60 * torch.rand(count, 2, generator=generator),
        12 + 40 * torch.rand(count, 2, generator=generator),
    )
    return torch.cat([corner, corner + size], dim=1)


def test_anchors_are_the_public_ones_and_scale_with_the_crops() -> None:
    public, small = (anchors_for(grid, RPNOptions()) for grid in (PUBLIC, SMALL))
    assert public[2:, :, 0, 0].T.tolist() == [[104, 32], [88, 40], [64, 64], [40, 80], [32, 96]]
    assert torch.equal(small[2:, :, 0, 0], public[2:, :, 0, 0] / 2)
    assert public[:2, 0, 12, 12].tolist() == [127.5, 127.5]
    assert small[:2, 0, 6, 6].tolist() == [64.0, 64.0]
    assert small[:2, 2, 0, 12].tolist() == [112.0, 16.0]
    given_scale = anchors_for(SMALL, RPNOptions(anchor_scale=2, anchor_ratios=(1.0,)))
    assert given_scale[2:].unique().tolist() == [16.0]


def test_every_shape_has_the_same_window() -> None:
    window = decoder().window.reshape(5, 13, 13)
    assert window[0, 6, 6] == 1.0
    assert window[0, 0].max() == 0.0
    assert (window == window[0]).all()


def test_levels_are_merged_by_their_weights() -> None:
    head = RPNHead(2, 8, 3)
    head.reset_parameters(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    template, search = ([torch.randn(2, 8, side, side, generator=generator) for _ in range(2)] for side in (4, 16))
    both = head.eval()(template, search)
    assert both.cls.shape == (2, 2, 3, 13, 13)
    assert both.box.shape == (2, 4, 3, 13, 13)
    single = [net(z, x).unflatten(1, (2, 3)) for net, z, x in zip(head.cls, template, search, strict=True)]
    torch.testing.assert_close(both.cls, (single[0] + single[1]) / 2)
    with torch.no_grad():
        head.cls_weight.copy_(torch.tensor([0.0, np.log(3.0)]))
    torch.testing.assert_close(head(template, search).cls, single[0] / 4 + single[1] * 3 / 4)
    torch.testing.assert_close(head(template, search).box, both.box)


@given(seed=st.integers(0, 1000))
def test_the_anchors_that_count_are_those_of_the_pair_alone(seed: int) -> None:
    boxes, present = some_boxes(5, seed), torch.tensor([True, True, False, True, True])
    targets = assign(boxes, present, ANCHORS, ensure_positive=True)
    few = chosen(targets, boxes, present)
    for name, most in (("positive", [16, 16, 0, 16, 16]), ("negative", [48, 48, 16, 48, 48])):
        all_of, some = getattr(targets, name).flatten(1), getattr(few, name).flatten(1)
        assert not (some & ~all_of).any()
        assert some.sum(1).tolist() == [min(int(n), m) for n, m in zip(all_of.sum(1), most, strict=True)]
    for row in range(5):
        one = slice(row, row + 1)
        alone = assign(boxes[one], present[one], ANCHORS, ensure_positive=True)
        alone = chosen(alone, boxes[one], present[one])
        assert torch.equal(alone.positive[0], few.positive[row])
        assert torch.equal(alone.negative[0], few.negative[row])


def test_another_box_chooses_others_evenly() -> None:
    boxes = torch.tensor([[40.0, 40.0, 80.0, 80.0]]).repeat(400, 1)
    boxes[:, 2] += torch.arange(400) * 1e-5
    few = chosen(assign(boxes, seen(400), ANCHORS, ensure_positive=True), boxes, seen(400))
    candidates = assign(boxes[:1], seen(1), ANCHORS, ensure_positive=True).negative[0]
    share = few.negative.float().mean(0)[candidates]
    expected = 48 / candidates.sum()
    assert few.negative.flatten(1).unique(dim=0).shape[0] > 300
    assert (share - expected).abs().max() < 6 * (expected * (1 - expected) / 300).sqrt()


@pytest.mark.parametrize("ensure", [True, False])
def test_a_box_unlike_all_anchors_gets_the_nearest(ensure: bool) -> None:
    boxes = torch.tensor([[66.0, 58.0, 70.0, 62.0], [50.0, 48.0, 82.0, 80.0]])
    targets = assign(boxes, seen(2), ANCHORS, ensure_positive=ensure)
    assert targets.positive[0].sum() == (1 if ensure else 0)
    assert targets.positive[1].sum() == 2  # squares that lie 2 and 6 pixels off
    assert not (targets.positive & targets.negative).any()
    assert targets.negative[0].sum() == 5 * 13 * 13 - (1 if ensure else 0)
    losses = tracking_losses(noise(2, 0), targets)
    assert all(torch.isfinite(value) and value > 0 for value in losses.values())


@given(seed=st.integers(0, 1000))
def test_losses_of_pairs_are_those_of_each_alone(seed: int) -> None:
    answers, boxes, present = noise(4, seed), some_boxes(4, seed), torch.tensor([True, False, True, True])
    targets = chosen(assign(boxes, present, ANCHORS, ensure_positive=seed % 2 == 0), boxes, present)
    found = pair_losses(answers, targets)
    for row in range(4):
        one = slice(row, row + 1)
        cut = dataclasses.replace(targets, **{n: getattr(targets, n)[one] for n in ("positive", "negative", "box")})
        for part, value in tracking_losses(RPNOutput(answers.cls[one], answers.box[one]), cut).items():
            torch.testing.assert_close(found[part][row], value, rtol=1e-5, atol=1e-6)


def test_one_positive_counts_in_the_class_loss() -> None:
    boxes = torch.tensor([[66.0, 58.0, 70.0, 62.0]])
    answers = noise(1, 3)
    with_it, without = (
        tracking_losses(answers, assign(boxes, seen(1), ANCHORS, ensure_positive=ensure))["cls"]
        for ensure in (True, False)
    )
    assert with_it > without + 0.03


def test_negative_pairs_teach_background_and_no_box() -> None:
    boxes = some_boxes(2, 1)
    answers = RPNOutput(*(value.requires_grad_() for value in dataclasses.astuple(noise(2, 1))))
    losses = tracking_losses(answers, assign(boxes, seen(2, False), ANCHORS, ensure_positive=True))
    sum(losses.values()).backward()
    assert losses["box"] == 0
    assert losses["cls"] > 0.2
    assert not answers.box.grad.any()
    assert answers.cls.grad.abs().sum() > 0


def test_a_target_far_outside_leaves_a_loss_of_nothing() -> None:
    answers = RPNOutput(*(value.requires_grad_() for value in dataclasses.astuple(noise(1, 1))))
    far = torch.tensor([[900.0, 900.0, 940.0, 940.0]])
    losses = tracking_losses(answers, assign(far, seen(1, False), ANCHORS, ensure_positive=True))
    sum(losses.values()).backward()
    assert losses["cls"] == losses["box"] == 0
    assert not answers.cls.grad.any()


@given(
    centre=st.tuples(st.floats(40, 88), st.floats(40, 88)),
    size=st.tuples(st.floats(14, 60), st.floats(14, 60)),
)
def test_decoding_gives_back_the_box(centre: tuple[float, float], size: tuple[float, float]) -> None:
    low, high = np.array(centre) - np.array(size) / 2, np.array(centre) + np.array(size) / 2
    boxes = torch.from_numpy(np.concatenate([low, high])[None]).float()
    found = decoder()(perfect(boxes), np.array([size]))
    np.testing.assert_allclose(found.centre[0], centre, atol=1e-3)
    np.testing.assert_allclose(found.size[0], size, atol=1e-3)
    assert 0.0 <= found.score[0] <= 1.0
    assert 0.0 <= found.rate[0] <= 0.38


def test_decoding_by_hand() -> None:
    """One anchor of square shape at each of 3 x 3 places: penalty, window and rate as in SiamRPN's formulas."""
    anchors = torch.zeros(4, 1, 3, 3)
    anchors[0], anchors[1] = torch.tensor([56.0, 64.0, 72.0]), torch.tensor([[56.0], [64.0], [72.0]])
    anchors[2:] = 32.0
    answers = RPNOutput(torch.zeros(1, 2, 1, 3, 3), torch.zeros(1, 4, 1, 3, 3))
    answers.cls[0, 1, 0, 1, 1], answers.cls[0, 1, 0, 0, 2] = 1.0, 4.0
    answers.box[0, :, 0, 0, 2] = torch.tensor([0.25, -0.5, np.log(2.0), 0.0])
    options = RPNOptions(penalty_k=0.1, window=0.2, size_lr=0.5)
    found = AnchorDecoder(anchors, options, "rpn")(answers, np.array([[32.0, 32.0]]))
    # The window is 1 in the middle and 0 elsewhere, so the middle wins: .8 sigmoid(1) + .2 > .8 sigmoid(4).
    np.testing.assert_allclose([*found.centre[0], *found.size[0]], [64.0, 64.0, 32.0, 32.0])
    np.testing.assert_allclose([found.score[0], found.rate[0]], [0.7310586, 0.5 * 0.7310586], rtol=1e-6)
    found = AnchorDecoder(anchors, options.model_copy(update={"window": 0.0}), "rpn")(answers, np.array([[32.0, 32.0]]))
    np.testing.assert_allclose([*found.centre[0], *found.size[0]], [80.0, 40.0, 64.0, 32.0], rtol=1e-6)
    padded = np.sqrt((64 + 48) * (32 + 48)) / 64
    penalty = np.exp(-0.1 * (2.0 * padded - 1.0))
    np.testing.assert_allclose(found.rate[0], 0.5 * penalty * found.score[0], rtol=1e-6)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    answers, previous = noise(5, 0), np.linspace(15, 40, 10).reshape(5, 2)
    together = decoder()(answers, previous)
    for i in range(5):
        row = slice(i, i + 1)
        alone = decoder()(RPNOutput(answers.cls[row], answers.box[row]), previous[row])
        for name in ("centre", "size", "rate", "score"):
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[i], rtol=1e-12)


def test_answers_beyond_all_images_stay_finite() -> None:
    answers = noise(1, 0)
    answers.box[:, 2:] = 1e4
    found = decoder()(answers, np.array([[32.0, 32.0]]))
    assert np.isfinite(found.size).all()
    assert np.isfinite(found.rate).all()


def test_answers_that_are_not_finite_are_an_error() -> None:
    answers = noise(1, 0)
    answers.box[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(EvaluationError, match="finite"):
        decoder()(answers, np.array([[48.0, 48.0]]))


@pytest.mark.parametrize(
    "wrong",
    [{"anchor_ratios": []}, {"anchor_ratios": [0.0]}, {"anchor_scale": 0}, {"loss_weights": [1.0]}, {"depth": 1}],
)
def test_options_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        RPNOptions(**wrong)
