"""The report of a comparison: its verdicts, the differences, every seed."""

from __future__ import annotations

from functools import partial

from asymnas.report.plots import difference_plot, seeds_plot
from asymnas.report.sections import Figure, Section
from asymnas.report.texts import difference_text, facts_text, verdict
from asymnas.runs.summary import CompareSummary


def comparison_sections(summary: CompareSummary) -> list[Section]:
    """Return what a finished comparison found."""
    facts = facts_text(summary.test_facts)
    note = (
        f"Spaces {', '.join(summary.spaces)}; seeds {', '.join(map(str, summary.seeds))}; {summary.budget} evaluations "
        f"a search; scored on {summary.test_items} held-out {summary.noun}, {facts}".removesuffix(", ")
    )
    return [Section("", note=note), *_differences(summary), _seeds(summary)]


def _differences(summary: CompareSummary) -> list[Section]:
    if not summary.differences:
        return []
    reward, level = summary.reward.title, f"{summary.level:.0%}"
    rows = tuple(
        (
            f"{row.first} - {row.other}, {row.kind.replace('_', ' ')}",
            difference_text(row.difference),
            f"{row.items} {summary.noun} x {len(row.per_seed)} seeds",
            verdict(row.difference),
        )
        for row in summary.differences
    )
    label = f"difference in {reward}, {level} interval over seeds and {summary.noun}"
    drawn = (Figure(partial(difference_plot, summary.differences, label), "png", "paired differences"),)
    head = ("difference", f"{reward}, {level} interval", "measured on", "")
    said = "\n".join(f"{row.kind.replace('_', ' ')}: {row.verdict}" for row in summary.differences)
    return [Section("Differences", head, rows, said, drawn)]


def _seeds(summary: CompareSummary) -> Section:
    every = [seed for space in summary.spaces.values() for seed in space.seeds]
    others = {"random search, test": "random_search_test", "random median, test": "random_median_test"}
    others = {title: name for title, name in others.items() if any(getattr(seed, name) is not None for seed in every)}
    rows: list[tuple[str, ...]] = []
    for name, space in summary.spaces.items():
        for seed in space.seeds:
            scores = (f"{seed.validation:.3f}", f"{seed.test:.3f}", f"{seed.gap:+.3f}")
            more = (getattr(seed, other) for other in others.values())
            rows.append((name, str(seed.seed), *scores, *("" if value is None else f"{value:.3f}" for value in more)))
        rows.append((name, "all", "", "", difference_text(space.gap)))
    head = ("space", "seed", "validation", "test", "gap", *others)
    drawn = (Figure(partial(seeds_plot, summary.spaces, summary.reward.title), "png", "score of each seed"),)
    return Section(
        f"Seed by seed, {summary.reward.title}", head, tuple(rows), "The gap is validation minus test.", drawn
    )
