"""TransT and VLT_TT on tiny spaces: the tracker contract, training, language, options that contradict."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from asymnas_trackers import transt, vlt_tt
from pydantic import ValidationError
from square_pairs import square_pairs

from asymnas.core.errors import TrackerError
from asymnas.core.seeding import rng_for
from asymnas.nn import recalibrated
from asymnas.space import load_space
from asymnas.testing import TrackerContract
from asymnas.tracking import TrainingBatch, get_tracker
from asymnas.tracking.boxes import CropGeometry, crop_side

SMALL = {"channels": 48, "heads": 6, "fusion_layers": 1, "feedforward": 64, "min_side": 4.0}
DIM = 12


@pytest.fixture(scope="module")
def tiny():
    return load_space("tiny_asymmetric")


@pytest.fixture(scope="module")
def architecture(tiny):
    return tiny.sample(rng_for(0, "transt tests"))


def make(space, seed: int = 0, plugin=vlt_tt.plugin, **options):
    return plugin.build(plugin.options(**(SMALL | options)), space=space, language_dim=DIM, seed=seed)


def pairs(count: int, seed: int = 0) -> TrainingBatch:
    return square_pairs(count, DIM, "transt pairs", seed)


class TestVLTTT(TrackerContract):
    lockstep_tolerance = 1e-3

    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("vlt_tt")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL


class TestPublicVLTTT(TestVLTTT):
    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL | {"public": True}


class TestTransT(TestVLTTT):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("transt")

    @pytest.fixture(scope="class")
    @classmethod
    def space(cls):
        return load_space("tiny_resnet")


@pytest.mark.parametrize("attention", ["projected", "plain"])
def test_a_fixed_batch_is_learnt_and_then_tracked(tiny, architecture, attention: str) -> None:
    tracker, batch, path = make(tiny, attention=attention, dropout=0.0).train(), pairs(4), architecture.genes
    optimiser = torch.optim.AdamW(tracker.parameters(), lr=3e-3)
    totals = []
    for _ in range(24):
        total = tracker.loss(batch, path)["total"]
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        totals.append(total.item())
    assert totals[-1] < 0.4 * totals[0], totals
    with recalibrated(tracker, lambda one: tracker(one, path), [batch]):
        found = tracker.pair_boxes(batch, path)
    np.testing.assert_allclose(found, batch.search_box.numpy(), atol=16.0)  # half a target; they lie up to 80 px apart


def test_dropout_is_of_training_alone(tiny, architecture) -> None:
    tracker, batch = make(tiny, dropout=0.5), pairs(2)
    for training, equal in ((True, False), (False, True)):
        tracker.train(training)
        with torch.no_grad():
            first, second = (tracker(batch, architecture.genes).cls for _ in range(2))
        assert torch.equal(first, second) == equal


def test_one_level_is_read_the_last_one(tiny) -> None:
    tracker = make(tiny)
    assert (tracker.grid.levels, tracker.grid.kernel, tracker.grid.size) == ((3,), 8, 16)
    assert [layer.in_channels for layer in tracker.neck.layers.values()] == [160, 160]
    assert list(make(tiny, share_neck=True).neck.layers) == ["both"]


@pytest.mark.parametrize("plugin", [transt.plugin, vlt_tt.plugin])
def test_crops_are_those_of_transt(tiny, plugin) -> None:
    options = plugin.options(**SMALL)
    geometry = plugin.geometry(options, tiny)
    boxes = np.array([[0, 0, 40.0, 10.0], [0, 0, 20.0, 20.0]])
    template, search = crop_side(boxes, geometry)
    assert template.tolist() == [48.0, 40.0]  # ceil(sqrt(65 * 35)), twice a square's side
    assert search.tolist() == [99.0, 80.0]  # ceil(sqrt(115 * 85)), four times
    siamfc = plugin.geometry(options.model_copy(update={"crops": "siamfc", "round_up": (False, False)}), tiny)
    assert siamfc == CropGeometry(template_size=64, search_size=128)


def test_public_sets_the_switches_that_are_not_given() -> None:
    options = vlt_tt.plugin.options(public=True, losses="transt")
    assert (options.attention, options.normalise, options.centring) == ("plain", "imagenet", "middle")
    assert options.losses == "transt"
    ours = vlt_tt.plugin.options()
    assert (ours.attention, ours.normalise, ours.centring) == ("projected", "none", "exact")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heads": 7}, "divide the channels"),
        ({"levels": ("stage3", "stage4")}, "at most 1"),
        ({"attention": "linear"}, "projected"),
        ({"round_up": True}, "tuple"),
    ],
)
def test_options_out_of_range_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        vlt_tt.plugin.options(**(SMALL | wrong))


@pytest.mark.parametrize(("wrong", "message"), [({"levels": ("stage2",)}, "last stage"), ({"search_size": 256}, "128")])
def test_options_that_contradict_the_space_are_refused(tiny, wrong: dict, message: str) -> None:
    with pytest.raises(TrackerError, match=message):
        make(tiny, **wrong)


def test_negative_pairs_have_only_the_class_loss(tiny, architecture) -> None:
    tracker, batch = make(tiny).train(), pairs(3)
    losses = tracker.loss(dataclasses.replace(batch, positive=torch.zeros(3, dtype=torch.bool)), architecture.genes)
    assert losses["l1"] == losses["iou"] == 0
    torch.testing.assert_close(losses["total"], 8.334 * losses["cls"])
    losses["total"].backward()
    assert all(torch.isfinite(p.grad).all() for p in tracker.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"losses": "transt"}, (8.334, 5, 2)),
        ({"losses": "vlt_tt"}, (2, 3, 1)),
        ({"loss_weights": (1.0, 2.0, 4.0)}, (1, 2, 4)),
    ],
)
def test_loss_weights_weigh(tiny, architecture, options: dict, weights: tuple[float, ...]) -> None:
    losses = make(tiny, **options).loss(pairs(2), architecture.genes)
    parts = (losses["cls"], losses["l1"], losses["iou"])
    torch.testing.assert_close(losses["total"], sum(w * part for w, part in zip(weights, parts, strict=True)))


class Answers(torch.nn.Module):
    """The head as a function of tensors."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, template: torch.Tensor, search: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answers = self.head((template,), (search,))
        return answers.cls, answers.box


def test_the_head_is_a_graph_of_tensors(tiny) -> None:
    head = Answers(make(tiny).head.eval())
    maps = [torch.randn(2, 48, side, side, generator=torch.Generator().manual_seed(side)) for side in (8, 16)]
    graph = torch.export.export(head, tuple(maps)).module()
    other = [item * -0.5 for item in maps]
    torch.testing.assert_close(graph(*other), head(*other))


def test_listing_the_plugins_builds_no_network() -> None:
    code = (
        "import sys, asymnas_trackers.transt, asymnas_trackers.vlt_tt as v; "
        "assert v.plugin.name == 'vlt_tt'; "
        "heavy = {'ray', 'nni', 'transformers', 'asymnas.nn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
