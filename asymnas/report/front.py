"""The report's section on a search of several objectives."""

from __future__ import annotations

from functools import partial

import numpy as np

from asymnas.report.plots import BLUE, GREY, RED, make_axes, make_png
from asymnas.report.sections import Figure, Section
from asymnas.runs.pareto import ParetoFile
from asymnas.search.objectives import Objective


def front_section(front: ParetoFile) -> Section:
    """Return the table of the Pareto front, its picture and how it grew."""
    knee = front.pick("knee")
    rows = [
        (
            f"{number}{' (knee)' if point is knee else ''}",
            *(_value(name, point.values[name]) for name in front.objectives),
            point.key,
            str(point.generation + 1),
        )
        for number, point in enumerate(front.points, start=1)
    ]
    reference = ", ".join(f"{name} {_value(name, value)}" for name, value in front.reference.items())
    note = (
        f"{len(front.points)} of {len(front.points) + len(front.others)} architectures are beaten by no other in every "
        f"objective. Hypervolume after the last generation {front.hypervolume[-1]:.3f}, as a share of the box between "
        f"the best values found and the reference point ({reference}). "
        "`asymnas export RUN --pick knee` writes one as architecture.json; so do a number of this table, "
        f"best-{front.objectives[0]} and a limit such as '{front.limit}'."
    )
    figures = (
        *(Figure(partial(front_plot, front, name), "png", f"Pareto front, {name}") for name in front.objectives[1:]),
        Figure(partial(volume_plot, front), "png", "hypervolume over generations"),
    )
    return Section("Pareto front", ("", *front.objectives, "architecture", "generation"), tuple(rows), note, figures)


def _value(name: str, value: float) -> str:
    objective = Objective(name)
    if objective.maximised:
        return f"{value:.4f}"
    return f"{value:.3f} ms" if objective.kind == "latency" else f"{value / 1e6:.3f} M"


def front_plot(front: ParetoFile, other: str) -> bytes:
    """Draw all architectures by the first objective and another one, the front in colour."""
    first, x = front.objectives[0], front.objectives.index(other)
    rest = np.array(front.others).reshape(len(front.others), len(front.objectives))
    best = np.array([[point.values[name] for name in front.objectives] for point in front.points])
    knee = front.points.index(front.pick("knee"))
    figure, axes = make_axes(width=5.5)
    axes.scatter(rest[:, x], rest[:, 0], s=14, color=GREY, alpha=0.6, linewidths=0, label="others")
    axes.scatter(best[:, x], best[:, 0], s=26, color=BLUE, label="Pareto front")
    axes.scatter(best[knee, x], best[knee, 0], s=90, facecolors="none", edgecolors=RED, label="knee")
    axes.set_xlabel(other)
    axes.set_ylabel(first)
    axes.legend(frameon=False, fontsize=9)
    return make_png(figure)


def volume_plot(front: ParetoFile) -> bytes:
    """Draw the hypervolume over generations."""
    figure, axes = make_axes(height=2.6)
    axes.plot(range(1, len(front.hypervolume) + 1), front.hypervolume, color=BLUE, marker="o", markersize=4)
    axes.set_xlabel("generation")
    axes.set_ylabel("hypervolume (share)")
    return make_png(figure)
