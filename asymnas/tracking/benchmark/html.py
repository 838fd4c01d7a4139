"""The evaluation of trackers on a benchmark as pictures and one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asymnas.core.errors import Problem, RunFolderError
from asymnas.report._page import STYLE, image, table, text
from asymnas.tracking.benchmark.report import BenchmarkReport, percent
from asymnas.tracking.benchmark.tables import (
    attribute_rows,
    file_notes,
    interval_text,
    paired_over,
    score_cells,
    video_rows,
)

__all__ = ["write_benchmark"]

PAGE = "index.html"
SHOWN = 20
"""Videos that the page shows of each comparison."""


def write_benchmark(report: BenchmarkReport, folder: Path) -> list[Path]:
    """Write the plots and `index.html`, which holds plots, tables and notes, into a folder (made if missing).

    Args:
        report: the evaluation.
        folder: files of the same names in it are replaced.

    Returns:
        The paths of the files, the page last.

    Raises:
        RunFolderError: the folder cannot be made or written.
    """
    from asymnas.tracking.benchmark.plots import benchmark_plots

    plots = benchmark_plots(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in plots.items():
            (folder / name).write_bytes(png)
        (folder / PAGE).write_text(_page(report, plots), encoding="utf-8")
    except OSError as error:
        rule, value = "the folder of the plots must be writable", error.strerror or str(error)
        raise RunFolderError(Problem(str(folder), rule, value, "Give another folder.")) from None
    return [folder / name for name in (*plots, PAGE)]


def _page(report: BenchmarkReport, plots: Mapping[str, bytes]) -> str:
    name = text(f"{report.dataset} {report.split}, {report.protocol}")
    default = "" if report.chosen else f", the default of {report.dataset}"
    parts = [
        f"<h1>{text(report.dataset)} {text(report.split)}</h1>",
        f"<p class='note'>protocol {text(report.protocol)}{text(default)}; {text(report.size)}</p>",
        _scores(report),
        *(image(png, plot) for plot, png in plots.items() if not plot.startswith(("difference", "attributes"))),
        _attributes(report, plots),
        _comparisons(report, plots),
        _notes(report),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}: AsymNAS</title>'
        f"<style>{STYLE}</style></head><body>\n{''.join(parts)}\n</body></html>\n"
    )


def _scores(report: BenchmarkReport) -> str:
    rows = []
    for tracker in report.trackers:
        scores = tracker.scores
        on = f"{scores.videos} of {report.videos} sequences, {scores.frames:,} frames"
        on += f"; {len(scores.missing)} missing, {len(scores.short)} short files"
        for index, measure in enumerate(report.measures):
            first = (text(tracker.name), on) if index == 0 else ("", "")
            rows.append((first[0], text(measure), *score_cells(tracker, measure, report.level), first[1]))
    head = ("tracker", "measure", "score ± SE", f"{report.level:.0%} interval", "perfect tracker", "measured on")
    return "<h2>Scores, percent</h2>" + table(head, rows)


def _attributes(report: BenchmarkReport, plots: Mapping[str, bytes]) -> str:
    head, rows = attribute_rows(report)
    if not rows:
        return ""
    picture = image(plots["attributes.png"], "scores by attribute") if "attributes.png" in plots else ""
    cells = table([text(cell) for cell in head], [[text(cell) for cell in row] for row in rows])
    what = f"{report.main}, percent" if len(report.trackers) > 1 else "percent"
    return f"<h2>Attributes</h2>{picture}<p class='note'>{text(what)}</p>{cells}"


def _comparisons(report: BenchmarkReport, plots: Mapping[str, bytes]) -> str:
    from asymnas.tracking.benchmark.plots import difference_files

    parts = []
    files = difference_files(report) if report.comparisons else {}
    for name, comparison in report.comparisons.items():
        rows = [
            (
                text(measure),
                percent(interval.value, sign=True),
                interval_text(interval, sign=True),
                "clear of zero" if interval.clear_of_zero else "contains zero: noise",
            )
            for measure, interval in comparison.differences.items()
        ]
        parts.append(f"<h2>{text(name)} - {text(report.versus)}</h2>")
        parts.append(f"<p class='note'>{paired_over(comparison)}, in points</p>")
        parts.append(table(("measure", "difference", f"{report.level:.0%} interval", ""), rows))
        videos = [[text(cell) for cell in row] for row in video_rows(comparison, SHOWN)]
        if videos:
            parts.append(image(plots[files[name]], f"difference of {name} on every video"))
            head = (f"the videos that make it, {report.main}", text(name), text(report.versus), "difference")
            parts.append(table(head, videos))
    return "".join(parts)


def _notes(report: BenchmarkReport) -> str:
    def listed(lines: list[str]) -> str:
        return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>" if lines else ""

    parts = [f"<h2>Where this comes from</h2><pre>{text(report.rules)}</pre>"]
    parts.append(f"<p>annotations {text(report.annotations)}</p>{listed(list(report.notes))}")
    for tracker in report.trackers:
        lines = [*file_notes(tracker), *tracker.notes]
        parts.append(f"<p>{text(tracker.name)} from {text(tracker.source)}</p>{listed(lines)}")
    return "".join(parts)
