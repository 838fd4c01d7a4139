"""Score another architecture of a finished run, and compare two runs on the same test videos.

python examples/compare_two_runs.py RUN OTHER_RUN
"""

from __future__ import annotations

import sys

import numpy as np

import asymnas


def main(first: str, other: str) -> None:
    run = asymnas.load_run(first)
    found = run.evaluate()
    random = run.evaluate(run.architecture.space.sample(np.random.default_rng(0)))
    print(f"found {found.value:.3f} ± {found.se or 0:.3f}, {len(found.items)} videos")
    print(f"a random architecture {random.value:.3f} ± {random.se or 0:.3f}")

    difference = asymnas.compare(first, other)
    verdict = "clear of zero" if difference.clear_of_zero else "noise"
    print(f"difference {difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]: {verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
