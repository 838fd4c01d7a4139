"""Plots of a diagnosis as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from asymnas.report.plots import BLUE, COLOURS, GREY, ORANGE, make_axes, make_png
from asymnas.runs.diagnosis import EstimatorCheck, RankAgreement, Ranking

STYLES = ("-", "--", ":", "-.")


def _label(item: Ranking) -> str:
    return f"{item.stage}: {item.name}"


def variance_plot(rankings: Sequence[Ranking]) -> bytes:
    """Draw where the variance of a score comes from: of one item's value, and of the mean of all items."""
    from matplotlib.patches import Patch

    figure, axes = make_axes(height=1.3 + 0.62 * len(rankings))
    names = []
    for place, item in enumerate(rankings):
        parts = np.array([item.architecture.value, item.item.value, item.residual.value])
        mean = np.array([parts[0], 0.0, parts[2] / item.items])
        for offset, values, what in ((-0.19, parts, "one"), (0.19, mean, "mean")):
            left = 0.0
            for share, colour in zip(values / (values.sum() or 1.0), (BLUE, GREY, ORANGE), strict=True):
                axes.barh(place + offset, share, 0.34, left=left, color=colour, alpha=0.85)
                left += share
            names.append((place + offset, f"{_label(item)}" if what == "mean" else "one item alone"))
    sources = (("architectures", BLUE), ("items", GREY), ("interaction and noise", ORANGE))
    handles = [Patch(color=colour, alpha=0.85, label=name) for name, colour in sources]
    axes.set_yticks([at for at, _ in names], [name for _, name in names], fontsize=8)
    axes.set_ylim(len(rankings) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the variance (of a mean without that of the items, which changes no ranking)")
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return make_png(figure)


def reliability_plot(rankings: Sequence[Ranking], by_seconds: bool = False) -> bytes:
    """Draw reliability over items, or over seconds an architecture, with its interval where it was measured.

    Seconds grow in proportion to the items from those of the log, in which the fixed part (recalibration) is included.
    """
    figure, axes = make_axes(height=4.0)
    shown = [item for item in rankings if item.seconds] if by_seconds else rankings
    for number, item in enumerate(shown):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number // len(COLOURS) % len(STYLES)]
        counts = np.geomspace(max(1.0, item.items / 10), item.items * 100, 80)
        scale = (item.seconds or 0.0) / item.items if by_seconds else 1.0
        axes.plot(counts * scale, [item.at(count).value for count in counts], style, color=colour, label=_label(item))
        trust, at = item.reliability, item.items * scale * 1.04**number  # equal places are drawn side by side
        axes.plot([at, at], [trust.low, trust.high], color=colour, linewidth=1.2, alpha=0.7)
        axes.scatter(at, trust.value, s=40, color=colour, zorder=3)
    for level in (0.8, 0.9):
        axes.axhline(level, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0, 1)
    axes.set_xlabel("seconds an architecture" if by_seconds else "items")
    axes.set_ylabel("reliability")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return make_png(figure)


def worth_plot(found: EstimatorCheck) -> bytes:
    """Draw the means of new items over what the estimator says, both less their average, with its intervals."""
    worth, truth = np.array(found.worths), np.array(found.truths)
    x, y = worth - worth.mean(), truth - truth.mean()
    title = f"tau {found.tau.value:.2f}; bars are the estimator's {found.level:.0%} intervals"
    labels = ("worth by the estimator, less the average", f"mean of {found.items:,} new items, less the average")
    reach = NormalDist().inv_cdf((1 + found.level) / 2) * np.array(found.sds)
    return _scatter(x, y, title, labels, xerr=reach, diagonal=True)


def agreement_plot(pair: RankAgreement) -> bytes:
    """Draw the means of one measure over those of another, with the standard errors of what differs."""
    corrected = "" if pair.corrected is None else f", corrected {pair.corrected.value:.2f}"
    title = f"tau {pair.tau.value:.2f}{corrected}"
    return _scatter(np.array(pair.x), np.array(pair.y), title, (pair.first, pair.other), xerr=pair.x_se, yerr=pair.y_se)


def _scatter(
    x: np.ndarray, y: np.ndarray, title: str, labels: tuple[str, str], *, diagonal: bool = False, **errors: Any
) -> bytes:
    figure, axes = make_axes(width=5.2, height=4.4)
    axes.errorbar(x, y, fmt="o", color=BLUE, markersize=4, alpha=0.8, ecolor=GREY, elinewidth=0.7, **errors)
    if diagonal:
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return make_png(figure)
