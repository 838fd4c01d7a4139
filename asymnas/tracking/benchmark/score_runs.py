"""Several trackers and language conditions on one benchmark, scored side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from asymnas.core.errors import AsymNASError, DataError, Problem
from asymnas.core.runtime.cluster import import_ray, start_ray
from asymnas.runs.times import Reporter
from asymnas.tracking.benchmark.conditions import Condition, language_condition
from asymnas.tracking.benchmark.open import TrackerSpec, describe_tracker
from asymnas.tracking.benchmark.report import BenchmarkReport, TrackerScores, default_protocol, make_report
from asymnas.tracking.benchmark.run import DEFAULTS, BenchmarkOptions, BenchmarkPlan, BenchmarkRun
from asymnas.tracking.benchmark.worker import BenchmarkVideos
from asymnas.tracking.data import Dataset, annotation_of
from asymnas.tracking.metrics import get_protocol, score_many


def test_trackers(
    specs: Sequence[TrackerSpec],
    videos: BenchmarkVideos,
    out: Path,
    *,
    languages: Sequence[str] = (),
    missing: Sequence[str] = (),
    options: BenchmarkOptions = DEFAULTS,
    progress: Reporter | None = None,
) -> tuple[Dataset, list[BenchmarkRun]]:
    """Run every tracker under every condition of language; all of them are checked before the first one starts.

    `out` gets a result folder for each tracker and condition. Without `languages` it is "with" where the data set has
    sentences; without `missing`, what stands for a missing sentence is as each tracker has it.

    Returns:
        the data set, and the runs in the order of `specs`.

    Raises:
        AsymNASError: all that is wrong with trackers, data and sentences.
    """
    data, known = videos.load()
    if not languages:
        languages = ["with" if any(video.sentence for video in data.videos) else "without"]
    plans: list[BenchmarkPlan] = []
    problems: list[Problem] = []
    conditions: list[Condition] = []
    for language in languages:
        try:
            conditions.append(language_condition(language, data.videos, known))
        except AsymNASError as error:
            problems += error.problems
    twice = [label for label, count in Counter(item.label for item in conditions).items() if count > 1]
    problems += [Problem("--language", "must not name the same twice", label) for label in twice]
    for spec in specs:
        try:
            plans += _plans(replace(spec, data_root=videos.root), videos, data, conditions, missing, out)
        except AsymNASError as error:
            problems += error.problems
    counts = Counter(label for plan in plans for label in plan.conditions)
    way_out = "Name each tracker once; give run folders of equal names to calls with different --out."
    problems += [Problem(f"tracker '{label}'", "results of two trackers need different names", "", way_out)
                 for label, count in counts.items() if count > 1]  # fmt: skip
    if missing and plans and not any(plan.spec.missing for plan in plans):
        rule = "none of these trackers reads sentences, so none can be missing"
        problems.append(Problem("--missing", rule, ", ".join(missing), "Leave it out."))
    for plan in plans:
        problems += plan.problems(options)
    if problems:
        raise DataError(problems)
    with _ray(options.workers * options.threads):
        return data, [run for plan in plans for run in plan.run(options, progress)]


@contextmanager
def _ray(cpus: int) -> Iterator[None]:
    """Start Ray once for all trackers, where workers are wanted."""
    owned = start_ray(None, cpus) if cpus else False
    try:
        yield
    finally:
        if owned:
            import_ray().shutdown()


def _plans(
    spec: TrackerSpec,
    videos: BenchmarkVideos,
    data: Dataset,
    conditions: Sequence[Condition],
    missing: Sequence[str],
    out: Path,
) -> list[BenchmarkPlan]:
    """One plan for each strategy: the tracker is opened once for all language conditions."""
    first = describe_tracker(spec)
    if not first.reads_language:
        none = language_condition("without", data.videos)
        return [BenchmarkPlan(spec, videos, data, {first.name: (none, out / first.name)})]
    plans = []
    strategies: Sequence[str | None] = missing or [None]
    for strategy in strategies:
        labels = ["-".join(filter(None, [first.name, condition.label, strategy])) for condition in conditions]
        labelled = {label: (condition, out / label) for label, condition in zip(labels, conditions, strict=True)}
        plans.append(BenchmarkPlan(replace(spec, missing=strategy), videos, data, labelled))
    return plans


def score_runs(data: Dataset, runs: Sequence[BenchmarkRun], protocol: str | None = None) -> BenchmarkReport | None:
    """Score the runs; videos that failed count as misses. Differences are those to the first run.

    `protocol` None is that of the data set's own toolkit. Returns None where only a server knows the boxes, or no video
    could be tracked.
    """
    rules = get_protocol(protocol or default_protocol(data.name))
    videos = [annotation_of(video) for video in data.videos]
    done = [run for run in runs if run.results.boxes]
    if not done or any(video.server for video in videos):
        return None
    scores = score_many({run.label: run.results.boxes for run in done}, videos, rules.name, missing="zero")
    return make_report(
        data.name,
        data.split,
        videos,
        [TrackerScores(run.label, str(run.folder), scores[run.label]) for run in done],
        rules,
        chosen=protocol is not None,
        annotations=f"of the data set, fingerprint {data.fingerprint[:16]}",
        versus=done[0].label if len(done) > 1 else "",
    )
