"""What each reward of tracking costs, and how reliably it orders architectures: seconds of a core side by side.

    python benchmarks/reward.py RUN [--architectures 24] [--workers 2] [--pairs 2048] [--videos 100]

RUN is a finished search of tracking, whose supernet is measured: random architectures, all of them by every reward on
the same items, in one run. Reliability is the share of the variance between scores that is due to the architectures.
Seconds are CPU time of one thread and hold the recalibration of the statistics, which every score needs once. Items and
seconds are given for reliability 0.8, for 0.9 and for that of SUC of 20 videos, and last how many times as long SUC
takes for each of the three. Beyond the numbers measured, items are extrapolated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from asymnas.core.reliability import components, items_needed
from asymnas.job import load_job
from asymnas.search import CandidateWorker, Request, candidate_worker, drawn_architectures
from asymnas.space import Architecture

BEFORE = ("suc", 20)
"""The reward that rungs are compared with, and its items."""

Row = dict[str, tuple[list[float], float]]
"""By reward its values and CPU seconds."""

_worker: CandidateWorker | None = None


def begin(run: Path) -> None:
    """Open the run's supernet in a process."""
    global _worker
    _worker = candidate_worker(load_job(run / "job.yaml").open, str(run / "supernet.safetensors"))


def measure(genes: dict[str, str], spans: dict[str, int]) -> tuple[Row, float]:
    """Measure one architecture by every reward; return that, and the CPU seconds of recalibration."""
    assert _worker is not None
    task = _worker.task
    architecture = task.space.architecture(genes)

    def timed(reward: str, items: int) -> tuple[list[float], float]:
        request = Request.of(architecture, task.rewards[reward].split, task.scored, reward=reward, span=(0, items))
        began = time.process_time()
        return list(_worker.handle(request).items.values()), time.process_time() - began

    _, recalibration = timed("suc", 1)
    recalibration -= timed("suc", 1)[1]  # the second finds the statistics of the first
    return {reward: timed(reward, items) for reward, items in spans.items()}, recalibration


def measured(
    run: Path, architectures: list[Architecture], spans: dict[str, int], workers: int
) -> list[tuple[Row, float]]:
    """Measure architectures in processes of one thread each."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(run,)) as pool:
        futures = [pool.submit(measure, dict(item.genes), spans) for item in architectures]
        rows = []
        for future in futures:
            rows.append(future.result())
            print(f"\r{len(rows)}/{len(architectures)} architectures", end="", flush=True)
    print()
    return rows


def shown(rows: list[tuple[Row, float]], spans: dict[str, int]) -> Iterator[str]:
    """Yield the lines of the table."""
    recalibration = statistics.median(seconds for _, seconds in rows)
    cost = {name: statistics.median(row[name][1] for row, _ in rows) / items for name, items in spans.items()}
    parts = {name: components(np.array([row[name][0] for row, _ in rows])) for name in spans}
    name, count = BEFORE
    before = parts[name].reliability(count).value
    targets = (0.8, 0.9, before)

    def needed(reward: str, target: float) -> tuple[float, float]:
        items = items_needed(parts[reward], target).value if 0 < target < 1 else float("inf")
        return items, recalibration + items * cost[reward]

    yield f"{len(rows)} random architectures, {recalibration:.2f} s of one core for the statistics of each"
    yield f"before: {name} of {count} items, reliability {before:.2f}, {recalibration + count * cost[name]:.2f} s"
    heads = [f"{f'items, s for {target:.2f}':>20}" for target in targets]
    yield f"{'reward':<10} {'items':>6} {'reliability':>18} {'s':>7} {' '.join(heads)}   {name} / reward, in seconds"
    for reward, items in spans.items():
        found, ends = parts[reward].reliability(), [needed(reward, target) for target in targets]
        ratios = [needed(name, target)[1] / end[1] for target, end in zip(targets, ends, strict=True)]
        columns = " ".join(f"{number:>10.0f}, {seconds:>8.2f}" for number, seconds in ends)
        interval = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
        spent = recalibration + items * cost[reward]
        yield f"{reward:<10} {items:>6} {interval:>18} {spent:>7.2f} {columns}   " + ", ".join(
            f"{x:.1f}" for x in ratios
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost and reliability of the rewards of tracking.")
    parser.add_argument("run", type=Path)
    for name, default in (("architectures", 24), ("workers", 2), ("pairs", 2048), ("videos", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    task = load_job(given.run / "job.yaml").open()
    spans = {}
    for name, reward in task.rewards.items():
        most = given.pairs if reward.split == "pairs" else given.videos
        spans[name] = min(most, len(task.splits[reward.split].items))
    drawn = drawn_architectures(task.space, given.architectures, 0, "reward benchmark")
    for line in shown(measured(given.run, drawn, spans, given.workers), spans):
        print(line)


if __name__ == "__main__":
    main()
