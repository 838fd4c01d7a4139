"""Labels, losses and decoding of VLT_SCAR without its network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_scar import VLTSCAROptions
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asymnas.core.errors import EvaluationError
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.siamese.box_losses import BOX_LOSSES
from asymnas.tracking.siamese.car.decode import Decoder, PixelDecoder
from asymnas.tracking.siamese.car.head import CARHead, HeadOutput
from asymnas.tracking.siamese.car.loss import assign, pair_losses, tracking_losses
from asymnas.tracking.siamese.correlation import centre_crop, correlate
from asymnas.tracking.siamese.grid import Grid

SMALL = Grid(
    CropGeometry(template_size=64, search_size=128), (1, 2, 3), ((1, 1, 1), (1, 1, 1)), stride=8, kernel=4, size=13
)


def seen(count: int, value: bool = True) -> torch.Tensor:
    return torch.full((count,), value)


def perfect(boxes: torch.Tensor, *, sure: float = 20.0) -> HeadOutput:
    """The answers of a head that knows the boxes."""
    targets = assign(boxes, seen(len(boxes)), SMALL.axis(), ensure_positive=True)
    sign = targets.positive.float() * 2 - 1
    cls = torch.stack([-sign, sign], dim=1) * sure / 2
    x, y = (targets.box[..., i].clamp(min=0.0) for i in (0, 1))
    inner = torch.minimum(x, targets.box[..., 2]).clamp(min=0.01), torch.minimum(y, targets.box[..., 3]).clamp(min=0.01)
    outer = torch.maximum(x, targets.box[..., 2]), torch.maximum(y, targets.box[..., 3])
    centreness = torch.sqrt(inner[0] / outer[0] * inner[1] / outer[1]).clamp(1e-4, 1 - 1e-4)
    box = targets.box.clamp(min=0.1).permute(0, 3, 1, 2)
    return HeadOutput(cls, box.contiguous(), torch.logit(centreness)[:, None])


@pytest.mark.parametrize(
    ("search", "stride", "size", "first"), [(255, 8, 25, 32.0), (256, 8, 25, 32.0), (128, 8, 13, 16.0)]
)
def test_grid_is_symmetric_about_the_centre(search: int, stride: int, size: int, first: float) -> None:
    grid = dataclasses.replace(
        SMALL, crops=CropGeometry(template_size=search // 2, search_size=search), stride=stride, size=size
    )
    axis = grid.axis()
    assert axis[0] == first
    assert torch.equal(axis.diff(), torch.full((size - 1,), float(stride)))
    assert axis[(size - 1) // 2] == (search + 1) // 2


def test_crop_takes_the_middle() -> None:
    features = torch.arange(16.0).repeat(16, 1)[None, None]
    assert centre_crop(features, 8)[0, 0, 0].tolist() == list(range(4, 12))


def test_correlation_is_the_sum_of_products() -> None:
    generator = torch.Generator().manual_seed(0)
    search, template = torch.randn(2, 3, 7, 7, generator=generator), torch.randn(2, 3, 4, 4, generator=generator)
    out = correlate(search, template)
    assert out.shape == (2, 3, 4, 4)
    for b, c, y, x in [(0, 0, 0, 0), (1, 2, 3, 1), (0, 1, 2, 3)]:
        torch.testing.assert_close(out[b, c, y, x], (search[b, c, y : y + 4, x : x + 4] * template[b, c]).sum())


def test_gradient_of_the_correlation() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, 6, 6), (2, 3, 3, 3)
    inputs = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(correlate, inputs)


def test_untrained_head_answers_the_initial_box() -> None:
    head = CARHead(2, 32, 2, 16.0)
    head.reset_parameters(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    template, search = ([torch.randn(4, 32, side, side, generator=generator) for _ in range(2)] for side in (4, 16))
    box = head(template, search).box
    assert 12.0 < box.median() < 21.0


def test_negative_pairs_are_background_and_nothing_else() -> None:
    boxes = torch.tensor([[40.0, 40.0, 88.0, 88.0], [30.0, 50.0, 70.0, 90.0]])
    answers = perfect(boxes)
    answers = HeadOutput(*(value.clone().requires_grad_() for value in (answers.cls, answers.box, answers.centre)))
    targets = assign(boxes, seen(2, False), SMALL.axis(), ensure_positive=True)
    assert not targets.positive.any()
    losses = tracking_losses(answers, targets, "iou")
    sum(losses.values()).backward()
    assert losses["box"] == losses["centre"] == 0
    assert losses["cls"] > 0.3
    assert not answers.box.grad.any()
    assert not answers.centre.grad.any()
    assert all(torch.isfinite(value.grad).all() for value in (answers.cls, answers.box, answers.centre))


def test_negatives_in_a_batch_leave_the_box_loss_of_the_others() -> None:
    boxes = torch.tensor([[40.0, 40.0, 88.0, 88.0], [30.0, 50.0, 70.0, 90.0]])
    answers = perfect(boxes + 3.0)
    one = HeadOutput(answers.cls[:1], answers.box[:1], answers.centre[:1])
    targets = assign(boxes, torch.tensor([True, False]), SMALL.axis(), ensure_positive=True)
    both = tracking_losses(answers, targets, "iou")
    alone = tracking_losses(one, assign(boxes[:1], seen(1), SMALL.axis(), ensure_positive=True), "iou")
    torch.testing.assert_close(both["box"], alone["box"])
    torch.testing.assert_close(both["centre"], alone["centre"])


@pytest.mark.parametrize("name", sorted(BOX_LOSSES))
@given(seed=st.integers(0, 999))
def test_losses_of_a_pair_are_those_of_a_batch_of_it_alone(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner, size = torch.rand(5, 2, generator=generator) * 90, torch.rand(5, 2, generator=generator) * 60 + 1
    boxes, present = torch.cat([corner, corner + size], dim=1), torch.tensor([True, True, False, True, True])
    given = [torch.randn(5, channels, 13, 13, generator=generator) for channels in (2, 4, 1)]
    answers = HeadOutput(given[0] * 4, torch.exp(given[1] + 2), given[2])
    found = pair_losses(answers, assign(boxes, present, SMALL.axis(), ensure_positive=seed % 2 == 0), name)
    for row in range(5):
        one = slice(row, row + 1)
        targets = assign(boxes[one], present[one], SMALL.axis(), ensure_positive=seed % 2 == 0)
        alone = tracking_losses(HeadOutput(answers.cls[one], answers.box[one], answers.centre[one]), targets, name)
        for part, value in alone.items():
            torch.testing.assert_close(found[part][row], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ensure", [True, False])
def test_a_box_too_small_for_any_cell_gets_the_nearest(ensure: bool) -> None:
    boxes = torch.tensor([[66.0, 58.0, 70.0, 62.0], [40.0, 40.0, 88.0, 88.0]])
    targets = assign(boxes, seen(2), SMALL.axis(), ensure_positive=ensure)
    assert targets.positive[0].sum() == (1 if ensure else 0)
    assert targets.positive[1].sum() > 1
    if ensure:
        row, column = targets.positive[0].nonzero()[0].tolist()
        assert abs(SMALL.axis()[column] - 68.0) <= 4.0
        assert abs(SMALL.axis()[row] - 60.0) <= 4.0
    assert all(torch.isfinite(value) for value in tracking_losses(perfect(boxes), targets, "ciou").values())


def test_positives_lie_within_a_fifth_of_the_box() -> None:
    box = torch.tensor([[24.0, 43.0, 104.0, 87.0]])
    targets = assign(box, seen(1), SMALL.axis(), ensure_positive=False)
    rows, columns = targets.positive[0].nonzero().T
    assert (SMALL.axis()[columns] - 64.0).abs().max() < 0.2 * 80
    assert (SMALL.axis()[rows] - 65.0).abs().max() < 0.2 * 44
    assert targets.positive.sum() == 3 * 2  # x 56, 64, 72; y 64, 72, as 56 is 9 px off


@pytest.mark.parametrize("name", sorted(BOX_LOSSES))
def test_perfect_boxes_cost_nothing_and_keep_finite_gradients(name: str) -> None:
    target = torch.tensor([[10.0, 20.0, 14.0, 6.0], [3.0, 4.0, 5.0, 6.0]])
    pred = target.clone().requires_grad_()
    loss = BOX_LOSSES[name](pred, target)
    loss.sum().backward()
    torch.testing.assert_close(loss.detach(), torch.zeros(2), atol=1e-5, rtol=0)
    assert torch.isfinite(pred.grad).all()
    worse = BOX_LOSSES[name](target * 1.5, target)
    assert (worse > 0.1).all()


def test_perfect_answers_are_near_the_least_loss() -> None:
    boxes = torch.tensor([[40.0, 40.0, 88.0, 88.0], [30.0, 50.0, 70.0, 90.0]])
    targets = assign(boxes, seen(2), SMALL.axis(), ensure_positive=True)
    losses = tracking_losses(perfect(boxes), targets, "iou")
    weight = targets.centreness()
    entropy = -(weight * weight.log() + (1 - weight) * torch.log1p(-weight)).nan_to_num().mean()
    assert losses["cls"] < 1e-6
    assert losses["box"] < 1e-5
    torch.testing.assert_close(losses["centre"], entropy, atol=1e-2, rtol=0)


@given(
    centre=st.tuples(st.floats(40, 88), st.floats(40, 88)),
    size=st.tuples(st.floats(14, 60), st.floats(14, 60)),
)
def test_decoding_gives_back_the_box(centre: tuple[float, float], size: tuple[float, float]) -> None:
    low, high = np.array(centre) - np.array(size) / 2, np.array(centre) + np.array(size) / 2
    boxes = torch.from_numpy(np.concatenate([low, high])[None]).float()
    found = Decoder(SMALL, VLTSCAROptions(window=0.05), "vlt_scar")(perfect(boxes), np.array([size]))
    np.testing.assert_allclose(found.centre[0], centre, atol=1e-3)
    np.testing.assert_allclose(found.size[0], size, atol=1e-3)
    assert 0.0 <= found.score[0] <= 1.0
    assert 0.0 <= found.rate[0] <= 0.33


def test_pixels_are_finite_where_maps_are_flat_or_wild() -> None:
    flat = HeadOutput(torch.zeros(1, 2, 13, 13), torch.full((1, 4, 13, 13), 20.0), torch.zeros(1, 1, 13, 13))
    generator = torch.Generator().manual_seed(0)
    cls, box, centre = (torch.randn(1, channels, 13, 13, generator=generator) * 10 for channels in (2, 4, 1))
    wild = HeadOutput(cls, torch.exp(box.clamp(max=20.0)), centre)
    for answers in (flat, wild):
        found = PixelDecoder(SMALL, VLTSCAROptions(), "vlt_scar")(answers, np.array([[20.0, 30.0]]))
        assert all(np.isfinite(value).all() for value in (found.centre, found.size, found.rate))
        assert (found.size > 0).all()
        assert 0.0 <= found.score[0] <= 1.0


@pytest.mark.parametrize("kind", [Decoder, PixelDecoder])
def test_a_row_does_not_depend_on_its_neighbours(kind: type[Decoder]) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (5, 2, 13, 13), (5, 4, 13, 13), (5, 1, 13, 13)
    cls, box, logits = (torch.randn(size, generator=generator) for size in shape)
    answers = HeadOutput(cls, torch.exp(box * 0.4 + 2.7), logits)
    decoder = kind(SMALL, VLTSCAROptions(), "vlt_scar")
    previous = np.linspace(15, 40, 10).reshape(5, 2)
    together = decoder(answers, previous)
    for i in range(5):
        row = slice(i, i + 1)
        alone = decoder(HeadOutput(answers.cls[row], answers.box[row], answers.centre[row]), previous[row])
        for name in ("centre", "size", "rate", "score"):
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[i], rtol=1e-12)


def test_penalty_and_window_choose_among_equal_peaks() -> None:
    boxes = torch.tensor([[24.0, 52.0, 48.0, 76.0]])
    one, other = perfect(boxes), perfect(torch.tensor([[70.0, 52.0, 94.0, 76.0]]))
    cls = torch.maximum(one.cls[:, 1], other.cls[:, 1])
    left = torch.arange(13) < 6
    box, centre = torch.where(left, one.box, other.box), torch.where(left, one.centre, other.centre)
    merged = HeadOutput(torch.stack([-cls, cls], dim=1), box, centre)
    nearer = Decoder(SMALL, VLTSCAROptions(window=0.4, penalty_k=0.0), "vlt_scar")(merged, np.array([[24.0, 24.0]]))
    np.testing.assert_allclose(nearer.centre[0], [82.0, 64.0], atol=1e-3)  # 18 px from the middle, the other one 28
    wide = dataclasses.replace(merged, box=torch.where(left, merged.box, merged.box * 2))
    alike = Decoder(SMALL, VLTSCAROptions(window=0.0, penalty_k=0.5), "vlt_scar")(wide, np.array([[24.0, 24.0]]))
    np.testing.assert_allclose(alike.centre[0], [36.0, 64.0], atol=1e-3)


def test_answers_that_are_not_finite_are_an_error() -> None:
    answers = perfect(torch.tensor([[40.0, 40.0, 88.0, 88.0]]))
    answers.cls[0, 0, 0, 0] = float("nan")
    with pytest.raises(EvaluationError, match="finite"):
        Decoder(SMALL, VLTSCAROptions(), "vlt_scar")(answers, np.array([[48.0, 48.0]]))


@pytest.mark.parametrize(
    "wrong", [{"channels": 12}, {"window": 1.5}, {"box_loss": "l1"}, {"chanels": 64}, {"levels": []}]
)
def test_options_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        VLTSCAROptions(**wrong)


def test_public_sets_what_is_not_set_beside_it() -> None:
    public = VLTSCAROptions(public=True, missing="zero_embedding", box_loss="giou")
    assert (public.missing, public.box_loss) == ("zero_embedding", "giou")
    others = {name: value for name, value in VLTSCAROptions.PUBLIC.items() if name not in ("missing", "box_loss")}
    assert {name: getattr(public, name) for name in others} == others
    ours = VLTSCAROptions(public=False)
    assert ours == VLTSCAROptions()
    assert all(getattr(ours, name) != value for name, value in VLTSCAROptions.PUBLIC.items())
    assert VLTSCAROptions(**public.model_dump()) == public
