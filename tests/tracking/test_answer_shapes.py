"""Answers of other shapes than the contract's are errors; NumPy would stretch them over the boxes."""

from __future__ import annotations

import numpy as np
import pytest
from asymnas_trackers.baselines._trackers import StaticTracker

from asymnas.core.errors import TrackerError
from asymnas.testing import moving_square
from asymnas.tracking import track


class Answering(StaticTracker):
    def __init__(self, boxes, scores):
        self.answer = boxes, scores

    def step(self, sessions, frames):
        return self.answer


@pytest.mark.parametrize(
    ("boxes", "scores"),
    [
        (np.array([1.0, 2.0, 3.0, 4.0]), np.ones(1)),  # row 0 would be the number 1.0, four times
        (np.ones((1, 4)), 1.0),
        (np.ones((1, 1)), np.ones(1)),
        (np.ones((2, 4)), np.ones(2)),
        (np.ones((0, 4)), np.ones(0)),
    ],
)
def test_a_step_of_another_shape_is_told(boxes, scores):
    with pytest.raises(TrackerError, match=r"Answering: `step` must return boxes \(1, 4\) and scores \(1,\)"):
        track(Answering(boxes, scores), [moving_square(0, frames=3)])


def test_lists_are_as_good_as_arrays():
    (result,) = track(Answering([[1, 2, 3, 4]], [0.5]), [moving_square(0, frames=3)])
    assert result.boxes[1:].tolist() == [[1, 2, 3, 4]] * 2 and result.scores.tolist() == [1, 0.5, 0.5]


def test_a_session_a_video(monkeypatch):
    monkeypatch.setattr(StaticTracker, "start", lambda *args, **more: [np.ones(4)])
    with pytest.raises(TrackerError, match="for each of 2 videos, but got 1 session"):
        track(StaticTracker(), [moving_square(0, frames=3), moving_square(1, frames=3)])
