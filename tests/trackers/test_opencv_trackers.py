"""OpenCV's trackers keep the contract where the build has them, and say which build has them where it has not."""

from __future__ import annotations

import ctypes
import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
from asymnas_trackers.opencv._tracker import OpenCVFollower

from asymnas.core.errors import MissingDependency
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import FrameTracker, get_tracker, track

FACTORIES = {
    "csrt": "TrackerCSRT",
    "kcf": "TrackerKCF",
    "mil": "TrackerMIL",
    "mosse": "legacy.TrackerMOSSE",
    "median_flow": "legacy.TrackerMedianFlow",
}


def _in_build(name: str) -> bool:
    module, _, factory = FACTORIES[name].rpartition(".")
    return hasattr(getattr(cv2, module, None) if module else cv2, f"{factory}_create")


@pytest.fixture(scope="class", params=FACTORIES)
def name(request) -> str:
    if not _in_build(request.param):
        pytest.skip(f"this build of OpenCV has no cv2.{FACTORIES[request.param]}")
    return request.param


def _built(name: str, **options):
    plugin = get_tracker(name)
    return plugin.build(plugin.options(**options))


class TestOpenCV(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls, name):
        return get_tracker(name)


def test_mil_is_in_every_build():
    assert _in_build("mil")


def test_a_tracker_of_another_build_says_which(monkeypatch):
    monkeypatch.delattr(cv2, "TrackerCSRT_create", raising=False)
    assert "csrt" in get_tracker("csrt").name
    with pytest.raises(MissingDependency, match="opencv-contrib-python"):
        _built("csrt")


def test_the_same_video_gives_the_same_boxes(name):
    video = moving_square(1, frames=8, size=(160, 120))
    first = track(_built(name), [video])[0].boxes
    cv2.setRNGSeed(99)
    again = track(_built(name), [moving_square(2, frames=5), video])[1].boxes
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("tracker", ["mil", "csrt", "kcf"])
def test_an_easy_target_is_followed(tracker):
    if not _in_build(tracker):
        pytest.skip(f"this build of OpenCV has no cv2.{FACTORIES[tracker]}")
    video = moving_square(2, frames=12, size=(160, 120))
    boxes = track(_built(tracker), [video])[0].boxes
    distance = np.linalg.norm(boxes[:, :2] - video.boxes[:, :2], axis=1)
    assert distance.max() < 8
    assert np.linalg.norm(video.boxes[-1, :2] - video.boxes[0, :2]) > 8


AWKWARD = [(30, 30, 2, 3), (-8, -8, 20, 20), (0, 0, 96, 72), (200, 200, 10, 10), (60, 50, 80, 60)]


@pytest.mark.parametrize("box", AWKWARD)
def test_awkward_boxes_end_in_finite_boxes(name, box, caplog):
    video = moving_square(3, frames=4)
    video = replace(video, boxes=np.repeat(np.array([box], float), 4, 0))
    with caplog.at_level(logging.WARNING, "asymnas"):
        result = track(_built(name), [video])[0]
    assert np.isfinite(result.boxes).all() and (result.boxes[:, 2:] > 0).all()
    if box == (200, 200, 10, 10):
        assert "cannot begin" in caplog.text
        np.testing.assert_array_equal(result.boxes, video.boxes)
        assert not result.scores[1:].any()


def test_small_boxes_are_enlarged_for_opencv_alone():
    video = moving_square(4, frames=3)
    small = replace(video, boxes=np.repeat(np.array([[30.0, 20.0, 2.0, 4.0]]), 3, 0))
    boxes = track(_built("mil"), [small])[0].boxes
    np.testing.assert_allclose(boxes[:, 2:], [[2, 4]] * 3, atol=0.5)


@pytest.mark.parametrize("corner", [(0.0, 0.0), (92.0, 68.0), (-3.0, 66.0)])
@pytest.mark.parametrize("size", [4.0, 12.0])
def test_a_target_at_the_border_keeps_its_box(corner, size):
    """OpenCV gets what lies in the frame; its answer is that part, not the target."""
    given = []

    class Still:
        def init(self, frame, box):
            given.append(box)

        def update(self, frame):
            return True, given[-1]

    tracker = FrameTracker(lambda: OpenCVFollower("still", Still), colour="bgr")
    video = moving_square(4, frames=3, size=(96, 72))
    box = [*corner, size, size]
    boxes = track(tracker, [replace(video, boxes=np.tile(box, (3, 1)))])[0].boxes
    np.testing.assert_allclose(boxes, [box] * 3, atol=1e-9)
    x, y, w, h = given[0]
    assert min(x, y) >= 0 and x + w <= 96 and y + h <= 72


def test_other_threads_that_draw_from_the_c_library_change_no_box():
    """Draws of others fall into the beginnings listed; the last three of them, into none."""
    video, library, begun = moving_square(seed=3, frames=4), ctypes.CDLL(None), []

    def made(disturbed):
        begun.clear()

        def create():
            begun.append(len(begun))
            if begun[-1] in disturbed:
                library.rand()
            return cv2.TrackerMIL_create()

        return FrameTracker(lambda: OpenCVFollower("mil", create), colour="bgr")

    expected = track(made(()), [video])[0].boxes
    assert len(begun) == 3
    for disturbed in [(0,), (1,), (0, 1), (0, 1, 3)]:
        np.testing.assert_array_equal(track(made(disturbed), [video])[0].boxes, expected)
        assert len(begun) == disturbed[-1] + 4
