"""Positions, attention, labels, losses and decoding of TransT without its network."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from asymnas_trackers.transt import plugin
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from asymnas.core.errors import EvaluationError
from asymnas.tracking.siamese.transformer.decode import BestCell
from asymnas.tracking.siamese.transformer.fusion import Attention, FusionNetwork
from asymnas.tracking.siamese.transformer.head import TransTAnswers
from asymnas.tracking.siamese.transformer.loss import cells_in_box, pair_losses, transt_losses
from asymnas.tracking.siamese.transformer.positions import sine_positions

TRUE = torch.tensor([[0.25, 0.25, 0.5, 0.75]])


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_positions_are_sines_of_row_and_column() -> None:
    found = sine_positions(8, 16)
    assert found.shape == (64, 16)
    row, column = 2, 5
    for half, place in enumerate((row, column)):
        for pair in range(4):
            angle = 2 * math.pi * (place + 1) / 8 / 10000 ** (2 * pair / 8)
            ours = found[row * 8 + column, half * 8 + 2 * pair : half * 8 + 2 * pair + 2]
            torch.testing.assert_close(ours, torch.tensor([math.sin(angle), math.cos(angle)]), atol=1e-5, rtol=0)


def test_projected_attention_is_torchs() -> None:
    ours, theirs = Attention(16, 4, 0.0, projected=True), nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_bias.copy_(normal(48))
        for part, name in enumerate(("query", "key", "value")):
            ours.projections[name].weight.copy_(theirs.in_proj_weight[16 * part : 16 * part + 16])
            ours.projections[name].bias.copy_(theirs.in_proj_bias[16 * part : 16 * part + 16])
        ours.out.load_state_dict(theirs.out_proj.state_dict())
        inputs = [normal(2, n, 16, seed=n) for n in (5, 7)]
        values = normal(2, 7, 16, seed=9)
        torch.testing.assert_close(ours(*inputs, values), theirs(*inputs, values)[0])


def test_plain_attention_compares_the_features_themselves() -> None:
    attention = Attention(8, 2, 0.0, projected=False)
    query, key, value = normal(1, 3, 8), normal(1, 4, 8, seed=1), normal(1, 4, 8, seed=2)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        weights = torch.softmax(query[0, :, part] @ key[0, :, part].T / 2, dim=1)
        heads.append(weights @ value[0, :, part])
    with torch.no_grad():
        attention.out.weight.copy_(torch.eye(8))
        torch.testing.assert_close(attention(query, key, value)[0], torch.cat(heads, dim=1))
    assert attention.out.bias is None


def test_both_branches_read_the_other_as_it_was_before() -> None:
    network = FusionNetwork(16, 2, 1, 32, 0.0, projected=True)
    layer, positions = network.layers[0], (sine_positions(2, 16), sine_positions(4, 16))
    template, search = normal(1, 4, 16), normal(1, 16, 16, seed=1)
    with torch.no_grad():
        z, x = layer.template_self(template, positions[0]), layer.search_self(search, positions[1])
        found = layer(template, search, positions)
        torch.testing.assert_close(found[0], layer.template_cross(z, positions[0], x, positions[1]))
        torch.testing.assert_close(found[1], layer.search_cross(x, positions[1], z, positions[0]))
        assert not torch.allclose(network(template, search, positions), network(template * 2, search, positions))


def cells(box: list[float], side: int = 8, present: bool = True) -> list[tuple[int, int]]:
    mask = cells_in_box(torch.tensor([box]), torch.tensor([present]), side)
    return [(int(cell) % side, int(cell) // side) for cell in mask[0].nonzero()[:, 0]]


def test_positive_cells_are_those_whose_corner_is_in_the_box() -> None:
    assert cells([0.25, 0.3, 0.5, 0.51]) == [(2, 3), (3, 3), (2, 4), (3, 4)]  # of columns 2 to 4, rows 2.4 to 4.08
    assert cells([0.26, 0.26, 0.27, 0.27]) == [(3, 3)]  # no corner lies inside
    assert cells([-0.3, 0.0, 0.25, 0.125]) == [(0, 0), (1, 0)]
    assert cells([0.9, 0.9, 1.4, 1.3]) == [(7, 7)]
    assert cells([0.25, 0.25, 0.5, 0.5], present=False) == []


def answer(box: torch.Tensor) -> TransTAnswers:
    return TransTAnswers(torch.zeros(len(box), 64, 2), box[:, None].expand(-1, 64, 4).clone())


def test_losses_of_transt_are_means_over_positives() -> None:
    positive = cells_in_box(TRUE, torch.tensor([True]), 8)
    found = transt_losses(answer(torch.tensor([[0.4, 0.5, 0.2, 0.5]])), positive, TRUE, losses="transt", background=0.1)
    assert found["cls"].item() == pytest.approx(math.log(2))
    assert found["l1"].item() == pytest.approx(0.025 + 0.05)  # of cx, cy, w, h = 0.375, 0.5, 0.25, 0.5
    assert found["iou"].item() == pytest.approx(1 - 0.2 / 0.25)


def test_losses_of_the_public_code_are_divided_by_the_cells() -> None:
    positive = cells_in_box(TRUE, torch.tensor([True]), 8)
    assert positive.sum() == 2 * 4
    found = transt_losses(answer(torch.tensor([[0.4, 0.5, 0.2, 0.5]])), positive, TRUE, losses="vlt_tt", background=0.1)
    assert found["l1"].item() == pytest.approx((0.05 + 0.0) * 8 / 64)  # corners 0.3, 0.25, 0.5, 0.75
    shape = 4 / math.pi**2 * (math.atan(0.25 / 0.5) - math.atan(0.2 / 0.5)) ** 2
    ciou = 0.8 - 0.025**2 / (0.25**2 + 0.5**2) - shape**2 / (0.2 + shape)
    assert found["iou"].item() == pytest.approx((1 - ciou) * 8 / 64, rel=1e-5)


def test_background_cells_weigh_less() -> None:
    cls = torch.zeros(1, 64, 2)
    cls[..., 0] = 2.0
    answers = TransTAnswers(cls, TRUE[:, None].expand(1, 64, 4))
    positive = torch.arange(64)[None] < 4
    found = transt_losses(answers, positive, TRUE, losses="transt", background=0.5)["cls"].item()
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert found == pytest.approx((4 * right + 30 * wrong) / 34)


@pytest.mark.parametrize("losses", ["transt", "vlt_tt"])
def test_perfect_boxes_cost_nothing_and_keep_finite_gradients(losses: str) -> None:
    answers = answer(torch.tensor([[0.375, 0.5, 0.25, 0.5]]))
    answers.box.requires_grad_()
    found = transt_losses(answers, cells_in_box(TRUE, torch.tensor([True]), 8), TRUE, losses=losses, background=0.0625)
    (found["l1"] + found["iou"]).backward()
    assert found["l1"].item() == found["iou"].item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(answers.box.grad).all()


@pytest.mark.parametrize("losses", ["transt", "vlt_tt"])
@given(seed=st.integers(0, 999))
def test_losses_of_a_pair_are_those_of_a_batch_of_it_alone(losses: str, seed: int) -> None:
    answers = TransTAnswers(normal(4, 64, 2, seed=seed), normal(4, 64, 4, seed=seed + 1).sigmoid())
    corner = torch.rand(4, 2, generator=torch.Generator().manual_seed(seed)) * 0.7
    boxes, present = torch.cat([corner, corner + 0.2], dim=1), torch.tensor([True, False, True, True])
    positive = cells_in_box(boxes, present, 8)
    found = pair_losses(answers, positive, boxes, losses=losses, background=0.1)
    for row in range(4):
        one = slice(row, row + 1)
        single = TransTAnswers(answers.cls[one], answers.box[one])
        alone = transt_losses(single, positive[one], boxes[one], losses=losses, background=0.1)
        for part, value in alone.items():
            torch.testing.assert_close(found[part][row], value, rtol=1e-5, atol=1e-6)


def peaks(*places: tuple[int, float]) -> TransTAnswers:
    """Answers on 8 x 8 cells: logits at the given cells, boxes around each cell, of a quarter of the crop."""
    cls = torch.zeros(1, 64, 2)
    for cell, height in places:
        cls[0, cell, 0] = height
    centre = (torch.stack([torch.arange(64) % 8, torch.arange(64) // 8], dim=1) + 0.5) / 8
    return TransTAnswers(cls, torch.cat([centre, torch.full((64, 2), 0.25)], dim=1)[None])


def decoder(**options: float) -> BestCell:
    return BestCell(plugin.options(**options), 8, 64, "transt")


def test_the_box_of_the_best_cell_is_taken_as_it_is() -> None:
    found = decoder(window=0.0)(peaks((8 * 2 + 5, 3.0)), np.array([[40.0, 3.0]]))
    np.testing.assert_allclose(found.centre[0], [44.0, 20.0])
    np.testing.assert_allclose(found.size[0], [16.0, 16.0])
    assert found.rate[0] == 1.0
    assert found.score[0] == pytest.approx(math.exp(3) / (math.exp(3) + 1))


def test_the_window_prefers_the_middle() -> None:
    answers = peaks((9, 3.0), (8 * 3 + 3, 2.5))
    assert decoder(window=0.0)(answers, np.array([[16.0, 16.0]])).centre[0].tolist() == [12.0, 12.0]
    assert decoder()(answers, np.array([[16.0, 16.0]])).centre[0].tolist() == [28.0, 28.0]


def test_penalty_and_size_rate_slow_changes_down() -> None:
    answers = peaks((8 * 3 + 3, 3.0), (8 * 3 + 4, 2.9))
    answers.box[0, 8 * 3 + 3, 2:] = 0.75
    plain = decoder(window=0.0)(answers, np.array([[16.0, 16.0]]))
    found = decoder(window=0.0, penalty_k=0.1, size_lr=0.5)(answers, np.array([[16.0, 16.0]]))
    assert (plain.size[0, 0], found.size[0, 0]) == (48.0, 16.0)
    assert found.rate[0] == 0.5


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    answers = TransTAnswers(normal(5, 64, 2), normal(5, 64, 4, seed=1).sigmoid())
    previous, decode = np.linspace(5, 40, 10).reshape(5, 2), decoder(penalty_k=0.05)
    together = decode(answers, previous)
    for i in range(5):
        row = slice(i, i + 1)
        alone = decode(TransTAnswers(answers.cls[row], answers.box[row]), previous[row])
        for name in ("centre", "size", "rate", "score"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[i])


def test_answers_that_are_not_finite_are_an_error() -> None:
    answers = peaks((9, 3.0))
    answers.box[0, 0, 0] = float("nan")
    with pytest.raises(EvaluationError, match="finite"):
        decoder()(answers, np.array([[16.0, 16.0]]))
