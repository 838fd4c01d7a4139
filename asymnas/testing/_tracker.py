"""The tracker contract as a test class that a plugin author subclasses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asymnas.core.seeding import rng_for
from asymnas.nn import save_weights
from asymnas.space import Architecture, SearchSpace, load_space
from asymnas.tracking import (
    Language,
    OnlineTracker,
    TrackerPlugin,
    TrainableTracker,
    TrainingBatch,
    load_tracker_weights,
    track,
)
from asymnas.tracking.data import Video

LANGUAGE_DIM = 12


class _Frames:
    """A textured square on a noisy background, drawn on demand."""

    def __init__(self, boxes: np.ndarray, seed: int, size: tuple[int, int]) -> None:
        rng = rng_for(seed, "moving square")
        self._boxes = boxes
        self._background = rng.integers(60, 120, (size[1], size[0], 3)).astype(np.uint8)
        self._target = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, index: int) -> np.ndarray:
        frame = self._background.copy()
        x, y, w, h = self._boxes[index].astype(int)
        frame[y : y + h, x : x + w] = self._target[:h, :w]
        return frame


def moving_square(seed: int = 0, frames: int = 6, size: tuple[int, int] = (96, 72)) -> Video:
    """Return a video of a textured square that drifts over a noisy background; `size` is (width, height) in pixels."""
    rng = rng_for(seed, "moving square path")
    side = int(rng.integers(12, 22))
    start = rng.integers(2, 20, 2)
    steps = rng.integers(0, 3, (frames, 2)).cumsum(0)
    corner = np.minimum(start + steps, np.array(size) - side)
    boxes = np.column_stack([corner, np.full((frames, 2), side)]).astype(float)
    return Video(
        name=f"square-{seed}",
        dataset="contract",
        frames=_Frames(boxes, seed, size),
        boxes=boxes,
        absent=np.zeros(frames, bool),
        sentence="noisy square drifting to the lower right",
    )


class TrackerContract:
    """What every tracker plugin must keep: subclass it and override the fixture `plugin`, maybe `options` and `space`.

    Example:
        class TestMine(TrackerContract):
            @pytest.fixture(scope="class")
            @classmethod
            def plugin(cls):
                return get_tracker("mine")
    """

    lockstep_tolerance = 1e-2
    """Largest difference in pixels between boxes tracked one video at a time and in one batch."""

    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls) -> TrackerPlugin:
        """The plugin under test."""
        raise pytest.UsageError("A subclass of TrackerContract must override the fixture `plugin`.")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls) -> dict[str, Any]:
        """Options of the plugin; small ones make the tests quick."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def space(cls) -> SearchSpace:
        """The search space of a searchable tracker."""
        return load_space("tiny_asymmetric")

    @pytest.fixture(scope="class")
    @classmethod
    def tracker(cls, plugin: TrackerPlugin, options: dict[str, Any], space: SearchSpace) -> OnlineTracker:
        """The tracker, built once a class."""
        return cls.build(plugin, options, space)

    @staticmethod
    def build(plugin: TrackerPlugin, options: dict[str, Any], space: SearchSpace, seed: int = 0) -> Any:
        """Build the tracker of `plugin`."""
        more = {"space": space} if plugin.searchable else {}
        return plugin.build(plugin.options(**options), language_dim=LANGUAGE_DIM, seed=seed, **more)

    @pytest.fixture(scope="class")
    @classmethod
    def architecture(cls, tracker: OnlineTracker, space: SearchSpace) -> Architecture:
        """Some architecture of the tracker's space."""
        return getattr(tracker, "space", space).sample(rng_for(0, "contract"))

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, plugin: TrackerPlugin, architecture: Architecture) -> dict[str, str] | None:
        """The path to track with; None for a tracker without a search space."""
        return architecture.genes if plugin.searchable else None

    @pytest.fixture
    @staticmethod
    def trainable(tracker: OnlineTracker) -> TrainableTracker:
        """The tracker, if it can be trained."""
        if not isinstance(tracker, TrainableTracker):
            pytest.skip("this tracker is not trained")
        return tracker

    @staticmethod
    def language(count: int, seed: int = 0) -> Language:
        """Made-up sentences; every second sample has none."""
        embedding = torch.from_numpy(rng_for(seed, "contract language").standard_normal((count, LANGUAGE_DIM))).float()
        present = torch.arange(count) % 2 == 0
        texts = tuple(f"sentence {index}" if index % 2 == 0 else None for index in range(count))
        return Language(embedding * present[:, None], present, texts)

    def batch(self, tracker: TrainableTracker, count: int = 4, positive: bool = True) -> TrainingBatch:
        """Made-up pairs in the tracker's geometry."""
        rng = rng_for(1, "contract pairs")
        sides = {"template": tracker.geometry.template_size, "search": tracker.geometry.search_size}
        images = {
            key: torch.from_numpy(rng.integers(0, 256, (count, 3, side, side))).float() for key, side in sides.items()
        }
        boxes = {
            key: torch.tensor([[0.4, 0.4, 0.6, 0.6]]).float().repeat(count, 1) * side for key, side in sides.items()
        }
        return TrainingBatch(
            template=images["template"],
            search=images["search"],
            template_box=boxes["template"],
            search_box=boxes["search"],
            positive=torch.full((count,), positive),
            language=self.language(count),
        )

    def test_unknown_options_are_refused(self, plugin: TrackerPlugin) -> None:
        advice = f"{plugin.options.__name__} needs `model_config = ConfigDict(extra='forbid')`"
        assert plugin.options.model_config.get("extra") == "forbid", advice
        with pytest.raises(ValidationError):
            plugin.options(no_such_option_of_any_tracker=1)

    def test_plugin_describes_itself(self, plugin, options, space, tracker) -> None:
        assert plugin.name
        assert plugin.summary
        assert isinstance(tracker, TrainableTracker) == plugin.trainable == (plugin.geometry is not None)
        assert plugin.trainable or not plugin.searchable
        assert plugin.has_weights or not plugin.trainable
        assert (plugin.convert is not None) == bool(plugin.published)
        assert isinstance(tracker, torch.nn.Module) or not plugin.has_weights
        if isinstance(tracker, TrainableTracker):
            assert plugin.geometry(plugin.options(**options), space if plugin.searchable else None) == tracker.geometry
            assert plugin.searchable or tracker.space.size == 1

    def test_sentences_are_read_if_the_plugin_says_so(self, plugin, tracker, path) -> None:
        video = moving_square(7, frames=3)
        without, given = (
            track(tracker, [video], path=path, language=language)[0] for language in (None, self.language(1))
        )
        equal = np.array_equal(without.boxes, given.boxes) and np.array_equal(without.scores, given.scores)
        assert equal != plugin.reads_language

    def test_boxes_are_finite_and_start_with_the_given_one(self, tracker, path) -> None:
        videos = [moving_square(seed, frames=5) for seed in range(2)]
        for video, result in zip(videos, track(tracker, videos, path=path, language=self.language(2)), strict=True):
            assert result.boxes.shape == (5, 4)
            assert np.isfinite(result.boxes).all()
            assert (result.boxes[:, 2:] > 0).all()
            assert ((result.scores >= 0) & (result.scores <= 1)).all()
            np.testing.assert_array_equal(result.boxes[0], video.boxes[0])

    def test_lockstep_gives_the_boxes_of_one_at_a_time(self, tracker, path) -> None:
        videos = [moving_square(seed, frames=3 + seed) for seed in range(3)]
        language = self.language(3)
        together = track(tracker, videos, path=path, language=language, lockstep=3)
        apart = track(tracker, videos, path=path, language=language, lockstep=1)
        for a, b in zip(together, apart, strict=True):
            np.testing.assert_allclose(a.boxes, b.boxes, atol=self.lockstep_tolerance)

    def test_sessions_share_nothing(self, tracker, path) -> None:
        first, second = moving_square(3), moving_square(4)
        alone = track(tracker, [first], path=path)[0].boxes
        a = tracker.start([first.frame(0)], first.boxes[:1], path=path)
        found = []
        for index in range(1, len(first)):
            b = tracker.start([second.frame(0)], second.boxes[:1], path=path)
            tracker.step(b, [second.frame(index)])
            found.append(tracker.step(a, [first.frame(index)])[0][0])
        np.testing.assert_allclose(np.stack(found), alone[1:], atol=self.lockstep_tolerance)

    def test_frames_and_boxes_are_left_as_they_are(self, tracker, path) -> None:
        video = moving_square(6, frames=3)
        frames, boxes = [video.frame(index) for index in range(3)], video.boxes[:1].copy()
        sessions = tracker.start([frames[0]], boxes, path=path)
        for frame in frames[1:]:
            tracker.step(sessions, [frame])
        np.testing.assert_array_equal(boxes, video.boxes[:1])
        for index, frame in enumerate(frames):
            np.testing.assert_array_equal(frame, video.frame(index))

    def test_tracking_leaves_no_trace_in_the_tracker(self, plugin, tracker, path) -> None:
        if not plugin.has_weights:
            pytest.skip("this tracker has no weights")
        before = {name: value.clone() for name, value in tracker.state_dict().items()}
        track(tracker, [moving_square(5)], path=path)
        assert all(torch.equal(before[name], value) for name, value in tracker.state_dict().items())

    def test_weights_come_back_from_a_file(self, plugin, options, space, tracker, path, tmp_path) -> None:
        if not plugin.has_weights:
            pytest.skip("this tracker has no weights")
        other = self.build(plugin, options, space, seed=1)
        save_weights(tmp_path / "weights.safetensors", tracker)
        load_tracker_weights(plugin, other, tmp_path / "weights.safetensors")
        first, second = (track(item, [moving_square(8)], path=path)[0] for item in (tracker, other))
        np.testing.assert_array_equal(first.boxes, second.boxes)

    def test_initial_weights_depend_on_the_seed_alone(self, plugin, options, space, trainable) -> None:
        again, other = (self.build(plugin, options, space, seed=seed).state_dict() for seed in (0, 1))
        assert all(torch.equal(value, again[name]) for name, value in trainable.state_dict().items())
        assert any(not torch.equal(value, other[name]) for name, value in trainable.state_dict().items())

    def test_loss_reaches_exactly_the_active_parameters(self, plugin, options, space, trainable, architecture) -> None:
        tracker = self.build(plugin, options, space).train()
        assert tracker(self.batch(tracker), architecture.genes) is not None
        for positive in (True, False):
            losses = tracker.loss(self.batch(tracker, positive=positive), architecture.genes)
            assert "total" in losses
            assert all(torch.isfinite(value) and value.ndim == 0 for value in losses.values())
        tracker.loss(self.batch(tracker), architecture.genes)["total"].backward()
        reached = {name for name, value in tracker.named_parameters() if value.grad is not None}
        assert reached == set(tracker.active_parameters(architecture.genes))

    def test_another_path_is_another_network(self, trainable, architecture) -> None:
        other = next(iter(trainable.space.neighbours(architecture)), None)
        if other is None:
            pytest.skip("the space has one architecture")
        batch = self.batch(trainable)
        trainable.train()
        losses = []
        for arch in (architecture, architecture, other):
            torch.manual_seed(0)  # of dropout
            with torch.no_grad():
                losses.append(trainable.loss(batch, arch.genes)["total"])
        trainable.eval()
        assert losses[0] == losses[1] != losses[2]

    def test_pairs_are_scored_as_the_plugin_says(self, plugin, trainable, architecture) -> None:
        if "pair_loss" not in plugin.rewards:
            pytest.skip("pairs have no loss of their own")
        path = architecture.genes
        batch = self.batch(trainable, count=4)
        batch.positive[3] = False
        with torch.inference_mode():
            found = trainable.pair_losses(batch, path)
            assert "total" in found and all(value.shape == (4,) for value in found.values())
            assert all(torch.isfinite(value).all() and (value >= 0).all() for value in found.values())
            for row in range(4):
                alone = trainable.loss(_row(batch, row), path)
                assert alone.keys() == found.keys()
                for name, value in alone.items():
                    assert float(found[name][row]) == pytest.approx(float(value), rel=1e-3, abs=1e-4)

    def test_boxes_of_pairs_are_found_one_by_one(self, plugin, trainable, architecture) -> None:
        if "pair_iou" not in plugin.rewards:
            pytest.skip("pairs have no boxes")
        batch = self.batch(trainable, count=4)
        found = trainable.pair_boxes(batch, architecture.genes)
        assert found.shape == (4, 4) and np.isfinite(found).all() and (found[:, 2:] > found[:, :2]).all()
        alone = [trainable.pair_boxes(_row(batch, row), architecture.genes)[0] for row in range(4)]
        np.testing.assert_allclose(found, np.stack(alone), atol=self.lockstep_tolerance)

    def test_a_placed_session_looks_there(self, plugin, tracker, path) -> None:
        if "open_loop" not in plugin.rewards:
            pytest.skip("sessions are not placed")
        video = moving_square(9, frames=3)
        found = []
        for boxes in (None, video.boxes[1:2], video.boxes[1:2] + np.array([12.0, 9.0, 0.0, 0.0])):
            sessions = tracker.start([video.frame(0)], video.boxes[:1], path=path)
            tracker.step(sessions, [video.frame(1)])
            if boxes is not None:
                given = boxes.copy()
                tracker.place(sessions, given)
            found.append(tracker.step(sessions, [video.frame(2)])[0])
        np.testing.assert_array_equal(given, boxes)  # it is left as it is
        assert (found[1] != found[2]).any()


def _row(batch: TrainingBatch, row: int) -> TrainingBatch:
    """One pair of a batch."""
    one = slice(row, row + 1)
    names = ("template", "search", "template_box", "search_box", "positive")
    return TrainingBatch(**{name: getattr(batch, name)[one] for name in names}, language=batch.language[[row]])
