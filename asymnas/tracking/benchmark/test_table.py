"""Trackers and language conditions on a benchmark: one table, and what it was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from asymnas.report._terminal import make_console, make_table, print_whole
from asymnas.tracking.benchmark.report import BenchmarkReport, percent
from asymnas.tracking.benchmark.tables import file_notes, interval_text

if TYPE_CHECKING:
    from asymnas.tracking.benchmark.run import BenchmarkRun
    from asymnas.tracking.metrics import Scores

__all__ = ["print_test"]

FAILURES = 20
"""Failures that the terminal shows; the manifests have them all."""


def print_test(report: BenchmarkReport | None, runs: Sequence[BenchmarkRun], console: Console | None = None) -> None:
    """Print scores with intervals, differences to the first tracker, speed, failures and folders.

    Args:
        report: the scores; None where there are none.
        runs: what was run.
        console: where to; standard output by default.
    """
    out = console or make_console()
    if report is not None:
        _print_table(out, report, runs)
    elif any(run.results.boxes for run in runs):
        text = "Not scored: only the benchmark's server knows the boxes. Convert the folders and submit them."
        out.print(Text(text), soft_wrap=True)
    failed = [(run.label, name, error) for run in runs for name, error in run.failures.items()]
    for label, name, error in failed[:FAILURES]:
        out.print(Text(f"failed: {label}, {name}: {error}", style="bold"), soft_wrap=True)
    if len(failed) > FAILURES:
        out.print(Text(f"... and {len(failed) - FAILURES} more failures, in the manifests"), soft_wrap=True)
    for run in runs:
        told = f", {run.told} videos had a sentence" if run.language else ""
        reused = f", {run.reused} of an earlier run" if run.reused else ""
        text = f"{run.label}: {len(run.results)} of {len(run.results) + len(run.failures)} videos{reused}{told}"
        out.print(Text(f"{text}; {run.folder}"), soft_wrap=True)


def _print_table(out: Console, report: BenchmarkReport, runs: Sequence[BenchmarkRun]) -> None:
    level = f"{report.level:.0%}"
    heads = [f"{measure} [{level}]" for measure in report.measures]
    if report.versus:
        heads.append(f"{report.main} minus the first's")
    any_failed = any(run.failures for run in runs)
    table = make_table("", "tracker", "language", *heads, "frames/s", *(["failed"] if any_failed else []))
    table.columns[1].justify = "left"
    scores = {item.name: item.scores for item in report.trackers}
    for run in runs:
        speed = run.results.frames_per_second()
        end = ["" if speed is None else f"{speed:.1f}", *([str(len(run.failures))] if any_failed else [])]
        name = run.label if run.label != f"{run.tracker}-{run.language}" else run.tracker
        if run.label not in scores:
            table.add_row(name, run.language or "not read", *[""] * len(heads), *end)
            continue
        cells = [_cell(scores[run.label], measure, report.level) for measure in report.measures]
        if report.versus:
            cells.append(_difference(report, run.label))
        table.add_row(name, run.language or "not read", *cells, *end)
    out.print(Text(f"{report.title}; percent", style="bold"), soft_wrap=True)
    print_whole(out, table)
    ceiling = report.trackers[0].scores.ceiling
    perfect = ", ".join(f"{name} {percent(value)}" for name, value in ceiling.items())
    default = "" if report.chosen else f" (the default of {report.dataset}; --protocol chooses another)"
    lines = [
        f"[{level}]: bootstrap interval over videos",
        f"a perfect tracker: {perfect}",
        f"protocol {report.protocol}{default}: {report.rules}",
    ]
    if report.versus:
        lines.append(f"differences: paired over the videos, minus {report.versus}; * is clear of zero at {level}")
    for item in report.trackers:
        lines += [f"{item.name}: {line}" for line in file_notes(item)]
    out.print(Text("\n".join(lines)), soft_wrap=True)


def _cell(scores: Scores, measure: str, level: float) -> str:
    se, value = scores.se.get(measure), percent(scores.values[measure])
    known = se is not None and se == se  # NaN for a single video
    return f"{value} {interval_text(scores.intervals(level)[measure])}" if known else value


def _difference(report: BenchmarkReport, label: str) -> str:
    if label == report.versus:
        return "-"
    found = report.comparisons[label]
    interval = found.differences[report.main]
    if len(found.videos) < 2:
        return percent(interval.value, sign=True)
    star = " *" if interval.clear_of_zero else "  "
    return f"{percent(interval.value, sign=True)} {interval_text(interval, sign=True)}{star}"
