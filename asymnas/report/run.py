"""The report of a run: its sections, from its typed summary, its log and its training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from asymnas.report import plots
from asymnas.report.diagnosis import diagnosis_sections
from asymnas.report.frequencies import agreement, frequencies_section
from asymnas.report.front import front_section
from asymnas.report.sections import Figure, Section
from asymnas.report.texts import difference_text, measured_on, names, score_text, span, verdict
from asymnas.runs.diagnosis import read_diagnosis
from asymnas.runs.summary import (
    CostSummary,
    RunSummary,
    Score,
    SearchCounts,
    TestResults,
    TrainingSummary,
    UnfinishedSummary,
)

if TYPE_CHECKING:
    from asymnas.runs.read import RunData

DRAWN = 100
"""Items that a figure has a line for each of."""

LISTED = 40
"""Items that a terminal lists with their scores; a page has them all."""


def summary_sections(summary: RunSummary) -> list[Section]:
    """Return what a finished run found, the architecture first and then the scores; what is missing is left out."""
    reward, test, found = summary.reward.title, summary.test, summary.architecture
    scored = {"test": test.best if test else None, "validation": summary.validation}
    architecture = Section(
        f"Best architecture {found.key} of {summary.space}",
        text=found.drawing,
        details=((f"All {len(found.genes)} genes", "\n".join(f"{gene}: {op}" for gene, op in found.genes.items())),),
    )
    searches = {"search": summary.search, "random search": summary.random_search}
    sections = [
        architecture,
        _scores(summary, reward),
        _conditions(test, reward),
        _climbed(summary),
        _learnt(summary.search, summary.climbed.title),
        _items({name: score for name, score in scored.items() if score}, test, reward, summary.noun),
        _cost(summary.cost),
        *(_finals(name, counts, summary) for name, counts in searches.items()),
        _budget(summary),
    ]
    return [section for section in sections if section is not None]


def run_sections(run: RunData, extra: Sequence[Section] = ()) -> list[Section]:
    """Return all sections of a run's page, finished or not; `extra` are those of its task."""
    sections = [Section("", note=f"task {run.job.get('task', 'tracking')}, seed {run.job.get('seed')}")]
    if isinstance(run.summary, RunSummary):
        architecture, *rest = summary_sections(run.summary)
        sections += [
            *rest[:1],
            *extra,
            *_search(run),
            *_diagnosis(run),
            *rest[1:],
            replace(architecture, note=agreement(run)),
        ]
    else:
        found = run.so_far
        items = {"validation": found.validation} if found.validation else {}
        sections += [so_far(found), *extra, *_search(run), *_diagnosis(run)]
        sections += filter(None, [_items(items, None, found.reward, "items")])
    sections += [*frequencies_section(run), *_training(run), provenance(run)]
    return sections


