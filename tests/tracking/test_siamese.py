"""The base of Siamese trackers serves one without correlation, whose space has one architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from asymnas.core.seeding import rng_for
from asymnas.space import load_space
from asymnas.testing import TrackerContract
from asymnas.tracking import TrackerPlugin
from asymnas.tracking.siamese.decode import Decoded, finite_maps
from asymnas.tracking.siamese.grid import grid_for
from asymnas.tracking.siamese.options import SiameseOptions
from asymnas.tracking.siamese.tracker import SiameseTracker


def one_architecture():
    tiny = load_space("tiny_no_mixer")
    return load_space({"extends": "tiny_no_mixer", "name": "one", "fix": dict(tiny.sample(rng_for(0, "one")).genes)})


class AttentionHead(nn.Module):
    """Each search cell attends to all template cells; one box (cx, cy, w, h in 0..1) and one score a cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.answers = nn.Linear(2 * channels, 5)

    def reset_parameters(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.answers.weight, std=0.1, generator=generator)
        nn.init.zeros_(self.answers.bias)

    def forward(self, template, search):
        keys, queries = (sum(maps).flatten(2).transpose(1, 2) for maps in (template, search))
        read = F.scaled_dot_product_attention(queries, keys, keys)
        return self.answers(torch.cat([queries, read], dim=2)).sigmoid()


class AttentionTracker(SiameseTracker):
    name = "attention"

    def build_grid(self):
        return grid_for(self.space, self.options, correlated=False)

    def build_head(self):
        return AttentionHead(self.options.channels)

    def loss(self, batch, path):
        answers = self(batch, path)
        label = batch.positive.float()[:, None].expand(answers.shape[:2])
        boxes = batch.search_box / self.geometry.search_size
        target = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1)[:, None]
        parts = {
            "cls": F.binary_cross_entropy(answers[..., 0], label),
            "box": ((answers[..., 1:] - target).abs() * label[..., None]).mean(),
        }
        return {"total": parts["cls"] + parts["box"], **parts}

    def decode(self, answers, previous):
        answers = finite_maps(answers.cpu().numpy().astype(float), self.name)
        best = answers[..., 0].argmax(axis=1)
        found = answers[np.arange(len(best)), best]
        box = found[:, 1:] * self.geometry.search_size
        return Decoded(box[:, :2], box[:, 2:], np.ones(len(best)), found[:, 0])


SMALL = {"channels": 16, "min_side": 4.0}


class TestWithoutCorrelation(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        def build(options, *, space=None, language_dim=0, seed=0):
            return AttentionTracker(space or one_architecture(), options, language_dim=language_dim, seed=seed).eval()

        def geometry(options, space):
            return grid_for(space or one_architecture(), options, correlated=False).crops

        return TrackerPlugin(
            "attention", "Attends.", build, SiameseOptions, trainable=True, has_weights=True, geometry=geometry
        )

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL


def test_the_grid_without_correlation_is_the_search_map():
    space, options = load_space("vlt_asymmetric"), SiameseOptions()
    with_it, without = (grid_for(space, options, correlated=value) for value in (True, False))
    assert (with_it.kernel, with_it.size, without.kernel, without.size) == (8, 25, 16, 32)
    assert without.axis()[[0, -1]].tolist() == [4.0, 252.0]
