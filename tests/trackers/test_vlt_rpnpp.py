"""VLT_RPN++ on the tiny spaces: the tracker contract, training, language."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_rpnpp import plugin
from square_pairs import square_pairs

from asymnas.core.errors import TrackerError
from asymnas.core.seeding import rng_for
from asymnas.nn import recalibrated
from asymnas.space import load_space
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import TrainingBatch, get_tracker, track
from asymnas.tracking.siamese.rpn.options import RPNOptions

SMALL = {"channels": 32, "min_side": 4.0}
DIM = 12


@pytest.fixture(scope="module")
def tiny():
    return load_space("tiny_asymmetric")


@pytest.fixture(scope="module")
def path(tiny):
    return tiny.sample(rng_for(0, "vlt_rpnpp tests")).genes


def make(space, seed: int = 0, **options):
    return plugin.build(RPNOptions(**(SMALL | options)), space=space, language_dim=DIM, seed=seed)


def pairs(count: int) -> TrainingBatch:
    return square_pairs(count, DIM, "vlt_rpnpp pairs")


class TestContract(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("vlt_rpnpp")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL


class TestContractTemplateEmbedding(TestContract):
    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        more = {"missing": "template_embedding", "share_neck": True, "anchor_ratios": (0.5, 1.0, 2.0)}
        return SMALL | more | {"levels": ("stage4",), "ensure_positive": False}


@pytest.mark.parametrize("name", ["tiny_no_mixer", "tiny_fixed_mixer"])
def test_other_spaces_are_tracked(name: str) -> None:
    space = load_space(name)
    tracker, path = make(space), space.sample(rng_for(1, "path")).genes
    assert torch.isfinite(tracker.train().loss(pairs(2), path)["total"])
    result = track(tracker.eval(), [moving_square(0, frames=2)], path=path)[0]
    assert np.isfinite(result.boxes).all()


def test_anchors_follow_the_space(tiny) -> None:
    tracker, wide = make(tiny), plugin.geometry(RPNOptions(), load_space("vlt_asymmetric"))
    assert tracker.anchors.shape == (4, 5, 13, 13)
    assert tracker.anchors[2:, 2].unique().tolist() == [32.0]
    assert (wide.template_size, wide.search_size) == (127, 255)


def test_a_template_too_small_for_the_head_is_refused() -> None:
    sizes = {"template": {"input_size": 32}}
    space = load_space({"extends": "tiny_asymmetric", "name": "smaller", "branches": sizes})
    for build in (lambda: plugin.geometry(RPNOptions(), space), lambda: make(space)):
        with pytest.raises(TrackerError, match="3 x 3 cells"):
            build()


def test_a_fixed_batch_is_learnt_and_then_tracked(tiny, path) -> None:
    tracker, batch = make(tiny, window=0.1), pairs(8)
    tracker.train()
    optimiser = torch.optim.AdamW(tracker.parameters(), lr=3e-3)
    first = None
    for _ in range(16):
        losses = tracker.loss(batch, path)
        first = first or {name: value.item() for name, value in losses.items()}
        optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        optimiser.step()
    assert all(losses[name] < 0.6 * value for name, value in first.items())
    with recalibrated(tracker, lambda one: tracker(one, path), [batch]):
        found = tracker.eval().pair_boxes(batch, path)
    centres = (found[:, :2] + found[:, 2:]) / 2
    truth = (batch.search_box[:, :2] + batch.search_box[:, 2:]).numpy() / 2
    assert np.median(np.abs(centres - truth)) < 4.0


def test_the_loss_is_a_function_of_the_batch(tiny, path) -> None:
    tracker, batch = make(tiny).train(), pairs(4)
    first = tracker.loss(batch, path)
    np.random.default_rng().random(3)
    torch.rand(3)
    assert all(torch.equal(value, first[name]) for name, value in tracker.loss(batch, path).items())


def test_loss_weights_weigh(tiny, path) -> None:
    losses = make(tiny, loss_weights=(2.0, 0.5)).train().loss(pairs(4), path)
    torch.testing.assert_close(losses["total"], 2 * losses["cls"] + 0.5 * losses["box"])


def test_negative_pairs_have_only_the_class_loss(tiny, path) -> None:
    tracker, batch = make(tiny).train(), pairs(3)
    losses = tracker.loss(dataclasses.replace(batch, positive=torch.zeros(3, dtype=torch.bool)), path)
    assert losses["box"] == 0
    assert losses["cls"] > 0.2
    torch.testing.assert_close(losses["total"], losses["cls"])
    losses["total"].backward()
    assert all(torch.isfinite(p.grad).all() for p in tracker.parameters() if p.grad is not None)


def test_listing_the_plugin_builds_no_network() -> None:
    code = (
        "import sys, asymnas_trackers.vlt_rpnpp as v; "
        "assert v.plugin.name == 'vlt_rpnpp'; "
        "heavy = {'ray', 'nni', 'transformers', 'asymnas.nn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
