"""The section of a diagnosis: how far the scores of a run can be trusted to rank architectures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from asymnas.report import diagnosis_plots as plots
from asymnas.report.sections import Figure, Section
from asymnas.report.texts import interval_text
from asymnas.runs.diagnosis import Diagnosis, EstimatorCheck, ItemsNeeded, RankAgreement, Ranking, RecalibrationNoise

SCATTERS = 6
"""Pairs of measures that are drawn."""


def diagnosis_sections(found: Diagnosis) -> list[Section]:
    """Return what a diagnosis says, its sentence first; what is missing is left out."""
    rankings = [*found.rankings, *([found.new_items] if found.new_items else [])]
    sections = [Section("How far the scores can be trusted", note=found.sentence)]
    if rankings:
        sections += [_rankings(rankings), _variances(rankings), _winners(rankings)]
    new = [found.new_agreement] if found.new_agreement else []
    sections += _agreements("Agreement of measures", [*found.agreements, *new])
    if found.estimator_check:
        sections.append(_estimator(found.estimator_check))
    sections += _agreements("Agreement of conditions", found.conditions)
    sections += _agreements("Agreement of supernets", found.seeds)
    alone = [found.standalone] if found.standalone else []
    sections += _agreements("Supernet and trained alone", [*alone, *found.held])
    if found.recalibration:
        sections.append(_recalibration(found.recalibration))
    return sections


def _rankings(rankings: Sequence[Ranking]) -> Section:
    rows = tuple(
        (
            _stage(item),
            item.name,
            f"{item.architectures}" + (f" of {item.scored}" if item.scored > item.architectures else ""),
            interval_text(item.reliability),
            interval_text(item.split_half_tau),
            "-" if item.seconds is None else f"{item.seconds:.3g} s",
        )
        for item in rankings
    )
    note = (
        "Reliability is the share of the variance of the measured means that is due to the architectures; the rest is "
        "noise of the items."
    )
    head = ("architectures of", "measure", "n", "reliability", "split-half tau", "time each")
    drawn = [Figure(partial(plots.reliability_plot, rankings), "png", "reliability by number of items")]
    if any(item.seconds for item in rankings):
        by_seconds = partial(plots.reliability_plot, rankings, by_seconds=True)
        drawn.append(Figure(by_seconds, "png", "reliability by seconds an architecture"))
    return Section("Reliability", head, rows, note, tuple(drawn))


def _variances(rankings: Sequence[Ranking]) -> Section:
    rows = tuple(
        (
            _stage(item),
            item.name,
            *(f"{part.value**0.5:.4f}" for part in (item.architecture, item.item, item.residual)),
            *(_needed_text(item.needed[target]) for target in ("0.8", "0.9")),
        )
        for item in rankings
    )
    head = ("architectures of", "measure", "architectures", "items", "rest", "items for 0.8", "items for 0.9")
    note = (
        "Standard deviations between architectures, between items, and of the rest: interaction and noise of one "
        "item. How many items would give a reliability of 0.8 and 0.9; - where no number is known to be enough."
    )
    picture = Figure(partial(plots.variance_plot, rankings), "png", "variance of a score by its sources")
    return Section("Where the variance comes from", head, rows, note, (picture,))


def _stage(item: Ranking) -> str:
    return item.stage if item.rung is None else f"{item.stage}, rung {item.rung}"


def _winners(rankings: Sequence[Ranking]) -> Section:
    head = ("best of", "measure", "in the best tenth", "lead", "expected to vanish", "not told from it")
    rows = tuple(
        (
            _stage(item),
            item.name,
            interval_text(item.best_tenth),
            f"{item.lead:+.4f}",
            f"{item.shrinkage:.4f}",
            f"{item.not_worse} of {item.architectures - 1}",
        )
        for item in rankings
    )
    note = (
        "The probability that the highest mean is truly among the best tenth, its lead over the mean of all, how much "
        "of the lead is expected to vanish on new items, and how many others paired tests cannot tell from it."
    )
    return Section("What the highest score is worth", head, rows, note)


def _agreements(title: str, pairs: Sequence[RankAgreement]) -> Iterator[Section]:
    if not pairs:
        return
    head = ("one", "other", "n", "tau", "corrected tau", "compared")
    rows = tuple(
        (
            item.first,
            item.other,
            str(item.architectures),
            interval_text(item.tau),
            interval_text(item.corrected),
            item.how,
        )
        for item in pairs
    )
    note = "Kendall tau of the measured means, and what it would be without the noise of both sides."
    drawn = tuple(
        Figure(partial(plots.agreement_plot, item), "png", f"{item.first} against {item.other}")
        for item in pairs[:SCATTERS]
    )
    yield Section(title, head, rows, note, drawn)


def _estimator(found: EstimatorCheck) -> Section:
    head = ("architectures", "new items", "tau", "corrected tau", "reliability of the new items", "intervals hold")
    row = (
        str(found.architectures),
        f"{found.items:,}",
        interval_text(found.tau),
        interval_text(found.corrected),
        interval_text(found.truth_reliability),
        "-" if found.coverage is None else f"{found.coverage:.0%} (of {found.level:.0%})",
    )
    note = "What the estimator says that architectures are worth, against items that nothing was fitted to."
    picture = Figure(partial(plots.worth_plot, found), "png", "worth against new items")
    return Section("The estimator on new items", head, (row,), note, (picture,))


def _recalibration(found: RecalibrationNoise) -> Section:
    taus = [interval_text(item.tau if item else None) for item in found.agreement] + ["1"]
    rows = tuple(
        (str(number), f"{mean:.4f}", tau) for number, mean, tau in zip(found.batches, found.means, taus, strict=True)
    )
    note = (
        f"The same architectures on the same items: sd between architectures {found.spread.value:.4f}, sd of one "
        f"architecture's score between numbers of batches {interval_text(found.noise, '.4f')}."
    )
    head = ("recalibration batches", "mean score", f"tau with {found.batches[-1]}")
    return Section("Noise of the normalisation statistics", head, rows, note)


def _needed_text(needed: ItemsNeeded) -> str:
    value, low, high = ("-" if end is None else f"{end:,}" for end in (needed.value, needed.low, needed.high))
    return f"{value} [{low}, {high}]"
