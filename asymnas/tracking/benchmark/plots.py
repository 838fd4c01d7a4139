"""Success, precision and attribute plots of a benchmark as PNG bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asymnas.report.plots import BLUE, COLOURS, GREY, RED, make_axes, make_png
from asymnas.tracking.benchmark.report import NAME, BenchmarkReport, TrackerScores, difference_files

LINES = ("-", "--", "-.", ":")
MARKERS = "osD^vP"
FEWEST_SPOKES = 3
BARS = 40

AXES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "success": ("overlap threshold (IoU)", "share of frames above it", ("SUC", "AO", "Success")),
    "precision": ("centre error threshold (pixels)", "share of frames within it", ("P", "Precision")),
    "normalised precision": (
        "centre error threshold (share of the target's size)",
        "share of frames within it",
        ("NP", "NormPrecision"),
    ),
}
"""By curve: what is on either axis, and which measure the legend gives."""


def benchmark_plots(report: BenchmarkReport) -> dict[str, bytes]:
    """Return every plot that the report has data for, PNG bytes by file name."""
    plots = {}
    for kind in AXES:
        if any(kind in tracker.scores.curves for tracker in report.trackers):
            plots[f"{kind.replace(' ', '_')}.png"] = curve_plot(report, kind)
    if len(_attributes(report)) >= FEWEST_SPOKES:
        plots["attributes.png"] = attribute_radar(report)
    for name, file in difference_files(report).items():
        plots[file] = difference_bars(report, name)
    return plots


def curve_plot(report: BenchmarkReport, kind: str) -> bytes:
    """Draw one curve a tracker, with its score in percent in the legend, best first; `kind` is a key of `AXES`."""
    across, up, measures = AXES[kind]
    measure = next((name for name in measures if name in report.measures), report.main)
    order = sorted(range(len(report.trackers)), key=lambda index: -report.trackers[index].scores.values[measure])
    figure, axes = make_axes(width=7.6, height=4.8)
    for index in order:
        tracker = report.trackers[index]
        curve, (colour, line) = tracker.scores.curves.get(kind), _look(index)
        if curve is None:
            continue
        label = _label(tracker, measure)
        axes.plot(curve.thresholds, curve.values, color=colour, linestyle=line, linewidth=1.8, label=label)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(0, 1)
    axes.margins(x=0)
    axes.set_title(f"{kind} plot, {_place(report)}\n{report.size}", fontsize=10)
    axes.legend(frameon=False, fontsize=9, title=f"{measure}, percent", title_fontsize=9, alignment="left",
                handlelength=3.0, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    return make_png(figure)


def attribute_radar(report: BenchmarkReport) -> bytes:
    """Draw the main measure on each attribute's videos as a radar, one outline a tracker (paper, Figure 8).

    All spokes have one scale, which starts at zero, so that outlines can be compared across attributes; a spoke's
    label gives the number of videos and the lowest and highest score in percent.
    """
    names = _attributes(report)
    figure = Figure(figsize=(8.4, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot(projection="polar")  # polar axes have methods that Axes lacks
    angles = np.linspace(0, 2 * math.pi, len(names), endpoint=False)
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    table = np.array([[_attribute(report, index, name) for name in names] for index in range(len(report.trackers))])
    for index, (tracker, row) in enumerate(zip(report.trackers, table, strict=True)):
        colour, line = _look(index)
        label = _label(tracker, report.main)
        axes.plot([*angles, angles[0]], [*row, row[0]], color=colour, linestyle=line, linewidth=1.8,
                  marker=MARKERS[index % len(MARKERS)], markersize=3.5, label=label)  # fmt: skip
        if len(report.trackers) == 1:
            axes.fill(angles, row, color=colour, alpha=0.12)
    axes.set_xticks(angles, [_spoke(report, name, table[:, column]) for column, name in enumerate(names)], fontsize=8)
    axes.tick_params(axis="x", pad=14)
    top = math.ceil(10 * np.nanmax(table) + 1e-9) / 10
    rings = np.arange(0.2, top + 1e-9, 0.2) if top > 0.5 else np.arange(0.1, top + 1e-9, 0.1)
    axes.set_ylim(0, max(top, 0.1))
    axes.set_yticks(rings, [f"{100 * ring:.0f}" for ring in rings], fontsize=7, color="#555555")
    axes.set_rlabel_position(180 / len(names))
    axes.grid(alpha=0.35, linewidth=0.6)
    axes.spines["polar"].set_visible(False)
    figure.suptitle(f"{report.main} by attribute, {_place(report)}\n{report.size}", fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9,
                  title=f"{report.main}, all, percent", title_fontsize=9, alignment="left")  # fmt: skip
    return make_png(figure)


def difference_bars(report: BenchmarkReport, name: str) -> bytes:
    """Draw the difference of the main measure on every video, sorted; on many videos without their names."""
    videos = sorted(report.comparisons[name].videos, key=lambda video: video[3])
    values = np.array([100 * difference for *_, difference in videos])
    named = len(videos) <= BARS
    figure, axes = make_axes(width=8.0, height=max(2.6, 1.2 + 0.2 * len(videos)) if named else 4.2)
    colours = [BLUE if value > 0 else RED if value < 0 else GREY for value in values]
    places = np.arange(len(videos))
    if named:
        axes.barh(places, values, height=0.75, color=colours)
        axes.set_yticks(places, [_name(video) for video, *_ in videos], fontsize=7)
        axes.set_ylim(-0.7, len(videos) - 0.3)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlabel(f"difference in {report.main}, points")
    else:
        axes.bar(places, values, width=1.0, color=colours)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.margins(x=0)
        axes.set_xlabel("videos, sorted")
        axes.set_ylabel(f"difference in {report.main}, points")
    better, worse = int((values > 0).sum()), int((values < 0).sum())
    verdict = f"better on {better}, worse on {worse}"
    title = f"{_name(name)} - {_name(report.versus)}, {_place(report)}, {len(videos)} videos\n{verdict}"
    axes.set_title(title, fontsize=10)
    return make_png(figure)


def _label(tracker: TrackerScores, measure: str) -> str:
    """Name, score, and how many files are missing or short, where any are."""
    scores = tracker.scores
    counts = ((len(scores.missing), "missing"), (len(scores.short), "short"))
    remarks = "".join(f", {count} {what}" for count, what in counts if count)
    return f"{_name(tracker.name)} [{100 * scores.values[measure]:.1f}]{remarks}"


def _name(name: str) -> str:
    """Return a tracker's name for matplotlib, which takes $ for formulas and leaves out labels that begin with _."""
    half = NAME // 2
    short = name if len(name) <= NAME else f"{name[: half - 1]}…{name[-half:]}"
    return (" " if short.startswith("_") else "") + short.replace("$", r"\$")


def _place(report: BenchmarkReport) -> str:
    return f"{report.dataset} {report.split}, protocol {report.protocol}"


def _look(index: int) -> tuple[str, str]:
    """A colour and a line: both change, so that neighbours are told apart in grey as well."""
    return COLOURS[index % len(COLOURS)], LINES[(index + index // len(COLOURS)) % len(LINES)]


def _attributes(report: BenchmarkReport) -> list[str]:
    return list(dict.fromkeys(name for tracker in report.trackers for name in tracker.scores.attributes))


def _attribute(report: BenchmarkReport, index: int, name: str) -> float:
    found = report.trackers[index].scores.attributes.get(name)
    return float("nan") if found is None else found.values[report.main]


def _spoke(report: BenchmarkReport, name: str, scores: np.ndarray) -> str:
    videos = next(item.scores.attributes[name].videos for item in report.trackers if name in item.scores.attributes)
    low, high = 100 * np.nanmin(scores), 100 * np.nanmax(scores)
    span = f"{high:.1f}" if len(scores) == 1 else f"{low:.1f}, {high:.1f}"
    return f"{name} ({videos})\n{span}"
