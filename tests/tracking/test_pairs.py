"""Rewards on held-out pairs, open loop, and fresh items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from asymnas.core.errors import DataError, EvaluationError
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.search import Request, ScoreSettings
from asymnas.testing import TaskContract
from asymnas.tracking import get_tracker
from asymnas.tracking.boxes import iou, xyxy_to_xywh
from asymnas.tracking.task.batches import DrawnPairs
from asymnas.tracking.task.rewards import rewards_of


@pytest.fixture(scope="module")
def job(small, inprocess):
    return load_job("vlt_scar", [*inprocess, *small])


@pytest.fixture(scope="module")
def task(job):
    return TaskContract.opened(job)


@pytest.fixture(scope="module")
def worker(task):
    return TaskContract.scoring(task)


@pytest.fixture(scope="module")
def architecture(task):
    return task.space.sample(rng_for(0, "pairs test"))


def batch_of(task, items):
    return DrawnPairs(task.pairs("pairs").batch(items), task.sentences).to("cpu")


def test_pairs_take_turns_over_the_validation_videos_and_depend_on_no_seed(task, small, inprocess):
    split = task.splits["pairs"]
    videos = [video.key for video in task.videos("validation")]
    assert [item.rpartition("#")[0] for item in split.items[:10]] == videos * 2
    assert len(split.items) == 24
    other = TaskContract.opened(load_job("vlt_scar", [*inprocess, *small, "seed=3", "evaluation.pairs.items=40"]))
    assert other.splits["pairs"].items[:24] == split.items
    one, two = (each.pairs("pairs").batch(split.items[5:9]) for each in (task, other))
    assert (one.search == two.search).all() and (one.search_box == two.search_box).all()
    assert other.splits["pairs"].fingerprint != split.fingerprint


def test_a_pair_is_the_same_whoever_is_asked_for_with_it(task):
    items = task.splits["pairs"].items
    again = TaskContract.opened(task.job).pairs("pairs")
    alone = again.batch([items[7]])
    together = task.pairs("pairs").batch(items[3:12])
    assert (alone.search[0] == together.search[4]).all() and (alone.template_box[0] == together.template_box[4]).all()
    assert alone.videos[0] == together.videos[4] and together.positive.all()
    assert not (together.search[0] == together.search[5]).all()  # another pair of the same video


def test_rewards_of_pairs_are_loss_and_overlap(task, worker, architecture):
    items = task.splits["pairs"].nested[:6]
    batch = batch_of(task, items)
    model, path = worker.model, architecture.genes
    found = {}
    for name in ("pair_loss", "pair_iou"):
        request = Request.of(architecture, "pairs", ("with",), reward=name, span=(0, 6))
        found[name] = np.array(list(worker.handle(request).items.values()))
        assert len(set(found[name])) == 6 or name == "pair_iou"
    given = {"reward": task.rewards["pair_loss"], "condition": "with", "items": items}
    with torch.inference_mode():
        direct = list(task.measure(model, path, "pairs", **given).values.values())
        losses = [float(model.loss(batch_of(task, [item]), path)["total"]) for item in items]
        assert direct == pytest.approx([-loss for loss in losses], rel=1e-4)
        boxes = model.pair_boxes(batch, path)
        overlap = task.measure(model, path, "pairs", **given | {"reward": task.rewards["pair_iou"]}).values
    true = batch.search_box.numpy()
    assert list(overlap.values()) == pytest.approx(iou(xyxy_to_xywh(boxes), xyxy_to_xywh(true)), abs=1e-3)


def test_sentences_reach_the_pairs(worker, architecture):
    request = Request.of(architecture, "pairs", ("with", "without"), reward="pair_loss", span=(0, 4))
    found = worker.handle(request)
    assert found.by_condition["with"] != found.by_condition["without"]


def test_open_loop_starts_each_frame_at_the_true_box(task, worker, architecture, monkeypatch):
    placed = []
    original = worker.model.place
    monkeypatch.setattr(worker.model, "place", lambda s, boxes: (placed.append(boxes.copy()), original(s, boxes)))
    found = worker.handle(Request.of(architecture, "validation", ("with",), reward="open_loop", span=(0, 2)))
    videos = {video.key: video for video in task.videos("validation")}
    for row, item in enumerate(found.items):
        video = videos[item]
        for frame, boxes in enumerate(placed):
            if not video.absent[: frame + 1].any():
                np.testing.assert_array_equal(boxes[row], video.boxes[frame])


def test_items_and_reward_must_fit(task, worker, architecture):
    for split, reward in (("validation", "pair_loss"), ("pairs", "suc")):
        with pytest.raises(EvaluationError, match="must have items of the reward"):
            worker.handle(Request.of(architecture, split, ("with",), reward=reward))
    with pytest.raises(EvaluationError, match="can be scored by suc alone"):
        task.measure_baseline("static", "validation", reward=task.rewards["open_loop"])


def test_fresh_items_are_new_and_the_same_in_every_process(job, task, worker, architecture):
    used = {video.key for name in ("validation", "test") for video in task.videos(name)}
    name = task.fresh(task.rewards["suc"], 7)
    assert name == "fresh-suc-7" and len(task.splits[name].items) == 7
    assert used.isdisjoint(task.splits[name].items)
    other = TaskContract.opened(job)
    assert name not in other.splits and other.fresh(task.rewards["suc"], 7) == name
    assert other.splits[name] == task.splits[name]
    assert ScoreSettings.of(task, "w").key(Request.of(architecture, name, ("with",)))
    worker.task.fresh(task.rewards["suc"], 7)
    found = worker.handle(Request.of(architecture, name, ("with",), span=(0, 2)))
    assert len(found.items) == 2
    pairs = worker.task.fresh(task.rewards["pair_loss"], 10)
    found = worker.handle(Request.of(architecture, pairs, ("with",), reward="pair_loss"))
    assert len(found.items) == 10
    assert used.isdisjoint(item.rpartition("#")[0] for item in found.items)


def test_what_is_left_of_a_set_of_fixed_size_is_told(small, inprocess):
    source = "data.test.sources=[{dataset: synthetic, split: test, videos: 4, frames: 6, include: ['*-0000?']}]"
    task = TaskContract.opened(load_job("vlt_scar", [*inprocess, *small, source]))
    left = task.splits[task.fresh(task.rewards["suc"], 6)].items
    assert len(left) == 6 and set(left).isdisjoint(task.splits["test"].items)
    with pytest.raises(DataError, match="6 are left"):
        task.fresh(task.rewards["suc"], 7)


def test_a_generated_set_makes_as_many_videos_as_a_job_asks_for(job, small, inprocess):
    source = "data.validation.sources=[{dataset: synthetic, split: val, videos: 70, frames: 6}]"
    larger = load_job("vlt_scar", [*inprocess, *small, source]).open()
    videos = larger.videos("validation")
    assert len({video.key for video in videos}) == 70
    few = {video.key: video for video in job.open().videos("validation")}
    assert len(few) == 5
    assert all((few[video.key].boxes == video.boxes).all() for video in videos if video.key in few)
    assert len(larger.splits["pairs"].parts) == 24


def test_rewards_are_those_that_the_plugin_names(job):
    plugin = get_tracker("vlt_scar")
    assert list(rewards_of(plugin, "lasot")) == ["suc", "pair_loss", "pair_iou", "open_loop"]
    bare = job.open()
    bare.rewards = rewards_of(replace(plugin, rewards=()), "lasot")
    assert list(bare.rewards) == ["suc"]
    assert list(bare.splits) == ["validation", "test"]
