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


@pytest.mark.parametrize("box", [(30, 20, 12, 12), (30, 20, 1, 1)])
def test_a_box_of_one_colour_matches_nothing(box):
    """OpenCV's correlation is 1 everywhere then; the corner of the searched region is no answer."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (72, 96, 3)).astype(np.uint8) for _ in range(3)]
    frames[0][15:40, 25:50] = 7
    tracker = _built("template_matching")
    sessions = tracker.start(frames[:1], np.array([box], float))
    for frame in frames[1:]:
        boxes, scores = tracker.step(sessions, [frame])
        assert boxes.tolist() == [list(box)] and scores.tolist() == [0.0]


@pytest.mark.parametrize("corner", [(-6, 20), (30, -5), (-4, -3), (90, 66)])
def test_a_box_over_the_border_stays_where_its_pixels_are(corner):
    frame = np.random.default_rng(1).integers(0, 256, (72, 96, 3)).astype(np.uint8)
    tracker = _built("template_matching")
    box = np.array([[*corner, 12.0, 10.0]])
    boxes, scores = tracker.step(tracker.start([frame], box), [frame])
    np.testing.assert_array_equal(boxes, box)
    assert scores[0] > 0.999
