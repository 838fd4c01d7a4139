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

from asymnas.core.errors import TrackerError
from asymnas.core.seeding import rng_for
from asymnas.space import load_space
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import Language, TrainingBatch, get_tracker, track

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
    """A textured square in the middle of the template and somewhere in the search crop, on noise."""
    rng = rng_for(seed, "transt pairs")
    template, search = (rng.integers(80, 130, (count, 3, side, side)).astype(np.float32) for side in (64, 128))
    boxes = np.zeros((count, 4), dtype=np.float32)
    for i in range(count):
        patch = np.kron(rng.integers(0, 256, (3, 4, 4)), np.ones((8, 8))).astype(np.float32)
        x, y = rng.integers(16, 80, 2)
        template[i, :, 16:48, 16:48] = patch
        search[i, :, y : y + 32, x : x + 32] = patch
        boxes[i] = x, y, x + 32, y + 32
    embedding = torch.from_numpy(rng.standard_normal((count, DIM)).astype(np.float32))
    present = torch.arange(count) % 2 == 0
    return TrainingBatch(
        template=torch.from_numpy(template),
        search=torch.from_numpy(search),
        template_box=torch.tensor([[16.0, 16.0, 48.0, 48.0]]).repeat(count, 1),
        search_box=torch.from_numpy(boxes),
        positive=torch.ones(count, dtype=torch.bool),
        language=Language(embedding * present[:, None], present),
    )


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
        return load_space("tiny_no_mixer")


@pytest.mark.parametrize("attention", ["projected", "plain"])
def test_a_fixed_batch_is_learnt(tiny, architecture, attention: str) -> None:
    tracker, batch, path = make(tiny, attention=attention, dropout=0.0).train(), pairs(8), architecture.genes
    optimiser = torch.optim.AdamW(tracker.parameters(), lr=2e-3)
    totals = []
    for _ in range(40):
        total = tracker.loss(batch, path)["total"]
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        totals.append(float(total))
    assert totals[-1] < 0.6 * totals[0], totals
