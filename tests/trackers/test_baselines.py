"""The trackers without a network keep the contract and do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import get_tracker, track


class TestStatic(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("static")


class TestTemplateMatching(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("template_matching")


def _built(name):
    plugin = get_tracker(name)
    return plugin.build(plugin.options())


def test_static_never_moves():
    video = moving_square(1, frames=5)
    boxes = track(_built("static"), [video])[0].boxes
    np.testing.assert_array_equal(boxes, np.repeat(video.boxes[:1], 5, 0))


def test_template_matching_finds_an_unchanged_target():
    video = moving_square(2, frames=8)
    boxes = track(_built("template_matching"), [video])[0].boxes
    np.testing.assert_allclose(boxes, video.boxes, atol=1.0)
    assert not np.allclose(video.boxes[0], video.boxes[-1], atol=3)
