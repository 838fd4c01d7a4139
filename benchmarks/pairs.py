"""Ratios of drawing training pairs from files: threads against one, cached against decoded, epochs against weights.

    python benchmarks/pairs.py [--threads 4]

Writes a small set of JPEG videos to a temporary folder. Ratios of wall time hold only where nothing else uses the
cores; the ratio of CPU time says what threads cost. The pairs are checked to be the same.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.data import Dataset, FolderFrames, Video
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.mixture import PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler

VIDEOS, FRAMES, SIZE = 24, 12, (640, 360)
STEPS, BATCH, ROUNDS = 4, 32, 3


def make_videos(folder: Path) -> Dataset:
    """Write videos of smoothed noise."""
    videos = []
    for number in range(VIDEOS):
        rng = rng_for(number, "benchmark video")
        place = folder / f"{number:03d}"
        place.mkdir()
        coarse = rng.integers(0, 256, (SIZE[1] // 8, SIZE[0] // 8, 3)).astype(np.uint8)
        image = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        names = [f"{frame:04d}.jpg" for frame in range(FRAMES)]
        for frame, name in enumerate(names):
            cv2.imwrite(str(place / name), np.roll(image, 5 * frame, axis=1))
        boxes = np.tile(np.array([200.0, 120, 80, 60]), (FRAMES, 1))
        video = Video(place.name, "noise", FolderFrames(place, names, place.name), boxes, np.zeros(FRAMES, bool))
        videos.append(video)
    return Dataset("noise", "train", tuple(videos), "")


def measure(sampler: PairSampler) -> tuple[float, float, PairBatch]:
    """Return wall and CPU seconds of the fastest round, and the last batch."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        for step in range(STEPS):
            batch = sampler.batch(step)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus), batch


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=max(2, min(8, os.cpu_count() or 2)))
    threads = parser.parse_args(arguments).threads
    cv2.setNumThreads(1)  # else one call would use all cores, and hide what threads give
    with tempfile.TemporaryDirectory() as folder:
        source = PairSource(make_videos(Path(folder)))

        def run(cache: float = 0, count: int = 1, **more: int) -> tuple[float, float, PairBatch]:
            options: dict[str, Any] = {"seed": 0, "batch_size": BATCH, "cache_mib": cache, "threads": count, **more}
            return measure(PairSampler([source], CropGeometry(), **options))

        one, many = run(), run(count=threads)
        kept = run(cache=2048)
        epochs = run(pairs_per_epoch=VIDEOS * 8)
    assert all(np.array_equal(getattr(one[2], name), getattr(many[2], name)) for name in ("template", "search"))
    pairs = STEPS * BATCH
    print(f"{pairs / one[0]:8.0f} pairs/s decoded by one thread ({os.cpu_count()} cores)")
    print(f"{one[0] / many[0]:8.2f} times as many by {threads} threads, for {many[1] / one[1]:.2f} times the CPU time")
    print(f"{one[0] / kept[0]:8.2f} times as many from the cache of frames")
    print(f"{epochs[1] / one[1]:8.2f} times the CPU time with epochs in place of weights")


if __name__ == "__main__":
    main()
