"""VLT_SCAR on the tiny space: the tracker contract, training, language, lockstep."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_scar import VLTSCAROptions, plugin
from square_pairs import square_pairs

from asymnas.core.errors import TrackerError
from asymnas.core.seeding import rng_for
from asymnas.nn import recalibrated
from asymnas.space import load_space
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import Language, TrainingBatch, get_tracker, track

SMALL = {"channels": 32, "head_depth": 1, "min_side": 4.0}
DIM = 12


@pytest.fixture(scope="module")
def tiny():
    return load_space("tiny_asymmetric")


@pytest.fixture(scope="module")
def architecture(tiny):
    return tiny.sample(rng_for(0, "vlt_scar tests"))


def make(space, seed: int = 0, **options):
    return plugin.build(VLTSCAROptions(**(SMALL | options)), space=space, language_dim=DIM, seed=seed)


def pairs(count: int, seed: int = 0) -> TrainingBatch:
    return square_pairs(count, DIM, "vlt_scar pairs", seed)


class TestContract(TrackerContract):
    lockstep_tolerance = 1e-3

    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("vlt_scar")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL


class TestContractPublic(TestContract):
    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL | {"public": True, "share_neck": True}


@pytest.mark.parametrize(
    "name", ["tiny_asymmetric", "tiny_symmetric", "tiny_fixed_mixer", "tiny_no_mixer", "tiny_no_residual"]
)
def test_every_tiny_space_is_tracked(name: str) -> None:
    space = load_space(name)
    tracker, path = make(space), space.sample(rng_for(1, "path")).genes
    losses = tracker.train().loss(pairs(2), path)
    assert torch.isfinite(losses["total"])
    result = track(tracker.eval(), [moving_square(0, frames=2)], path=path)[0]
    assert np.isfinite(result.boxes).all()


def test_geometry_is_that_of_the_space(tiny) -> None:
    geometry = plugin.geometry(VLTSCAROptions(), tiny)
    assert (geometry.template_size, geometry.search_size) == (64, 128)
    tracker = make(tiny)
    assert tracker.geometry == geometry
    assert (tracker.grid.kernel, tracker.grid.size, tracker.grid.stride) == (4, 13, 8)
    wide = plugin.geometry(VLTSCAROptions(), load_space("vlt_asymmetric"))
    assert (wide.template_size, wide.search_size) == (127, 255)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"template_size": 127}, "template_size"),
        ({"template_branch": "templat"}, "Did you mean 'template'"),
        ({"levels": ("stage1", "stage4")}, "maps of one size"),
        ({"levels": ("stage2", "stage3")}, "last stage"),
        ({"levels": ("stage4", "stage2")}, "order"),
        ({"levels": ("stage9",)}, "unknown stage"),
    ],
)
def test_options_that_contradict_the_space_are_refused(tiny, wrong: dict, message: str) -> None:
    with pytest.raises(TrackerError, match=message):
        make(tiny, **wrong)


def test_answers_have_the_grid_of_the_labels(tiny, architecture) -> None:
    tracker = make(tiny)
    with torch.no_grad():
        answers = tracker(pairs(2), architecture.genes)
    side = tracker.grid.size
    assert answers.cls.shape == (2, 2, side, side)
    assert answers.box.shape == (2, 4, side, side)
    assert answers.centre.shape == (2, 1, side, side)
    assert (answers.box > 0).all()


@pytest.mark.parametrize("box_loss", ["iou", "ciou", "giou"])
def test_a_fixed_batch_is_learnt_and_then_tracked(tiny, architecture, box_loss: str) -> None:
    steps, count = (30, 8) if box_loss == "iou" else (6, 4)
    tracker, batch, path = make(tiny, box_loss=box_loss, window=0.1), pairs(count), architecture.genes
    tracker.train()
    optimiser = torch.optim.AdamW(tracker.parameters(), lr=3e-3)
    first = None
    for _ in range(steps):
        losses = tracker.loss(batch, path)
        first = first or {name: value.item() for name, value in losses.items()}
        optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        optimiser.step()
    assert losses["total"] < 0.9 * first["total"]
    if box_loss != "iou":
        return
    assert losses["total"] < 0.5 * first["total"]
    with recalibrated(tracker, lambda one: tracker(one, path), [batch]), torch.no_grad():
        answers = tracker.eval()(batch, path)
    found = tracker.decoder(answers, np.full((8, 2), 32.0))
    truth = (batch.search_box[:, :2] + batch.search_box[:, 2:]).numpy() / 2
    assert np.median(np.abs(found.centre - truth)) < 6.0


def test_negative_pairs_have_only_the_class_loss(tiny, architecture) -> None:
    tracker, batch = make(tiny).train(), pairs(3)
    losses = tracker.loss(dataclasses.replace(batch, positive=torch.zeros(3, dtype=torch.bool)), architecture.genes)
    assert losses["box"] == losses["centre"] == 0
    torch.testing.assert_close(losses["total"], losses["cls"])
    losses["total"].backward()
    assert all(torch.isfinite(p.grad).all() for p in tracker.parameters() if p.grad is not None)


def test_loss_weights_weigh(tiny, architecture) -> None:
    losses = make(tiny, loss_weights=(2.0, 0.5, 4.0)).train().loss(pairs(4), architecture.genes)
    torch.testing.assert_close(losses["total"], 2 * losses["cls"] + 0.5 * losses["box"] + 4 * losses["centre"])


@pytest.mark.parametrize("missing", ["zero_tensor", "zero_embedding", "template_embedding"])
def test_gradients_reach_exactly_the_active_parameters(tiny, architecture, missing: str) -> None:
    tracker = make(tiny, missing=missing).train()
    tracker.loss(pairs(4), architecture.genes)["total"].backward()
    reached = [name for name, parameter in tracker.named_parameters() if parameter.grad is not None]
    assert reached == tracker.active_parameters(architecture.genes)


@pytest.mark.parametrize("missing", ["zero_tensor", "zero_embedding", "template_embedding"])
def test_a_row_without_a_sentence_is_as_in_a_batch_without_language(tiny, architecture, missing: str) -> None:
    tracker, batch = make(tiny, missing=missing), pairs(4)
    nobody = dataclasses.replace(batch, language=Language.absent(4, DIM))
    with torch.no_grad():
        some, none = (tracker(one, architecture.genes) for one in (batch, nobody))
    torch.testing.assert_close(some.cls[1::2], none.cls[1::2], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(some.cls[::2], none.cls[::2], atol=1e-4, rtol=1e-4)


def test_odd_maps_are_for_tracking_alone(tiny, architecture) -> None:
    batch, path = pairs(2), architecture.genes
    tracker, plain = make(tiny, odd_maps=True), make(tiny)
    with torch.no_grad():
        torch.testing.assert_close(tracker(batch, path).cls, plain(batch, path).cls)
        template = tracker.embed_template(batch.template, batch.template_box, path, batch.language, online=True)
        search = tracker.embed_search(batch.search, template, path)
        answers = tracker.head(template.maps, search)
    assert {item.shape[2:] for item in template.maps} == {(3, 3)}
    assert {item.shape[2:] for item in search} == {(15, 15)}
    assert answers.cls.shape[2:] == (13, 13)
    true = batch.search_box.numpy()
    found = tracker.decode(answers, true[:, 2:] - true[:, :2])
    corners = np.concatenate([found.centre - found.size / 2, found.centre + found.size / 2], axis=1)
    np.testing.assert_allclose(tracker.pair_boxes(batch, path), corners, atol=1e-3)
    assert np.abs(plain.pair_boxes(batch, path) - corners).max() > 1e-2


def test_tracking_uses_the_sentence(tiny, architecture) -> None:
    tracker, video = make(tiny), moving_square(0, frames=3)
    sentence = Language(torch.randn(1, DIM, generator=torch.Generator().manual_seed(0)) * 3, torch.tensor([True]))
    with_it, without, absent = (
        track(tracker, [video], path=architecture.genes, language=language)[0].scores
        for language in (sentence, None, Language.absent(1, DIM))
    )
    np.testing.assert_array_equal(without, absent)
    assert np.abs(with_it - without).max() > 1e-6


def test_the_same_seed_trains_the_same_weights(tiny, architecture) -> None:
    states = []
    for _ in range(2):
        tracker = make(tiny, seed=3).train()
        optimiser = torch.optim.SGD(tracker.parameters(), lr=0.01, momentum=0.9)
        for step in range(2):
            optimiser.zero_grad(set_to_none=True)
            tracker.loss(pairs(4, seed=step), architecture.genes)["total"].backward()
            optimiser.step()
        states.append(tracker.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_boxes_stay_at_the_image(tiny, architecture) -> None:
    tracker, video = make(tiny), moving_square(1, frames=8)
    for box in track(tracker, [video], path=architecture.genes)[0].boxes[1:]:
        assert 0 <= box[0] + box[2] / 2 <= 96
        assert 0 <= box[1] + box[3] / 2 <= 72
        assert 4 <= box[2] <= 96
        assert 4 <= box[3] <= 72


def test_listing_the_plugin_builds_no_network() -> None:
    code = (
        "import sys, asymnas_trackers.vlt_scar as v; "
        "assert v.plugin.name == 'vlt_scar'; "
        "heavy = {'ray', 'nni', 'transformers', 'asymnas.nn'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_tracker_and_sessions_cross_process_borders(tiny, architecture) -> None:
    tracker, video = make(tiny), moving_square(2, frames=2)
    sessions = tracker.start([video.frame(0)], video.boxes[:1], path=architecture.genes)
    other, copies = pickle.loads(pickle.dumps((tracker, sessions)))
    np.testing.assert_array_equal(tracker.step(sessions, [video.frame(1)])[0], other.step(copies, [video.frame(1)])[0])


def test_start_without_a_path_is_refused(tiny) -> None:
    video = moving_square(0, frames=1)
    with pytest.raises(TrackerError, match="path"):
        make(tiny).start([video.frame(0)], video.boxes[:1])
