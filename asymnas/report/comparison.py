"""The report of a comparison: its verdicts, the differences, where their variance comes from, every seed."""

from __future__ import annotations

from functools import partial

from asymnas.report.plots import difference_plot, seeds_plot
from asymnas.report.sections import Figure, Section
from asymnas.report.texts import difference_text, facts_text, span, verdict
from asymnas.runs.summary import CompareSummary, Difference, Outlook, PowerSummary

FACTORS = {"seed": "seeds", "item": "{noun}", "interaction": "both together, and noise"}


def comparison_sections(summary: CompareSummary) -> list[Section]:
    """Return what a finished comparison found."""
    facts = facts_text(summary.test_facts)
    note = (
        f"Arms {', '.join(summary.arms)}; seeds {', '.join(map(str, summary.seeds))}; scored on {summary.test_items} "
        f"held-out {summary.noun}, {facts}"
    ).removesuffix(", ")
    if summary.power is not None:
        note += f"\nExpected before the start: {_promise(summary.power)} The variances were {summary.power.source}."
    return [
        Section("", note=note),
        *_differences(summary),
        *_variances(summary),
        *_budgets(summary),
        _seeds(summary),
        _cost(summary),
    ]


def power_sections(power: PowerSummary | None) -> list[Section]:
    """Return what a comparison that has not begun will be able to see; None: nothing is known."""
    if power is None:
        return [Section("", note="What difference this will see is not known before; --like RUN tells it.")]
    note = f"{_promise(power)} {_enough(power, power.noun, power.margin)}\nThe variances are {power.source}."
    return [Section("What this comparison can see", *_table(power, power.noun), note=note)]


def _promise(power: PowerSummary) -> str:
    planned, *_ = power.prospects
    seeds, alone = f"{planned.seeds} seeds", ""
    if planned.seeds == 1:
        seeds, alone = "1 seed", f" It is over {power.noun} alone, and says nothing of other seeds."
    return (
        f"With {seeds} and {planned.items} {power.noun} a true difference of {planned.detectable:.3f} is "
        f"found with 80% power, and the {_percent(power.level)} interval is about ±{planned.half_width:.3f}.{alone}"
    )


def _differences(summary: CompareSummary) -> list[Section]:
    if not summary.differences:
        return []
    reward, level = summary.reward.title, _percent(summary.level)
    own = {row.kind: summary.alike or row.kind != "validation" for row in summary.differences}  # in the reward's unit
    rows = tuple(
        (
            f"{_pair(row)}, {row.kind.replace('_', ' ')}{'' if own[row.kind] else f', {summary.climbed.title}'}",
            difference_text(row.difference),
            f"{row.items} {summary.noun if own[row.kind] else summary.climbed.noun} x {len(row.per_seed)} seeds",
            verdict(row.difference),
            _within(row, summary.margin) if own[row.kind] else "-",
        )
        for row in summary.differences
    )
    label = f"difference in {reward}, {level} interval over seeds and {summary.noun}"
    drawn = partial(difference_plot, [row for row in summary.differences if own[row.kind]], label, summary.margin)
    head = ("difference", f"{reward}, {level} interval", "measured on", "", f"within ±{summary.margin:g}")
    said = "\n".join(f"{row.kind.replace('_', ' ')}: {row.verdict}" for row in summary.differences)
    return [Section("Differences", head, rows, said, (Figure(drawn, "png", "paired differences"),))]


def _variances(summary: CompareSummary) -> list[Section]:
    factors = {key: name.format(noun=summary.noun) for key, name in FACTORS.items()}
    rows = tuple(
        (_pair(row), *(f"{row.outlook.share[key]:.0%} ({row.outlook.sd[key]:.3f})" for key in factors))
        for row in _test(summary)
    )
    note = (
        "Share of each in the variance of the test difference, and in brackets the standard deviation of one paired "
        "difference. More seeds make the first and the last smaller, more items the second and the last."
    )
    if len(summary.seeds) == 1:
        note = "One seed: what seeds add is not known, and is in no interval here."
    elif len(summary.seeds) < 5:
        note += f" {len(summary.seeds)} seeds tell the first roughly."
    return (
        [Section("Where the uncertainty comes from", ("test difference", *factors.values()), rows, note)]
        if rows
        else []
    )


def _budgets(summary: CompareSummary) -> list[Section]:
    return [
        Section(
            f"What more budget buys: {_pair(row)}",
            *_table(row.outlook, summary.noun),
            note=_enough(row.outlook, summary.noun, summary.margin) if len(summary.seeds) > 1 else "",
        )
        for row in _test(summary)
        if row.outlook.prospects
    ]


def _table(outlook: Outlook, noun: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = tuple(
        (f"{item.seeds} seeds, {item.items} {noun}", f"±{item.half_width:.3f}", f"{item.detectable:.3f}")
        for item in outlook.prospects
    )
    return ("budget", "interval", "detectable with 80% power"), rows


def _enough(outlook: Outlook, noun: str, margin: float) -> str:
    items = outlook.prospects[0].items
    if outlook.seeds_needed is None:
        return f"256 seeds of {items} {noun} are too few for an interval of ±{margin:g}: it takes more {noun}."
    return f"An interval of ±{margin:g} takes {outlook.seeds_needed} seeds of {items} {noun}."


def _percent(level: float) -> str:
    return f"{100 * level:.6g}%"


def _within(row: Difference, margin: float) -> str:
    beyond = row.difference.low >= margin or row.difference.high <= -margin
    return "yes" if row.equivalent else "no" if beyond else "open"


def _test(summary: CompareSummary) -> list[Difference]:
    return [row for row in summary.differences if row.kind == "test"]


def _pair(row: Difference) -> str:
    return f"{row.first} - {row.other}"


def _seeds(summary: CompareSummary) -> Section:
    every = [seed for arm in summary.arms.values() for seed in arm.seeds]
    others = {"random search, test": "random_search_test", "random median, test": "random_median_test"}
    others = {title: name for title, name in others.items() if any(getattr(seed, name) is not None for seed in every)}
    rows: list[tuple[str, ...]] = []
    for name, arm in summary.arms.items():
        for seed in arm.seeds:
            gap = () if seed.gap is None else (f"{seed.gap:+.3f}",)
            scores = (f"{seed.validation:.3f}", f"{seed.test:.3f}", *gap)
            more = (getattr(seed, other) for other in others.values())
            rows.append((name, str(seed.seed), *scores, *("" if value is None else f"{value:.3f}" for value in more)))
        if arm.gap is not None:
            rows.append((name, "all", "", "", difference_text(arm.gap)))
    head = ("arm", "seed", "validation", "test", *(["gap"] if summary.alike else []), *others)
    note = (
        "The gap is validation minus test."
        if summary.alike
        else f"Validation is what the searches climbed, {summary.climbed.title}; test is {summary.reward.title}."
    )
    drawn = (Figure(partial(seeds_plot, summary.arms, summary.reward.title), "png", "score of each seed"),)
    return Section("Seed by seed", head, tuple(rows), note, drawn)


def _cost(summary: CompareSummary) -> Section:
    rows = tuple((name, f"{arm.budget:,}", span(arm.seconds)) for name, arm in summary.arms.items())
    return Section("Cost", ("arm", "evaluations a search", "time of a run"), rows)
