"""Tracking as a task of the search: the contract, and what its measurements say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asymnas.core.errors import EvaluationError, LanguageError
from asymnas.core.runtime.pool import InProcessPool
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.search import Request, failed_evaluation
from asymnas.testing import TaskContract
from asymnas.tracking import get_tracker, track
from asymnas.tracking.metrics import suc


class TestTracking(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def job(cls, small, inprocess):
        return load_job("vlt_scar", [*inprocess, *small, "training.shards=2", "evaluation.language=both"])


@pytest.fixture(scope="module")
def task(small, inprocess):
    return TaskContract.opened(load_job("vlt_scar", [*inprocess, *small]))


@pytest.fixture(scope="module")
def worker(task):
    return TaskContract.scoring(task)


@pytest.fixture(scope="module")
def architecture(task):
    return task.space.sample(rng_for(0, "worker test"))


def test_scores_are_those_of_the_boxes_under_each_condition(task, worker, architecture):
    found = worker.handle(Request.of(architecture, "validation", ("with", "without"), keep=True))
    videos = task.videos("validation")
    for condition, tracks in found.kept.items():
        scores = [suc(item.boxes, video.boxes, video.absent) for item, video in zip(tracks, videos, strict=True)]
        assert found.by_condition[condition] == pytest.approx(np.mean(scores))
    assert found.value == pytest.approx(np.mean(list(found.by_condition.values())))
    assert any((a.boxes != b.boxes).any() for a, b in zip(*found.kept.values(), strict=True))  # sentences are read
    assert found.facts == {"protocol": "lasot", "frames": 30}


def test_a_baseline_needs_neither_path_nor_sentences(task, worker):
    found = worker.handle(Request(baseline="static", split="validation", keep=True))
    plugin = get_tracker("static")
    tracks = track(plugin.build(plugin.options()), task.videos("validation"))
    assert [item.boxes.tolist() for item in found.kept[""]] == [item.boxes.tolist() for item in tracks]


def test_a_baseline_with_weights_is_refused(task):
    with pytest.raises(EvaluationError, match="none are given for a baseline"):
        task.measure_baseline("vlt_scar", "validation", reward=task.reward)


def test_boxes_that_are_not_finite_name_video_and_frame(task, worker, architecture, monkeypatch):
    original = worker.model.step

    def step(sessions, frames):
        boxes, scores = original(sessions, frames)
        boxes[-1, 2] = np.inf
        return boxes, scores

    monkeypatch.setattr(worker.model, "step", step)
    with InProcessPool(lambda: worker, failed=failed_evaluation) as pool:
        (found,) = pool.map([Request.of(architecture, "validation", ("with",))])
    assert not found.ok and "with sentences: all boxes must be finite, but 5 are not" in found.error
    assert "(frame 1)" in found.error


def test_a_dry_run_makes_up_what_is_missing(small, inprocess, tmp_path):
    sources = [f"data.{name}.sources=[{{dataset: lasot, split: test}}]" for name in ("validation", "train")]
    job = load_job("vlt_scar", [*inprocess, *small, "~data.test", *sources, f"data.root={tmp_path}"])
    task, made_up = job.open().rehearsal()
    assert len(made_up) == 2 and "made-up pairs" in made_up[0] and "made-up a video" in made_up[1]
    model, path = task.model(), task.space.sample(rng_for(0, "x")).genes
    batch = task.batches("training").batch(0, 0, 2)
    assert len(batch) == 4
    assert torch.isfinite(model.loss(batch.to("cpu"), path)["total"])
    with torch.inference_mode():
        items = task.splits["validation"].items
        found = task.measure(model.eval(), path, "validation", reward=task.reward, condition="with", items=items)
    assert list(found.values) == list(items)


def test_an_encoder_of_unknown_size_cannot_be_made_up(small, inprocess):
    job = load_job("vlt_scar", [*inprocess, *small, "language.encoder=nobody/knows-it"])
    with pytest.raises(LanguageError, match="size is unknown"):
        job.open().rehearsal()
