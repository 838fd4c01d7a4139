"""The evaluation of trackers on a benchmark as sections, for the terminal and for a page with its plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.files import disk_errors
from asymnas.report import Figure, Section, page
from asymnas.report.texts import verdict
from asymnas.tracking.benchmark.report import BenchmarkReport, TrackerScores, difference_files, percent

if TYPE_CHECKING:
    from asymnas.core.statistics import Interval
    from asymnas.tracking.benchmark.run import BenchmarkRun
    from asymnas.tracking.metrics import Comparison, Scores

NAMED = 12
"""Names that a line of missing or short files shows before it counts the rest; JSON has them all."""

SHOWN = 8
"""Videos that are shown of each comparison."""

FAILURES = 20
"""Failures that are shown; the manifests have them all."""


def write_benchmark(report: BenchmarkReport, folder: Path) -> list[Path]:
    """Write the plots and `index.html`, which holds plots, tables and notes, into a folder (made if missing).

    Files of the same names are replaced; all files are returned, the page last.
    """
    from asymnas.tracking.benchmark.plots import benchmark_plots

    plots = benchmark_plots(report)
    text = page(f"{report.dataset} {report.split}, {report.protocol}", benchmark_sections(report, plots))
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in plots.items():
            (folder / name).write_bytes(png)
        (folder / "index.html").write_text(text, encoding="utf-8")
    return [folder / name for name in (*plots, "index.html")]


def benchmark_sections(report: BenchmarkReport, plots: Mapping[str, bytes] | None = None) -> list[Section]:
    """Return scores, what they were measured on, attributes, comparisons and all that the readers detected.

    `plots` are PNG bytes by file name, of `asymnas.tracking.benchmark.plots.benchmark_plots`.
    """
    drawn = {
        name: Figure(png, "png", name.removesuffix(".png").replace("_", " ")) for name, png in (plots or {}).items()
    }
    curves = tuple(picture for name, picture in drawn.items() if not name.startswith(("difference", "attributes")))
    return [
        _scores(report, curves),
        _measured_on(report),
        _attributes(report, drawn.get("attributes.png")),
        *_comparisons(report, drawn),
        _notes(report),
    ]


def tested_sections(report: BenchmarkReport | None, runs: Sequence[BenchmarkRun]) -> list[Section]:
    """Return scores with intervals, differences to the first tracker, speed, failures and folders."""
    sections = []
    if report is not None:
        sections += [_test_scores(report, runs), Section("", note=_test_notes(report))]
    elif any(run.results.boxes for run in runs):
        note = "Not scored: only the benchmark's server knows the boxes. Convert the folders and submit them."
        sections.append(Section("", note=note))
    failed = [f"failed: {run.label}, {name}: {error}" for run in runs for name, error in run.failures.items()]
    if len(failed) > FAILURES:
        failed[FAILURES:] = [f"... and {len(failed) - FAILURES} more failures, in the manifests"]
    lines = []
    for run in runs:
        sentences = f", {run.described} videos had a sentence" if run.language else ""
        reused = f", {run.reused} of an earlier run" if run.reused else ""
        videos = f"{len(run.results)} of {len(run.results) + len(run.failures)} videos"
        lines.append(f"{run.label}: {videos}{reused}{sentences}; {run.folder}")
    return [*sections, Section("", note="\n".join([*failed, *lines]))]


def _scores(report: BenchmarkReport, curves: tuple[Figure, ...]) -> Section:
    head = ("tracker", "measure", "score ± SE", f"{report.level:.0%} interval", "perfect tracker")
    rows = tuple(
        ("" if index else tracker.name, measure, *_score_cells(tracker.scores, measure, report.level))
        for tracker in report.trackers
        for index, measure in enumerate(report.measures)
    )
    return Section(f"{report.title}; percent", head, rows, figures=curves)


def _score_cells(scores: Scores, measure: str, level: float) -> tuple[str, str, str]:
    """Score ± SE, its interval and the perfect tracker's score; what one video cannot give is left empty."""
    se, interval = _se(scores, measure), scores.intervals(level).get(measure)
    text = percent(scores.values[measure]) + ("" if se is None else f" ± {percent(se)}")
    ceiling = scores.ceiling.get(measure)
    return text, "" if se is None or not interval else _interval(interval), "" if ceiling is None else percent(ceiling)


def _se(scores: Scores, measure: str) -> float | None:
    se = scores.se.get(measure)
    return None if se is None or se != se else se  # NaN for a single video


def _interval(interval: Interval, *, sign: bool = False) -> str:
    return f"[{percent(interval.low, sign=sign)}, {percent(interval.high, sign=sign)}]"


def _measured_on(report: BenchmarkReport) -> Section:
    head = ("tracker", "sequences", "frames counted", "missing", "short files")
    rows = []
    for tracker in report.trackers:
        scores = tracker.scores
        counts = (f"{scores.frames:,}", str(len(scores.missing)), str(len(scores.short)))
        rows.append((tracker.name, f"{scores.videos} of {report.videos}", *counts))
    return Section("Measured on", head, tuple(rows))


