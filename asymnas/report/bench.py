"""What tables of the truth and searches of them show: tables, sentences, plots."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from asymnas.report.plots import COLOURS, make_axes, make_png
from asymnas.report.sections import Figure, Section
from asymnas.report.texts import interval_text, span

if TYPE_CHECKING:
    from asymnas.study import AgainstTruth, BenchResult, TruthSummary


def truth_sections(truth: TruthSummary) -> list[Section]:
    """Return what a table says."""
    items = ", ".join(f"{count} {split}" for split, count in truth.items.items())
    note = (
        f"{truth.architectures:,} architectures of {truth.space}, each trained alone with {truth.seeds} seeds "
        f"({span(truth.seconds)} of one core); {items} items; fingerprint {truth.fingerprint}.\n"
        f"Kendall's tau between validation and test means: {truth.tau:.2f}. Noise of one item: {truth.item_noise:.3f}."
    )
    return [
        Section("A table of the truth", note=note),
        _spreads(truth),
        _importance(truth),
        _asymmetry(truth),
        _examples(truth),
    ]


def _spreads(truth: TruthSummary) -> Section:
    numbers = ("mean", "lowest", "highest", "sd architectures", "sd seeds", "common")
    head = ("score", *numbers, "reliability of 1", "of mean")
    rows = tuple(
        (
            f"{row.split}, {row.condition}, {row.measure.replace('_', ' ')}",
            *(f"{value:.3f}" for value in (row.mean, row.low, row.high)),
            *(f"{value:.4f}" for value in (row.architectures, row.seeds, row.common)),
            interval_text(row.reliability),
            f"{row.reliability_of_mean.value:.2f}",
        )
        for row in truth.spreads
    )
    said = (
        "Standard deviations between architectures (without the noise of seeds), between trainings of one "
        "architecture, and common to all trainings of a seed, which changes no order.\n"
        f"Reliability of one training, and of the mean of {truth.seeds}."
    )
    return Section("Spread and seed noise", head, rows, said)


def _importance(truth: TruthSummary) -> Section:
    rows = tuple(
        (row.name, row.kind, f"{row.share:.1%}", row.best, "" if row.gain is None else f"{row.gain:+.4f}")
        for row in truth.importance
    )
    said = "Share of the variance between true values; a gene's main effect alone, a part with all that is within it."
    return Section("What matters", ("genes", "", "share", "best op", "its gain"), rows, said)


def _asymmetry(truth: TruthSummary) -> Section:
    head = ("MACs at most", "symmetric", "asymmetric", "best symmetric", "best asymmetric", "difference, 95 % interval")
    rows = tuple(
        (
            f"{row.budget:,} ({row.share:.0%})",
            f"{row.symmetric:,}",
            f"{row.asymmetric:,}",
            f"{row.best_symmetric:.4f}",
            f"{row.best_asymmetric:.4f}",
            interval_text(row.difference, "+.4f"),
        )
        for row in truth.asymmetry
    )
    said = "Chosen by the validation items of all seeds but one, scored by the test items of that one."
    return Section("Symmetric against asymmetric", head, rows, said)


def _examples(truth: TruthSummary) -> Section:
    rows = tuple(
        (
            row.what,
            f"{row.value:.4f} ± {row.se:.4f}",
            f"{row.macs:,}",
            ", ".join(f"{name} {op}" for name, op in row.genes.items()),
        )
        for row in truth.examples
    )
    return Section("Examples", ("which", "true value", "MACs", "ops"), rows)


def bench_sections(result: BenchResult) -> list[Section]:
    """Return how good searchers were."""
    noise = {"seed": "of one training", "items": "of the mean over the trainings", "none": "without noise"}
    note = (
        f"{result.seeds} searches each of {result.space} (table {result.table}), {result.budget} evaluations of "
        f"{result.items} items {noise[result.noise]}; the best true value is {result.best:.4f}, "
        f"a random architecture's regret {result.chance:.4f}."
    )
    rows = tuple(
        (arm.name, str(arm.architectures), interval_text(arm.regret, ".4f"), f"{arm.found:.4f}", f"{arm.rank:.0f}")
        for arm in result.arms
    )
    head = ("arm", "architectures", "regret, 95 % interval", "true value", "median rank")
    drawn = (Figure(partial(regret_plot, result), "png", "regret over cost"),)
    ratios = tuple((f"{row.arm} / {row.other}", interval_text(row.ratio)) for row in result.ratios)
    return [
        Section("Searches of the table", head, rows, note, drawn),
        Section("Ratio of regrets", ("arms", "ratio, 95 % interval"), ratios, "Below 1 the first one is better."),
    ]


def against_sections(found: AgainstTruth) -> list[Section]:
    """Return how a run's scores order architectures, against their true values."""
    rows = (
        ("architectures", str(found.architectures)),
        ("Kendall's tau with the truth, 95 % interval", interval_text(found.tau)),
        ("tau without the noise of the truth", f"{found.corrected:.2f}"),
        ("correlation with the truth", f"{found.pearson:.2f}"),
        ("true value of the highest score", f"{found.chosen:.4f}"),
        ("its regret", f"{found.regret:.4f}"),
        ("mean true value of the table", f"{found.random:.4f}"),
    )
    return [Section("The run against the truth", rows=rows, note=f"Table {found.table}.")]


def regret_plot(result: BenchResult) -> bytes:
    """Draw the mean regret over the items spent, with bands of 95 %."""
    figure, axes = make_axes(height=4.2)
    for arm, colour in zip(result.arms, itertools.cycle(COLOURS), strict=False):
        points = [
            (cost, band.value, band.low, band.high)
            for cost, band in zip(result.costs, arm.curve, strict=True)
            if band is not None
        ]
        x, value, low, high = np.array(points, float).T
        axes.step(x, value, where="post", color=colour, linewidth=1.8, label=arm.name)
        axes.fill_between(x, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
    axes.axhline(result.chance, color="#8c8c8c", linewidth=1.0, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("items spent")
    axes.set_ylabel("regret of the choice")
    axes.legend(frameon=False, fontsize=9)
    return make_png(figure)
