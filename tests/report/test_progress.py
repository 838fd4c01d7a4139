"""Progress displays: bars, sparse lines, nothing; and time spans."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from asymnas.report import LineProgress, LiveProgress, ProgressDisplay, make_progress
from asymnas.report.texts import span


def test_line_progress_is_sparse_and_complete() -> None:
    out, now = io.StringIO(), [0.0]
    progress = LineProgress(Console(file=out, width=100), clock=lambda: now[0])
    for step in range(1001):
        now[0] = step * 0.01
        progress.update("training", step, 1000, f"loss {step}")
    lines = out.getvalue().splitlines()
    assert 20 <= len(lines) <= 23
    assert lines[0].startswith("training: 0/1000")
    assert lines[-1] == "training: 1000/1000  loss 1000"
    assert "ETA 5 s" in lines[10]


def test_line_progress_speaks_every_ten_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    progress = LineProgress(Console(file=out, width=100), clock=lambda: now[0])
    for second in range(35):
        now[0] = second
        progress.update("search", second, 100_000)
    assert len(out.getvalue().splitlines()) == 4


def test_progress_suits_the_place() -> None:
    assert type(make_progress(Console(file=io.StringIO()), silent=True)) is ProgressDisplay
    assert isinstance(make_progress(Console(file=io.StringIO())), LineProgress)
    live = make_progress(Console(file=io.StringIO(), force_terminal=True))
    assert isinstance(live, LiveProgress)
    with live:
        live.update("search", 3, 10, "best SUC [0.5]")
        live.message("note")


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text