def provenance(run: RunData) -> Section:
    """Return the section on job, weights, versions and time of a run or comparison."""
    source = dict(run.architecture.get("provenance") or {})
    versions, seconds = source.get("versions") or {}, 0.0
    if run.summary:
        versions, times = run.summary.versions, run.summary.seconds
        seconds = sum(times.values()) if isinstance(times, dict) else times
        if isinstance(run.summary, RunSummary):
            source["weights_hash"] = run.summary.weights_hash
    rows = [(key.replace("_", " "), str(value)) for key, value in source.items() if not isinstance(value, Mapping)]
    rows += [("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))] if versions else []
    rows += [("time", span(seconds))] if seconds else []
    written = (run.folder / "job.yaml").read_text(encoding="utf-8")
    return Section("Where this comes from", rows=tuple(rows), details=(("job.yaml", written),))


def _training_text(training: TrainingSummary) -> str:
    """Write `720 steps, 23,040 samples, 84 samples/s`."""
    pace = f", {training.samples / training.seconds:.0f} samples/s" if training.seconds else ""
    return f"{training.steps:,} steps, {training.samples:,} samples{pace}"


def _counts_text(counts: SearchCounts) -> str:
    """Write `16 evaluations, 2 from the log, 1 failed`."""
    parts = [f"{counts.evaluated} evaluations"]
    parts += [f"{counts.from_log} from the log"] if counts.from_log else []
    parts += [f"{counts.failed} failed"] if counts.failed else []
    return ", ".join(parts)


def _scores(summary: RunSummary, reward: str) -> Section | None:
    noun, test = summary.noun, summary.test
    rows = [] if _climbs_another(summary) else _search_rows(summary)
    rows += _test_rows(test, noun) if test else []
    score = (test.best if test else None) or summary.validation
    title = ", ".join(part for part in (f"{reward} ± SE over {noun}", names(score.facts) if score else "") if part)
    return Section(title, ("", reward, "measured on"), tuple(rows)) if rows else None


def _climbs_another(summary: RunSummary) -> bool:
    return summary.climbed.name != summary.reward.name


def _search_rows(summary: RunSummary) -> list[tuple[str, ...]]:
    """What chose the architecture, by the reward that the search climbed."""
    random, noun = summary.random_search, summary.climbed.noun
    where = "finals" if summary.search and summary.search.finalists else "validation"
    rows: list[tuple[str, ...]] = []
    if summary.validation:
        on = measured_on(summary.validation, noun) + _given(summary.validation)
        rows.append((f"best, {where} (what was climbed)", score_text(summary.validation), on))
    if random and random.best:
        rows.append((f"best of random search, {where}", score_text(random.best), f"same {noun}, same budget"))
    return rows


def _climbed(summary: RunSummary) -> Section | None:
    """What the search climbed, where that is not what the test measures."""
    rows = _search_rows(summary) if _climbs_another(summary) else []
    title = summary.climbed.title
    head = ("", title, "measured on")
    return (
        Section(f"What the search climbed: {title} ± SE over {summary.climbed.noun}", head, tuple(rows))
        if rows
        else None
    )


def _test_rows(test: TestResults, noun: str) -> Iterator[tuple[str, ...]]:
    """The found architecture on the held-out items, and all that it is compared with."""
    same = f"same {noun}"
    if test.best:
        yield "best, held-out test", score_text(test.best), measured_on(test.best, noun) + _given(test.best)
        for name, part in test.parts.items():
            yield f"  {name.replace('_', ' ')}", score_text(part), f"{part.n} {noun}"
    if test.random_search:
        yield "best of random search, test", score_text(test.random_search), same
    random = test.random_architectures
    if random:
        yield f"median of {random.n} random architectures", f"{random.median:.3f}", same
        yield from _difference("median", random.difference)
    for name, score in test.baselines.items():
        yield name.replace("_", " "), score_text(score), same
        yield from _difference(name.replace("_", " "), score.difference)
    for name, error in test.failed.items():
        yield name, "failed", str(error).partition("\n")[0][:100]


def _difference(name: str, difference: Any) -> Iterator[tuple[str, ...]]:
    if difference:
        yield f"  best - {name}", difference_text(difference), f"95 % interval, {verdict(difference)}"


def _given(score: Score) -> str:
    """Which conditions a score is the mean of."""
    found = list(score.by_condition)
    return "" if not found else f", condition {found[0]}" if len(found) == 1 else f", mean of {', '.join(found)}"


def _conditions(test: TestResults | None, reward: str) -> Section | None:
    if not test or not test.conditions:
        return None
    rows = []
    for row in test.conditions:
        values = (row.reference, f"{row.reference_value:.3f}", row.other, f"{row.other_value:.3f}")
        part = f"{row.part.replace('_', ' ')}, {row.n}"
        rows.append((part, *values, difference_text(row.difference), verdict(row.difference)))
    head = ("part", "condition", reward, "against", reward, "paired difference", "95 % interval")
    draw = partial(plots.conditions_plot, test.conditions, f"{reward}; the difference is paired by item, 95 % interval")
    picture = Figure(draw, "png", "scores under each condition")
    return Section("What the inputs are worth, held-out test", head, tuple(rows), figures=(picture,))


def _items(scored: Mapping[str, Score], test: TestResults | None, reward: str, noun: str) -> Section | None:
    """Every item's score: pictures and a list on a page, and a table where they are few."""
    rows = [(name, kind, f"{value:.3f}") for kind, score in scored.items() for name, value in score.items.items()]
    drawn = []
    for kind, score in scored.items():
        models = {"best": score.items}
        if kind == "test" and test:
            others = {"best of random search": test.random_search, **test.baselines}
            models |= {name.replace("_", " "): other.items for name, other in others.items() if other and other.items}
        if 0 < len(score.items) <= DRAWN:
            label = f"{reward}, {kind}, {names(score.facts)}".removesuffix(", ")
            drawn.append(Figure(partial(plots.items_plot, models, label), "png", f"score of each {kind} item"))
    title = f"{reward} of each of the {noun}"
    if len(rows) <= LISTED:
        return Section(title, (noun, "set", reward), tuple(rows), figures=tuple(drawn)) if rows else None
    listing = "\n".join("  ".join((value, kind, name)) for name, kind, value in rows)
    return Section(title, figures=tuple(drawn), details=((f"All {len(rows)} scores", listing),))


def _finals(name: str, counts: SearchCounts | None, summary: RunSummary) -> Section | None:
    """The finalists; `reliability` says how far they could be told apart at all."""
    if counts is None or not (counts.finalists or counts.reliability is not None):
        return None
    title = summary.climbed.title
    rows = [
        (item.key, f"{item.value:.4f} ± {item.se or 0:.4f}", f"{item.worth:.4f} ± {item.sd:.4f}", f"{item.chance:.0%}")
        for item in counts.finalists
    ]
    note = (
        ""
        if counts.reliability is None
        else (f"The estimator knows {counts.reliability:.0%} of the variance between what the architectures are worth.")
    )
    head = ("architecture", f"{title}, finals", "worth, all evidence", "chance to be the best")
    return Section(
        f"Finalists of the {name}" if rows else f"Estimator of the {name}", head if rows else (), tuple(rows), note
    )


def _learnt(search: SearchCounts | None, reward: str) -> Section | None:
    """Which branches the search found to matter, and the effect of each op."""
    if search is None or not search.importance:
        return None
    known = search.importance[0].ped_anova is not None
    rows = [
        (row.branch, f"{row.share:.2f}", *([f"{row.ped_anova:.2f}"] if row.ped_anova is not None else []))
        for row in search.importance
    ]
    note = f"Shares of the variance of the estimator's main effects on {reward}, over the whole space."
    if known:
        note += " PED-ANOVA (Watanabe et al. 2023), from what was measured alone: which genes set the best apart."
    effects = sorted(search.effects, key=lambda row: -abs(row.mean))
    listing = "\n".join(f"{row.mean:+.4f} ± {row.sd:.4f}  {row.gene}: {row.op}" for row in effects)
    head = ("branch", "share", *(["PED-ANOVA"] if known else []))
    details = ((f"Effects of all {len(effects)} ops on {reward}, the largest first", listing),)
    return Section("What the search learnt: importance by branch", head, tuple(rows), note, details=details)


def _cost(cost: CostSummary) -> Section:
    rows = [
        (name, f"{branch['macs'] / 1e6:.1f} M", f"{branch['params'] / 1e6:.3f} M")
        for name, branch in cost.branches.items()
    ]
    frames = cost.amortised_frames
    if frames > 1 or len(rows) > 1:
        label = f"per frame, over {frames:,} frames" if frames > 1 else "all"
        rows.append((label, f"{cost.amortised_macs / 1e6:.1f} M", ""))
    return Section("Cost", ("branch", "MACs", "parameters"), tuple(rows))


def _budget(summary: RunSummary) -> Section:
    notes = {"training": _training_text(summary.training)}
    for stage, counts in (("search", summary.search), ("random search", summary.random_search)):
        if counts:
            notes[stage] = _counts_text(counts)
    rows = [(stage, span(seconds), notes.pop(stage, "")) for stage, seconds in summary.seconds.items()]
    rows += [(stage, "", note) for stage, note in notes.items()]
    rows.append(("all", span(sum(summary.seconds.values())), ""))
    return Section("Budget spent", ("stage", "time", "what"), tuple(rows))


def so_far(found: UnfinishedSummary) -> Section:
    """Return what the log of an unfinished run says."""
    note = f"This run is not finished; the figures are those of its log so far: {found.evaluated} architectures scored"
    note += f", {found.steps:,} training steps." if found.steps else "."
    score = found.validation
    if score is None:
        return Section("So far", note=note)
    on = ", ".join(part for part in (measured_on(score, "items"), names(score.facts)) if part) + _given(score)
    row = ("best, validation (the reward)", score_text(score), on)
    return Section("So far", ("", found.reward, "measured on"), (row,), note)


def _search(run: RunData) -> Iterator[Section]:
    stages = {"search": run.candidates("search"), "random search": run.candidates("random")}
    scored = {name: found for name, found in stages.items() if any(item.value is not None for item in found)}
    if not scored:
        return
    first = next(item for found in scored.values() for item in found if item.value is not None)
    reward = run.summary.climbed.title if isinstance(run.summary, RunSummary) else first.reward
    noun = run.summary.climbed.noun if isinstance(run.summary, RunSummary) else "items"
    note = "; ".join(
        f"{name}: {len(found)} architectures, {sum(item.value is None for item in found)} failed"
        for name, found in scored.items()
    )
    label = f"validation {reward} ({names(first.facts)})".removesuffix(" ()")
    picture = Figure(partial(plots.progress_plot, scored, label, f"± SE over {noun}"), "png", "search progress")
    yield Section("Search", note=f"{note}.", figures=(picture,))
    if run.pareto is not None:
        yield front_section(run.pareto)


def _diagnosis(run: RunData) -> list[Section]:
    """What the run's diagnosis says, else what its log does; nothing where too little was scored."""
    from asymnas.study.diagnosis.diagnose import from_log  # imports what runs a search

    found = read_diagnosis(run.folder) or from_log(run)
    return diagnosis_sections(found) if found.rankings else []


def _training(run: RunData) -> list[Section]:
    note = _training_text(run.summary.training) if isinstance(run.summary, RunSummary) else ""
    drawn = (Figure(partial(plots.loss_plot, run.training), "png", "training loss"),)
    return [Section("Training", note=note, figures=drawn)] if len(run.training) > 1 else []
