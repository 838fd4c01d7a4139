"""What searches found, on items that chose nothing: winners against random architectures and random search's winners.

    python benchmarks/found.py runs/seed0 runs/seed1 ... [--items 1000] [--random 8] [--workers 2] [--json FILE]

Each run is a finished search with random search beside it. Its winner, the winner of its random search and random
architectures are measured with the run's supernet on new items, the same for all runs; differences are pooled over runs
(seeds) and items. It goes on where it was stopped: evaluations are kept in RUN/found.jsonl.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import AsymNASError
from asymnas.core.power import crossed_interval
from asymnas.core.runtime.actors import ActorPool
from asymnas.core.statistics import Interval
from asymnas.job import Job, load_job
from asymnas.nn import weights_hash
from asymnas.runs.read import read_run
from asymnas.runs.summary import RunSummary
from asymnas.search import (
    Request,
    ResultLog,
    ScoreSettings,
    candidate_worker,
    drawn_architectures,
    evaluate_logged,
    failed_evaluation,
)
from asymnas.task import Task


def opened(job: Job, items: int) -> Task:
    """Open a job's task with the new items."""
    task = job.open()
    task.fresh(task.reward, items)
    return task


def measured(folder: Path, items: int, random: int, workers: int) -> tuple[dict[str, np.ndarray], str]:
    """Return values (architectures, items) of "winner", "random search" and "random", and the reward's title."""
    run = read_run(folder)
    summary = run.summary
    if not isinstance(summary, RunSummary) or summary.search is None or summary.random_search is None:
        raise SystemExit(f"{folder}: must be a finished search with random search beside it")
    job, weights = load_job(str(folder / "job.yaml")), folder / "supernet.safetensors"
    task = opened(job, items)
    space, split = task.space, task.fresh(task.reward, items)
    task.prepare(lambda done, total: None)
    groups = {
        "winner": [space.architecture(summary.search.genes)],
        "random search": [space.architecture(summary.random_search.genes)],
        "random": drawn_architectures(space, random, job.seed, "found"),
    }
    asked = [architecture for group in groups.values() for architecture in group]
    requests = [Request.of(item, split, task.scored) for item in asked]
    settings = ScoreSettings.of(task, weights_hash(weights))
    factory = partial(candidate_worker, partial(opened, job, items), str(weights.resolve()))
    with ActorPool(factory, failed=failed_evaluation, workers=workers, threads=1) as pool:
        shown = lambda item, fresh: print(f"  {folder.name}: {item.index + 1} of {len(asked)}", flush=True)  # noqa: E731
        log = ResultLog(folder / "found.jsonl")
        found = evaluate_logged(requests, pool, log, settings=settings, stage="found", on_result=shown)
    values = np.array([list(item.items.values()) for item in found])  # (architectures, items)
    ends = np.cumsum([len(group) for group in groups.values()])[:-1]
    return dict(zip(groups, np.split(values, ends), strict=True)), task.reward.title


def text(interval: Interval) -> str:
    """Write an interval."""
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--random", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found, title = [], ""
    for folder in given.runs:
        values, title = measured(folder, given.items, given.random, given.workers)
        found.append(values)
        print(folder, {name: round(float(rows.mean()), 4) for name, rows in values.items()}, flush=True)
    stacked = {name: np.stack([values[name].mean(0) for values in found]) for name in found[0]}  # (runs, items)
    spread = np.mean([values["random"].mean(1).std(ddof=1) for values in found]) if given.random > 1 else float("nan")
    against = {name: crossed_interval(stacked["winner"] - stacked[name]) for name in ("random", "random search")}
    print(f"\n{title}, {len(found)} runs x {given.items} new items; interval of 95 % over runs and items")
    print(f"winner {stacked['winner'].mean():.4f}, deviation between random architectures {spread:.4f}")
    for name, interval in against.items():
        print(f"winner - {name}: {text(interval)}{'' if interval.clear_of_zero else '  (noise)'}")
    if given.json:
        row: dict[str, Any] = {name: [item.value, item.low, item.high] for name, item in against.items()}
        given.json.write_text(json.dumps({"runs": [str(run) for run in given.runs], "spread": spread, **row}, indent=1))


if __name__ == "__main__":
    try:
        main()
    except AsymNASError as error:
        raise SystemExit(str(error)) from error
