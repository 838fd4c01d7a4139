"""The time that a run took is that of all its processes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from asymnas.job import load_job
from asymnas.runs import times as _times
from asymnas.runs.folder import RunFolder
from asymnas.runs.times import StageTimes


@pytest.fixture
def run(tmp_path: Path):
    with RunFolder.open(tmp_path / "run", load_job("vlt_scar")) as opened:
        yield opened


def _spend(run: RunFolder, stage: str, seconds: float) -> dict[str, float]:
    times = StageTimes(run)
    with times.stage(stage):
        time.sleep(seconds)
    return times.seconds


def test_processes_add_up_and_stages_stay(run: RunFolder) -> None:
    first = _spend(run, "training", 0.05)["training"]
    second = _spend(run, "search", 0.01)
    assert second["training"] == first and second["search"] >= 0.01
    assert _spend(run, "training", 0.05)["training"] >= first + 0.05
    assert list(json.loads((run.folder / "seconds.json").read_text())) == ["training", "search"]


def test_a_stage_that_fails_or_is_killed_has_its_time(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    times = StageTimes(run)
    with pytest.raises(KeyboardInterrupt), times.stage("training"):
        time.sleep(0.02)
        raise KeyboardInterrupt
    assert StageTimes(run).seconds["training"] >= 0.02
    monkeypatch.setattr(_times, "PAUSE", 0.0)
    told = []

    class Other:
        def update(self, *news: object) -> None:
            told.append(news)

    times = StageTimes(run, Other())
    with times.stage("search"):
        time.sleep(0.02)
        times.update("search", 1, 2, "text", 3.0)
        assert StageTimes(run).seconds["search"] >= 0.02  # as another process would find it now
    assert told == [("search", 1, 2, "text", 3.0)]
