"""Plots of a run as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.report.texts import difference_text
from asymnas.runs.summary import ArmResult, ConditionEffect, Difference
from asymnas.search import Evaluation
from asymnas.search.analysis import OpFrequency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by everybody.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8c8c8c"
COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9")

NAMED = 200
"""Items that a plot has names for."""


def make_axes(width: float = 8.0, height: float = 3.6) -> tuple[Figure, Axes]:
    """Return an empty figure of the house style; width and height in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def make_png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")  # labels of polar axes are not cut
    return buffer.getvalue()


def progress_plot(searches: Mapping[str, Sequence[Evaluation]], label: str, band: str) -> bytes:
    """Draw the score over evaluations in the order asked: every candidate, and the best so far with its SE."""
    figure, axes = make_axes()
    for (name, evaluations), colour in zip(searches.items(), COLOURS, strict=False):
        scored = [(number, item) for number, item in enumerate(evaluations, start=1) if item.value is not None]
        x = np.array([number for number, _ in scored])
        values = np.array([item.value for _, item in scored], dtype=np.float64)
        leaders = [int(np.argmax(values[: index + 1])) for index in range(len(values))]
        best = values[leaders]
        se = np.array([scored[index][1].se or 0.0 for index in leaders])
        axes.scatter(x, values, s=14, color=colour, alpha=0.45, linewidths=0)
        axes.step(x, best, where="post", color=colour, linewidth=1.8, label=f"{name}: best so far {band}")
        axes.fill_between(x, best - se, best + se, step="post", color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel("evaluations")
    axes.set_ylabel(label)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return make_png(figure)


def loss_plot(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw the training loss over steps, as logged and smoothed."""
    figure, axes = make_axes(height=3.0)
    steps = np.array([line["step"] for line in lines], dtype=float)
    loss = np.array([line["total"] for line in lines], dtype=float)
    axes.plot(steps, loss, color=BLUE, alpha=0.3, linewidth=1.0, label="as logged")
    window = max(1, len(loss) // 25)
    if window > 1:
        smooth = np.convolve(loss, np.ones(window) / window, mode="valid")
        axes.plot(steps[window - 1 :], smooth, color=BLUE, linewidth=1.8, label=f"mean of {window} lines")
        axes.legend(frameon=False, fontsize=9)
    axes.set_xlabel("training step")
    axes.set_ylabel("loss")
    return make_png(figure)


def items_plot(models: Mapping[str, Mapping[str, float]], label: str) -> bytes:
    """Draw the score of each item for several models; the first one gives the order. Many items have no names."""
    first = next(iter(models.values()))
    names = sorted(first, key=lambda name: first[name], reverse=True)
    named = len(names) <= NAMED
    figure, axes = make_axes(height=max(2.4, 0.9 + 0.21 * len(names)) if named else 8.0)
    y = np.arange(len(names))
    axes.barh(y, [first[name] for name in names], height=0.72, color=BLUE, alpha=0.75, label=next(iter(models)))
    for (model, scores), colour, marker in zip(list(models.items())[1:], COLOURS[1:], "osD^v", strict=False):
        places = [(index, scores[name]) for index, name in enumerate(names) if name in scores]
        axes.scatter([score for _, score in places], [index for index, _ in places], s=20, color=colour, marker=marker,
                     label=model, zorder=3)  # fmt: skip
    axes.set_yticks(*((y, names) if named else ((), ())), fontsize=7)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _limit(axes, [score for scores in models.values() for score in scores.values()])
    axes.set_xlabel(label)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return make_png(figure)


def _limit(axes: Axes, scores: Iterable[float]) -> None:
    """Show 0 to 1, unless the reward goes beyond."""
    if all(0 <= score <= 1 for score in scores):
        axes.set_xlim(0, 1)


def frequency_plot(rows: Sequence[OpFrequency]) -> bytes:
    """Draw the share of each op for each gene; a frame marks shares outside the band of chance."""
    from matplotlib.patches import Rectangle

    genes = list(dict.fromkeys(row.place for row in rows))
    ops = list(dict.fromkeys(row.op for row in rows))
    figure, axes = make_axes(width=max(5.0, 2.6 + 1.0 * len(ops)), height=max(2.4, 1.2 + 0.21 * len(genes)))
    shares = np.full((len(genes), len(ops)), np.nan)
    for row in rows:
        y, x = genes.index(row.place), ops.index(row.op)
        shares[y, x] = row.frequency
        axes.text(x, y, f"{row.frequency:.2f}", ha="center", va="center", fontsize=7,
                  color="white" if row.frequency > 0.6 else "black",
                  weight="bold" if row.beyond_chance else "normal")  # fmt: skip
        if row.beyond_chance:
            corner = (x - 0.48, y - 0.45)
            axes.add_patch(Rectangle(corner, 0.96, 0.9, fill=False, edgecolor=RED, linewidth=1.4))
    image = axes.imshow(shares, aspect="auto", vmin=0, vmax=1, cmap="Blues")
    axes.grid(False)
    axes.set_xticks(range(len(ops)), ops, fontsize=8)
    axes.set_yticks(range(len(genes)), genes, fontsize=7)
    figure.colorbar(image, ax=axes, label=f"share among the best {rows[0].draws}", shrink=0.6)
    return make_png(figure)


def conditions_plot(rows: Sequence[ConditionEffect], label: str) -> bytes:
    """Draw the score under both conditions of each row, with their difference."""
    figure, axes = make_axes(width=7.0, height=1.0 + 0.6 * len(rows))
    conditions = dict.fromkeys(name for row in rows for name in (row.reference, row.other))
    colours = dict(zip(conditions, COLOURS, strict=False))
    for index, row in enumerate(rows):
        values = {row.reference: row.reference_value, row.other: row.other_value}
        axes.plot(list(values.values()), [index, index], color=GREY, linewidth=2, zorder=1)
        for name, value in values.items():
            axes.scatter(value, index, s=60, color=colours.get(name, GREY), zorder=2)
        axes.annotate(difference_text(row.difference), (max(values.values()), index), (8, 0),
                      textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    for name, colour in colours.items():
        axes.scatter([], [], s=60, color=colour, label=name)
    axes.set_yticks(range(len(rows)), [f"{row.part.replace('_', ' ')}, {row.n}" for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _limit(axes, [value for row in rows for value in (row.reference_value, row.other_value)])
    axes.set_xlabel(label)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return make_png(figure)


def seeds_plot(arms: Mapping[str, ArmResult], label: str) -> bytes:
    """Draw test scores of each arm for each seed, and those of validation where they are of the same reward."""
    figure, axes = make_axes(width=7.0)
    width = 0.7 / len(arms)
    seeds = [row.seed for row in next(iter(arms.values())).seeds]
    for number, ((name, arm), colour) in enumerate(zip(arms.items(), COLOURS, strict=False)):
        x = np.arange(len(seeds)) + (number - (len(arms) - 1) / 2) * width
        axes.bar(x, [row.test for row in arm.seeds], width * 0.92, color=colour, alpha=0.8, label=f"{name}, test")
        if arm.gap is not None:
            axes.scatter(x, [row.validation for row in arm.seeds], marker="_", s=160, color="black", zorder=3,
                         label="" if number else "validation")  # fmt: skip
    axes.set_xticks(range(len(seeds)), [f"seed {seed}" for seed in seeds])
    axes.set_ylabel(label)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return make_png(figure)


def difference_plot(differences: Sequence[Difference], label: str, margin: float) -> bytes:
    """Draw paired differences with their intervals, the differences of single seeds, and the margin as a band."""
    figure, axes = make_axes(width=8.0, height=1.6 + 0.5 * len(differences))
    axes.axvspan(-margin, margin, color=GREEN, alpha=0.15, linewidth=0, label=f"within ±{margin:g}: equivalent")
    axes.axvline(0, color="black", linewidth=0.8)
    for index, row in enumerate(differences):
        colour = BLUE if row.difference.clear_of_zero else GREEN if row.equivalent else GREY
        axes.plot([row.difference.low, row.difference.high], [index, index], color=colour, linewidth=2.5)
        axes.scatter(row.difference.value, index, s=50, color=colour, zorder=3)
        axes.scatter(row.per_seed, [index] * len(row.per_seed), s=80, marker="|", color=RED, zorder=4,
                     label="" if index else "single seeds")  # fmt: skip
    for colour, text in ((BLUE, "clear of zero"), (GREY, "contains zero")):
        axes.plot([], [], color=colour, linewidth=2.5, label=text)
    labels = [f"{row.first} - {row.other}\n{row.kind.replace('_', ' ')}" for row in differences]
    axes.set_yticks(range(len(differences)), labels, fontsize=8)
    axes.set_ylim(len(differences) - 0.5, -0.5)
    axes.set_xlabel(label)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return make_png(figure)
