"""The evaluation of trackers on a benchmark as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from asymnas.report._terminal import make_console, make_table, print_whole
from asymnas.tracking.benchmark.report import BenchmarkReport, TrackerScores, percent

if TYPE_CHECKING:
    from asymnas.core.statistics import Interval
    from asymnas.tracking.metrics import Comparison

__all__ = [
    "attribute_rows",
    "file_notes",
    "interval_text",
    "paired_over",
    "print_benchmark",
    "score_cells",
    "video_rows",
]

NAMED = 12
"""Names that a line of missing or short files shows before it counts the rest; JSON has them all."""

SHOWN = 8
"""Videos that a comparison shows on the terminal."""


def interval_text(interval: Interval, *, sign: bool = False) -> str:
    """Write the ends of an interval in percent: `[48.40, 54.45]`."""
    return f"[{percent(interval.low, sign=sign)}, {percent(interval.high, sign=sign)}]"


def score_cells(tracker: TrackerScores, measure: str, level: float) -> tuple[str, str, str]:
    """Write score ± SE, its interval and the perfect tracker's score; what one video cannot give is left empty."""
    scores = tracker.scores
    se, interval = scores.se.get(measure), scores.intervals(level).get(measure)
    known = se is not None and se == se  # NaN for a single video
    text = percent(scores.values[measure]) + (f" ± {percent(se)}" if se is not None and known else "")
    ceiling = scores.ceiling.get(measure)
    return text, interval_text(interval) if known and interval else "", "" if ceiling is None else percent(ceiling)


def attribute_rows(report: BenchmarkReport) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the attribute table: all measures of one tracker, or the main one of several."""
    trackers = report.trackers
    names = list(dict.fromkeys(name for tracker in trackers for name in tracker.scores.attributes))
    if len(trackers) == 1:
        columns = [(measure, trackers[0], measure) for measure in report.measures]
    else:
        columns = [(tracker.name, tracker, report.main) for tracker in trackers]
    rows = []
    for name in names:
        found = [tracker.scores.attributes.get(name) for _, tracker, _ in columns]
        cells = ["" if item is None else percent(item.values[measure])
                 for item, (_, _, measure) in zip(found, columns, strict=True)]  # fmt: skip
        rows.append([name, "/".join(dict.fromkeys(str(item.videos) for item in found if item)), *cells])
    return ["attribute", "videos", *(head for head, _, _ in columns)], rows


def file_notes(tracker: TrackerScores) -> list[str]:
    """Name the missing, short and long files, invalid boxes and assumptions; an empty list where there are none."""
    scores = tracker.scores
    lines = []
    if scores.missing:
        what = "left out of the average" if scores.missing_as == "skip" else "counted as misses"
        lines.append(f"{len(scores.missing)} missing, {what}: {_names(scores.missing)}")
    for kind, what, files in (("short", "missing rows are misses", scores.short), ("long", "cut", scores.long)):
        if files:
            named = [f"{name} ({given} rows, {wanted} frames)" for name, (given, wanted) in files.items()]
            lines.append(f"{len(named)} {kind}, {what}: {_names(named)}")
    if scores.invalid:
        named = [f"{name} ({rows})" for name, rows in scores.invalid.items()]
        rows = sum(scores.invalid.values())
        lines.append(f"{rows} boxes not finite or without area: {_names(named)}")
    return [*lines, *scores.notes]


def paired_over(comparison: Comparison) -> str:
    """Say on how many sequences two trackers were compared, and how many only one of them has."""
    left_out = f" ({len(comparison.left_out)} that only one has left out)" if comparison.left_out else ""
    return f"paired over {len(comparison.videos)} sequences{left_out}"


def video_rows(comparison: Comparison, shown: int) -> list[list[str]]:
    """Return the videos that make a difference, the largest first: name, both scores, difference, in percent."""
    return [[name, percent(a), percent(b), percent(difference, sign=True)]
            for name, a, b, difference in comparison.videos[:shown] if difference]  # fmt: skip


def print_benchmark(report: BenchmarkReport, console: Console | None = None) -> None:
    """Print scores, what they were measured on, attributes, comparisons and everything the readers detected."""
    out = console or make_console()
    _show(out, f"{report.title}; percent", _scores(report))
    _show(out, "Measured on", _measured_on(report))
    head, rows = attribute_rows(report)
    if rows:
        what = report.main if len(report.trackers) > 1 else "scores"
        _show(out, f"Attributes, {what} in percent, protocol {report.protocol}", _filled(head, rows))
    for name, comparison in report.comparisons.items():
        _print_comparison(out, report, name, comparison)
    _print_notes(out, report)


def _show(out: Console, title: str, table: Table) -> None:
    """Print a table under its title, neither cut: where the terminal is narrower, it wraps the lines."""
    if title:
        out.print(Text(title, style="bold"), soft_wrap=True)
    print_whole(out, table)


def _filled(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = _table(head)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _table(head: Sequence[str]) -> Table:
    """Return an empty table; names in it may hold what rich would take for markup."""
    return make_table("", *map(escape, head))


def _scores(report: BenchmarkReport) -> Table:
    head = ("tracker", "measure", "score ± SE", f"{report.level:.0%} interval", "perfect tracker")
    table = _table(head)
    table.columns[1].justify = "left"
    for tracker in report.trackers:
        for index, measure in enumerate(report.measures):
            first = tracker.name if index == 0 else ""
            style = "bold" if measure == report.main else ""
            cells = (first, measure, *score_cells(tracker, measure, report.level))
            table.add_row(*map(Text, cells), style=style)
        table.add_section()
    return table


def _measured_on(report: BenchmarkReport) -> Table:
    head = ("tracker", "sequences", "frames counted", "missing", "short files")
    rows = [(tracker.name, f"{tracker.scores.videos} of {report.videos}", f"{tracker.scores.frames:,}",
             str(len(tracker.scores.missing)), str(len(tracker.scores.short)))
            for tracker in report.trackers]  # fmt: skip
    return _filled(head, rows)


def _print_comparison(out: Console, report: BenchmarkReport, name: str, comparison: Comparison) -> None:
    title = f"{name} - {report.versus}, {paired_over(comparison)}, protocol {report.protocol}"
    rows = []
    for measure, interval in comparison.differences.items():
        verdict = "clear of zero" if interval.clear_of_zero else "contains zero: noise"
        rows.append((measure, percent(interval.value, sign=True), interval_text(interval, sign=True), verdict))
    _show(out, title, _filled(("measure", "difference", f"{report.level:.0%} interval", ""), rows))
    videos = video_rows(comparison, SHOWN)
    if videos:
        head = (f"the videos that make it, {report.main}", name, report.versus, "difference")
        _show(out, "", _filled(head, videos))


def _print_notes(out: Console, report: BenchmarkReport) -> None:
    default = "" if report.chosen else f" (the default of {report.dataset}; --protocol chooses another)"
    out.print(Text(f"Protocol {report.protocol}{default}: {report.rules}"), soft_wrap=True)
    lines = [f"annotations {report.annotations}", *(f"  {note}" for note in report.notes)]
    for tracker in report.trackers:
        lines.append(f"{tracker.name} from {tracker.source}")
        lines += [f"  {line}" for line in (*file_notes(tracker), *tracker.notes)]
    out.print(Text("\n".join(["", "What the readers found", *lines])), soft_wrap=True)


def _names(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
