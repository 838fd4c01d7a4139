"""A short training of the RPN head on generated video beats template matching."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_rpnpp import plugin

from asymnas.core.seeding import rng_for
from asymnas.nn import recalibrated
from asymnas.space import load_space
from asymnas.tracking import get_tracker, track
from asymnas.tracking.boxes import iou
from asymnas.tracking.data import load_dataset
from asymnas.tracking.data.pairs.sampler import PairSampler, PairSource
from asymnas.tracking.siamese.rpn.options import RPNOptions
from asymnas.tracking.task.batches import TrackingBatches

STEPS, BATCH = 200, 16


def mean_iou(tracker, videos, **keywords) -> float:
    """Over the frames that show the target, the first left out."""
    results = track(tracker, videos, **keywords)
    seen = [~video.absent[1:] for video in videos]
    overlaps = [iou(r.boxes[1:], v.boxes[1:])[s] for r, v, s in zip(results, videos, seen, strict=True)]
    return float(np.concatenate(overlaps).mean())


@pytest.mark.slow
def test_a_short_training_beats_template_matching() -> None:
    space = load_space("tiny_no_mixer")
    path = space.sample(rng_for(0, "rpn learns")).genes
    options = RPNOptions(channels=32, window=0.2, min_side=4.0)
    tracker = plugin.build(options, space=space)
    train = load_dataset("synthetic", "train", videos=200, frames=24, part="standard")
    sampler = PairSampler(
        [PairSource(train, frame_range=12)], tracker.geometry, seed=0, negatives=0.05, batch_size=BATCH
    )
    batches = TrackingBatches(sampler, lambda: None)
    optimiser = torch.optim.AdamW(tracker.parameters(), lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=STEPS, pct_start=0.1)
    tracker.train()
    for step in range(STEPS):
        losses = tracker.loss(batches.batch(step).to("cpu"), path)
        optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(tracker.parameters(), 10.0)
        optimiser.step()
        schedule.step()
    videos = load_dataset("synthetic", "test", videos=24, frames=24, part="standard").videos
    fixed = [batches.batch(STEPS + index).to("cpu") for index in range(4)]
    with recalibrated(tracker, lambda batch: tracker(batch, path), fixed):
        found = mean_iou(tracker.eval(), videos, path=path, lockstep=24)
    matching = get_tracker("template_matching")
    other = mean_iou(matching.build(matching.options()), videos)
    assert found > other + 0.05
