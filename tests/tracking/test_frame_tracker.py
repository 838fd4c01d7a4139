"""Trackers with `init` and `update` become trackers of AsymNAS."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from asymnas.core.errors import TrackerError, WeightsError
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import FrameTracker, Language, frame_tracker, get_tracker, load_tracker_weights, track


class Drift:
    """Moves its box by the length of the sentence."""

    def init(self, image, box, sentence=None):
        self.image, self.box, self.step = image, box, len(sentence or "")

    def update(self, image):
        self.box[0] += self.step
        return self.box, 0.5


class TestAdapter(TrackerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return frame_tracker("drift", Drift, "Moves its box.", reads_language=True)


class Speed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    step: float = 2.0


def test_the_factory_gets_the_options():
    class Moving(Drift):
        def __init__(self, options):
            self.more = options.step

        def update(self, image):
            self.box[0] += self.more
            return self.box

    plugin = frame_tracker("moving", Moving, options=Speed)
    video = moving_square(0, frames=3)
    result = track(plugin.build(plugin.options(step=3.0)), [video])[0]
    np.testing.assert_array_equal(result.boxes[:, 0] - video.boxes[0, 0], [0.0, 3.0, 6.0])
    assert result.scores.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("colour", "order"), [("rgb", slice(None, None, -1)), ("bgr", slice(None))])
def test_images_have_the_stated_colours(colour, order):
    video = moving_square(0, frames=1)
    (follower,) = FrameTracker(Drift, colour=colour).start([video.frame(0)], video.boxes[:1])
    np.testing.assert_array_equal(follower.image, video.frame(0)[..., order])


def test_each_video_gets_its_sentence():
    videos = [moving_square(seed, frames=2) for seed in range(2)]
    given = Language.of(["abc", None])
    results = track(FrameTracker(Drift, reads_language=True), videos, language=given, lockstep=1)
    assert [result.boxes[1, 0] - result.boxes[0, 0] for result in results] == [3.0, 0.0]


@pytest.mark.parametrize("answer", [None, (1, 2, 3), (True, (0, 0, 5, 5)), "box"])
def test_an_answer_that_is_no_box_is_an_error(answer):
    class Wrong(Drift):
        def update(self, image):
            return answer

    with pytest.raises(TrackerError, match=r"Wrong\.update: must return a box"):
        track(FrameTracker(Wrong), [moving_square(0, frames=2)])


def test_weights_are_for_trackers_that_have_them(tmp_path):
    static = get_tracker("static")
    with pytest.raises(TrackerError, match="no weights"):
        load_tracker_weights(static, static.build(static.options()), tmp_path / "weights.safetensors")
    scar = get_tracker("vlt_scar")
    from asymnas.space import load_space

    tracker = scar.build(scar.options(), space=load_space("tiny_no_mixer"))
    with pytest.raises(WeightsError, match="no such weight file"):
        load_tracker_weights(scar, tracker, tmp_path / "weights.safetensors")
