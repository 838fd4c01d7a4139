"""Ratios of the embedded job's parts, measured side by side in one process with one thread.

    python benchmarks/embedded.py

Prints pairs generated per pair trained, and frames tracked in lockstep per frame tracked one video at a time. Ratios
hold where seconds do not: machines differ and are shared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.tracking import track
from asymnas.training import paths_for_step

ROUNDS = 5
STEPS = 12


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def median(values: list[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    job = load_job("vlt_scar")
    task: Any = job.open()
    space, source = task.space, task.batches("training")
    model = task.model().train()
    for step in range(60):  # frames and videos get into their caches, as in a long training
        source.batch(step)
    batches = [source.batch(1000 + step) for step in range(STEPS)]
    for batch in batches:
        batch.to("cpu")  # embeds the sentences

    def train() -> None:
        for step, batch in enumerate(batches):
            genes = paths_for_step(space, 0, step, "uniform")[0].genes
            model.loss(batch.to("cpu"), genes)["total"].backward()
            model.zero_grad(set_to_none=True)

    def draw() -> None:
        for step in range(STEPS):
            source.batch(2000 + step)

    videos = task.videos("validation")[:8]
    genes = space.sample(rng_for(0, "benchmark")).genes
    model.eval()
    with torch.inference_mode():
        track(model, videos, path=genes, lockstep=8)
    rows: dict[str, list[float]] = {"pairs": [], "lockstep": []}
    for _ in range(ROUNDS):
        model.train()
        rows["pairs"].append(seconds(train) / seconds(draw))
        model.eval()
        with torch.inference_mode():
            apart = seconds(lambda: track(model, videos, path=genes, lockstep=1))
            together = seconds(lambda: track(model, videos, path=genes, lockstep=8))
        rows["lockstep"].append(apart / together)
    count = STEPS * job.training.batch_size
    print(f"pairs generated per pair trained, medians of {ROUNDS} rounds of {count}: {median(rows['pairs']):.2f}")
    print(f"frames tracked 8 videos at a time per frame tracked one at a time:   {median(rows['lockstep']):.2f}")


if __name__ == "__main__":
    main()
