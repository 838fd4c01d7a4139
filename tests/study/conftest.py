"""A run's summary with given scores."""

from __future__ import annotations

import pytest

from asymnas.runs import RunSummary, Score


def summary_of(test=(0.4, 0.6), validation=(0.6, 0.6)) -> RunSummary:
    """A run's summary with these scores by item."""

    def score(values):
        return Score(value=sum(values) / len(values), items={f"synthetic/{i}": v for i, v in enumerate(values)})

    return RunSummary.model_validate(
        {
            "task": "tracking", "job": "j", "job_hash": "h", "seed": 0, "space": "s", "space_hash": "h",
            "reward": {"name": "suc", "title": "SUC"}, "noun": "videos",
            "climbed": {"name": "suc", "title": "SUC", "noun": "videos"},
            "weights_hash": "w", "seconds": {},
            "architecture": {"key": "k", "genes": {}, "drawing": ""}, "validation": score(validation), "versions": {},
            "search": {"algorithm": "random", "budget": 4, "evaluated": 4, "from_log": 0, "failed": 0},
            "cost": {"branches": {}, "amortised_macs": 0, "amortised_frames": 300},
            "training": {"steps": 1, "samples": 8, "seconds": 1.0, "losses": {"total": 1.0}},
            "test": {"best": score(test), "random_search": score(test)},
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_summary():
    """Return a function that makes a run's summary."""
    return summary_of
