"""Frames scored a second: asymnas against the got10k package and against a loop over thresholds, on the same boxes.

    python benchmarks/metrics.py [--videos 180 --trackers 16 --threads 4]
    python benchmarks/metrics.py --results FOLDER [--results FOLDER ...] --dataset lasot [--annotations PATH]

Without --results it makes videos and trackers itself. Everything is in memory when the clock starts: got10k's side is
its own functions, called as its reports call them, without its plots; asymnas's side is all of `score_many`, with the
perfect tracker, notes and every video's scores. The rounds of both sides alternate, and the scores must agree. With
one thread CPU time is measured, so that a busy machine disturbs little; with more, wall time, which wants idle cores.
The got10k package is needed: pip install 'asymnas[got10k]'.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from got10k.experiments import ExperimentGOT10k, ExperimentOTB
from got10k.utils.metrics import center_error, rect_iou

from asymnas.core.seeding import rng_for
from asymnas.tracking.metrics import Clip, Scores, score_many

Trackers = Mapping[str, Mapping[str, np.ndarray]]


def make(videos: int, trackers: int) -> tuple[list[Clip], dict[str, dict[str, np.ndarray]]]:
    """Return videos of 500 to 1500 frames with whole-pixel boxes, and trackers that drift and sometimes lose them."""
    rng = rng_for(0, "metrics benchmark")
    clips = []
    for number in range(videos):
        frames = int(rng.integers(500, 1500))
        walk = 300 + np.cumsum(rng.normal(0, 2, (frames, 2)), axis=0)
        boxes = np.rint(np.concatenate([np.clip(walk, 1, 600), rng.uniform(30, 100, (frames, 2))], axis=1))
        cover = np.where(rng.random(frames) < 0.03, 0, 8)
        clips.append(Clip(f"video{number:04d}", boxes, cover == 0, frozenset(), cover, (1280, 720)))
    found = {}
    for number in range(trackers):
        rng = rng_for(number, "metrics benchmark tracker")
        found[f"tracker{number}"] = {clip.name: _followed(clip.boxes, rng) for clip in clips}
    return clips, found


def _followed(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(0, [8, 8, 5, 5], boxes.shape)
    noise[int(len(boxes) * rng.uniform(0.5, 1)) :, :2] += rng.uniform(-200, 200, 2)
    rows = boxes + noise
    rows[:, 2:] = np.maximum(rows[:, 2:], 5)
    rows[0] = boxes[0]
    return rows


def read(folders: Sequence[Path], dataset: str, annotations: Path | None) -> tuple[list[Clip], Trackers]:
    """Return the videos of a benchmark that all result folders have, and their boxes."""
    from asymnas.tracking.data import load_annotations
    from asymnas.tracking.results import read_results

    known = load_annotations(dataset, root=annotations).annotations
    results = [read_results(folder, annotations=known) for folder in folders]
    clips = [
        Clip(item.name, item.boxes, item.absent, item.attributes, item.cover, item.size or (4096, 4096))
        for item in known
        if all(len(found.boxes.get(item.name, ())) == len(item.boxes) for found in results)
    ]
    return clips, {str(folder): found.boxes for folder, found in zip(folders, results, strict=True)}


def got10k_ao(clips: Sequence[Clip], trackers: Trackers) -> list[float]:
    """Do what the report of ExperimentGOT10k does; return the average overlaps."""
    scores = []
    for boxes in trackers.values():
        pooled = []
        for clip in clips:
            visible = (clip.cover if clip.cover is not None else ~clip.absent)[1:] > 0
            found = rect_iou(boxes[clip.name][1:].copy(), clip.boxes[1:].copy(), bound=clip.size)[visible]
            if len(found):
                ExperimentGOT10k._evaluate(None, found, [])
            pooled.append(found)
        scores.append(float(ExperimentGOT10k._evaluate(None, np.concatenate(pooled), [])[0]))
    return scores


def got10k_otb(clips: Sequence[Clip], trackers: Trackers) -> list[float]:
    """Do what the report of ExperimentOTB does; return the success scores."""
    experiment = object.__new__(ExperimentOTB)
    experiment.nbins_iou, experiment.nbins_ce = 21, 51
    scores = []
    for boxes in trackers.values():
        curves = []
        for clip in clips:
            rows = boxes[clip.name].copy()
            rows[0] = clip.boxes[0]
            curves.append(experiment._calc_curves(*experiment._calc_metrics(rows, clip.boxes))[0])
        scores.append(float(np.mean(curves)))
    return scores


def plain_loop(clips: Sequence[Clip], trackers: Trackers) -> list[float]:
    """Count frames threshold by threshold, video by video: success, precision and normalised precision."""
    scores = []
    for boxes in trackers.values():
        curves = []
        for clip in clips:
            rows, truth = boxes[clip.name].copy(), clip.boxes
            rows[0] = truth[0]
            overlap, errors = rect_iou(rows, truth), center_error(rows, truth)
            step = (rows[:, :2] + rows[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2) / np.maximum(truth[:, 2:], 1)
            scaled = np.sqrt((step**2).sum(1))
            curves.append([np.sum(overlap > 0.05 * k) / len(truth) for k in range(21)])
            for k in range(51):
                np.sum(errors <= k) / len(truth)
                np.sum(scaled <= 0.01 * k) / len(truth)
        scores.append(float(np.mean(curves)))
    return scores


def race(
    theirs: Callable[[Sequence[Clip], Trackers], list[float]],
    ours: Callable[[], Mapping[str, Scores]],
    clips: Sequence[Clip],
    trackers: Trackers,
    rounds: int,
    clock: Callable[[], float],
) -> tuple[float, float]:
    """Return the seconds of either side, the fastest of alternating rounds.

    Their side scores one tracker of the many, for time; its seconds are multiplied by the number of trackers.
    """
    one = dict(list(trackers.items())[:1])
    mine, other = [], []
    for _ in range(rounds):
        began = clock()
        expected = theirs(clips, one)
        other.append((clock() - began) * len(trackers))
        began = clock()
        found = ours()
        mine.append(clock() - began)
        first = found[next(iter(one))]
        if abs(first.values[first.main] - expected[0]) > 1e-9:
            raise SystemExit(f"the scores differ: {first.values[first.main]} and {expected[0]}")
    return min(other), min(mine)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=180)
    parser.add_argument("--trackers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="measured beside one thread")
    parser.add_argument("--results", type=Path, action="append", help="a tracker's result folder; may be repeated")
    parser.add_argument("--dataset", default="otb100", help="the benchmark of --results")
    parser.add_argument("--annotations", type=Path, help="its annotations, or the data root")
    asked = parser.parse_args()
    if asked.results:
        clips, trackers = read(asked.results, asked.dataset, asked.annotations)
    else:
        clips, trackers = make(asked.videos, asked.trackers)
    frames = sum(len(clip.boxes) for clip in clips)
    print(f"{len(clips)} videos, {frames} frames, {len(trackers)} trackers; the fastest of {asked.rounds} rounds")
    print(f"{'million frames a second':40} {'theirs':>8} {'asymnas':>8} {'ratio':>7}")
    for name, theirs, protocol in (
        ("got10k package, GOT-10k: AO, SR, curve", got10k_ao, "got10k"),
        ("got10k package, OTB: success, precision", got10k_otb, "got10k-lasot"),
        ("loop over thresholds: SUC, P, NP", plain_loop, "got10k-lasot"),
    ):
        for threads in sorted({1, asked.threads}):

            def ours(protocol: str = protocol, threads: int = threads) -> Mapping[str, Scores]:
                return score_many(trackers, clips, protocol, threads=threads)

            clock = time.process_time if threads == 1 else time.perf_counter
            other, mine = race(theirs, ours, clips, trackers, asked.rounds, clock)
            done = frames * len(trackers) / 1e6
            print(f"{name:40} {done / other:8.2f} {done / mine:8.2f} {other / mine:6.1f}x  {threads} thread(s)")


if __name__ == "__main__":
    main()