def _attributes(report: BenchmarkReport, radar: Figure | None) -> Section:
    """All measures of one tracker, or the main one of several, on the videos of each attribute."""
    trackers = report.trackers
    columns: list[tuple[str, TrackerScores, str]] = [(item.name, item, report.main) for item in trackers]
    if len(trackers) == 1:
        columns = [(measure, trackers[0], measure) for measure in report.measures]
    rows = []
    for name in dict.fromkeys(name for tracker in trackers for name in tracker.scores.attributes):
        found = [tracker.scores.attributes.get(name) for _, tracker, _ in columns]
        cells = [
            percent(item.values[measure]) if item else "" for item, (*_, measure) in zip(found, columns, strict=True)
        ]
        rows.append((name, "/".join(dict.fromkeys(str(item.videos) for item in found if item)), *cells))
    what = report.main if len(trackers) > 1 else "scores"
    head = ("attribute", "videos", *(head for head, *_ in columns))
    title = f"Attributes, {what} in percent, protocol {report.protocol}"
    return Section(title, head, tuple(rows), figures=(radar,) if radar else ()) if rows else Section("")


def _comparisons(report: BenchmarkReport, drawn: Mapping[str, Figure]) -> Iterator[Section]:
    files = difference_files(report)
    for name, comparison in report.comparisons.items():
        rows = [
            (measure, percent(interval.value, sign=True), _interval(interval, sign=True), verdict(interval))
            for measure, interval in comparison.differences.items()
        ]
        title = f"{name} - {report.versus}, {_paired_over(comparison)}, protocol {report.protocol}"
        yield Section(title, ("measure", "difference", f"{report.level:.0%} interval", ""), tuple(rows))
        videos = tuple(
            (video, percent(a), percent(b), percent(difference, sign=True))
            for video, a, b, difference in comparison.videos[:SHOWN]
            if difference
        )
        if videos:
            head = (f"the videos that make it, {report.main}", name, report.versus, "difference")
            yield Section("", head, videos, figures=(drawn[files[name]],) if files[name] in drawn else ())


def _paired_over(comparison: Comparison) -> str:
    left_out = f" ({len(comparison.left_out)} that only one has left out)" if comparison.left_out else ""
    return f"paired over {len(comparison.videos)} sequences{left_out}"


def _notes(report: BenchmarkReport) -> Section:
    lines = [_protocol(report), f"annotations {report.annotations}", *(f"  {note}" for note in report.notes)]
    for tracker in report.trackers:
        lines.append(f"{tracker.name} from {tracker.source}")
        lines += [f"  {line}" for line in (*_file_notes(tracker.scores), *tracker.notes)]
    return Section("What the readers found", note="\n".join(lines))


def _protocol(report: BenchmarkReport) -> str:
    default = "" if report.chosen else f" (the default of {report.dataset}; --protocol chooses another)"
    return f"protocol {report.protocol}{default}: {report.rules}"


def _file_notes(scores: Scores) -> list[str]:
    """Name the missing, short and long files, invalid boxes and assumptions; an empty list where there are none."""
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
        lines.append(f"{sum(scores.invalid.values())} boxes not finite or without area: {_names(named)}")
    return [*lines, *scores.notes]


def _names(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _test_scores(report: BenchmarkReport, runs: Sequence[BenchmarkRun]) -> Section:
    level, any_failed = f"{report.level:.0%}", any(run.failures for run in runs)
    heads = [f"{measure} [{level}]" for measure in report.measures]
    heads += [f"{report.main} minus the first's"] if report.versus else []
    scores = {item.name: item.scores for item in report.trackers}
    rows = []
    for run in runs:
        speed = run.results.frames_per_second()
        cells = [""] * len(heads)
        if run.label in scores:
            cells = [_test_cell(scores[run.label], measure, report.level) for measure in report.measures]
            cells += [_difference(report, run.label)] if report.versus else []
        name = run.label if run.label != f"{run.tracker}-{run.language}" else run.tracker
        end = ["" if speed is None else f"{speed:.1f}", *([str(len(run.failures))] if any_failed else [])]
        rows.append((name, run.language or "not read", *cells, *end))
    head = ("tracker", "language", *heads, "frames/s", *(["failed"] if any_failed else []))
    return Section(f"{report.title}; percent", head, tuple(rows))


def _test_notes(report: BenchmarkReport) -> str:
    level = f"{report.level:.0%}"
    perfect = ", ".join(f"{name} {percent(value)}" for name, value in report.trackers[0].scores.ceiling.items())
    lines = [f"[{level}]: bootstrap interval over videos", f"a perfect tracker: {perfect}", _protocol(report)]
    if report.versus:
        lines.append(f"differences: paired over the videos, minus {report.versus}; * is clear of zero at {level}")
    lines += [f"{item.name}: {line}" for item in report.trackers for line in _file_notes(item.scores)]
    return "\n".join(lines)


def _test_cell(scores: Scores, measure: str, level: float) -> str:
    value = percent(scores.values[measure])
    return value if _se(scores, measure) is None else f"{value} {_interval(scores.intervals(level)[measure])}"


def _difference(report: BenchmarkReport, label: str) -> str:
    if label == report.versus:
        return "-"
    found: Any = report.comparisons[label]
    interval = found.differences[report.main]
    value = percent(interval.value, sign=True)
    return (
        value if len(found.videos) < 2 else f"{value} {_interval(interval, sign=True)} {' *'[interval.clear_of_zero]}"
    )
