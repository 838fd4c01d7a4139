"""Run a small search from Python, hear of its evaluations, and follow a target with what was found.

    python examples/search_and_track.py [FOLDER]

Takes half a minute. With more steps and a larger search it is the main job (`asymnas search vlt_scar`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import asymnas
from asymnas.tracking.data import load_dataset

SMALL = {
    "training": {"steps": 20, "warmup_steps": 0, "batch_size": 8, "workers": 1, "shards": 1},
    "data.validation.sources": [{"dataset": "synthetic", "split": "val", "videos": 2, "frames": 6}],
    "data.test.sources": [{"dataset": "synthetic", "split": "test", "videos": 2, "frames": 6}],
    "evaluation.pairs.items": 24,
    "evaluation.ladder": [{"reward": "pair_loss", "items": 16}],
    "evaluation.finals": [{"reward": "pair_loss", "items": 8}],
    "evaluation.recalibration": {"batches": 1, "batch_size": 8},
    "search": {"population": 4, "parents": 2, "mutants": 2, "children": 1, "generations": 2},
    "baselines": {"random_search": False, "random_architectures": 2, "trackers": ["static"]},
    "resources": {"engine": "inprocess", "workers": 1},
}


def main(folder: Path) -> None:
    run = asymnas.run(
        "vlt_scar",
        folder,
        overrides=SMALL,
        on_evaluation=lambda item: print(f"{item.stage} {item.index}: {item.value:.3f}"),
    )
    print("found", run.architecture.key, "test SUC", round(run.summary.test.best.value, 3))

    (video,) = load_dataset("synthetic", "test", videos=1, frames=6).videos
    tracker = run.tracker()
    tracker.start(video.frame(0), video.boxes[0], video.sentence)
    for index in range(1, len(video)):
        box, score = tracker.step(video.frame(index))
        print(index, box.round(1), round(score, 2))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/search_and_track"))
