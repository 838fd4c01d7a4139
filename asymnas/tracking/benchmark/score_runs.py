"""Several trackers and language conditions on one benchmark, scored side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.errors import AsymNASError, DataError, Problem
from asymnas.search import start_ray
from asymnas.tracking.benchmark.conditions import Condition, language_condition
from asymnas.tracking.benchmark.open import describe_tracker
from asymnas.tracking.benchmark.run import (
    BenchmarkProgress,
    BenchmarkRun,
    check_folders,
    load_benchmark,
    run_conditions,
)
from asymnas.tracking.benchmark.worker import BenchmarkVideos
from asymnas.tracking.data import Dataset, annotation_of
from asymnas.tracking.metrics import compare, get_protocol, score_many

if TYPE_CHECKING:
    from asymnas.tracking.benchmark.report import BenchmarkReport

__all__ = ["MISSING", "score_runs", "test_trackers"]

MISSING = ("zero_tensor", "template_embedding")
"""The strategies for missing sentences."""

Plan = tuple[str, dict[str, Any], dict[str, tuple[Condition, Path]]]
"""A tracker, how it is opened, and by label what it is told and where its results go."""


def test_trackers(
    specs: Sequence[str],
    what: BenchmarkVideos,
    out: Path,
    *,
    languages: Sequence[str] = (),
    missing: Sequence[str] = (),
    on_progress: Callable[[BenchmarkProgress], None] | None = None,
    **settings: Any,
) -> tuple[Dataset, list[BenchmarkRun]]:
    """Run every tracker under every language condition; all of them are checked before the first one starts.

    Args:
        specs: trackers, as for `open_tracker`.
        what: the videos.
        out: the folder of the result folders, one for each tracker and condition.
        languages: "with", "without", files of sentences; none: "with" where the data set has sentences.
        missing: strategies for missing sentences; none: as each tracker has it.
        on_progress: as for `run_benchmark`.
        **settings: `workers`, `resume`, `fresh`, `lockstep`, `threads` of `run_benchmark`.

    Returns:
        the data set, and the runs in the order of `specs`.

    Raises:
        AsymNASError: all that is wrong with trackers, data and sentences.
    """
    whole, data = load_benchmark(what)
    if not languages:
        languages = ["with" if any(video.sentence for video in data.videos) else "without"]
    known = [video.name for video in whole.videos]
    plans: list[Plan] = []
    problems: list[Problem] = []
    conditions: dict[str, Condition] = {}
    for language in languages:
        try:
            conditions[str(language)] = language_condition(language, data.videos, known)
        except AsymNASError as error:
            problems += error.problems
    twice = [label for label, count in Counter(item.label for item in conditions.values()).items() if count > 1]
    problems += [Problem("--language", "must not name the same twice", label) for label in twice]
    for spec in specs:
        try:
            plans += _plans(spec, what, data, conditions, missing, out)
        except AsymNASError as error:
            problems += error.problems
    problems += _doubled(plans)
    if missing and plans and not any(opened.get("missing") for _, opened, _ in plans):
        rule = "none of these trackers reads sentences, so none can be missing"
        problems.append(Problem("--missing", rule, ", ".join(missing), "Leave it out."))
    folders = {name: settings[name] for name in ("resume", "fresh", "lockstep") if name in settings}
    for spec, opened, labelled in plans:
        problems += check_folders(spec, data, labelled, opened=opened, **folders)
    if problems:
        raise DataError(problems)
    runs = []
    with _ray(settings.get("workers", 0) * settings.get("threads", 1)):
        for spec, opened, labelled in plans:
            runs += run_conditions(spec, what, data, labelled, opened=opened, on_progress=on_progress, **settings)
    return data, runs


@contextmanager
def _ray(cpus: int) -> Iterator[None]:
    """Start Ray once for all trackers, where workers are wanted."""
    if not cpus:
        yield
        return
    owned = start_ray(None, cpus=cpus)
    try:
        yield
    finally:
        if owned:
            import ray

            ray.shutdown()


def _plans(
    spec: str,
    what: BenchmarkVideos,
    data: Dataset,
    conditions: dict[str, Condition],
    missing: Sequence[str],
    out: Path,
) -> list[Plan]:
    """One plan for each strategy: the tracker is opened once for all language conditions."""
    first = describe_tracker(spec, data_root=what.root)
    if not first.reads_language:
        none = language_condition("without", data.videos)
        return [(spec, {"data_root": what.root}, {first.name: (none, out / first.name)})]
    plans: list[Plan] = []
    strategies: Sequence[str | None] = missing or [None]
    for strategy in strategies:
        opened: dict[str, Any] = {"missing": strategy, "data_root": what.root}
        describe_tracker(spec, **opened)
        labelled = {}
        for condition in conditions.values():
            label = "-".join(filter(None, [first.name, condition.label, strategy]))
            labelled[label] = (condition, out / label)
        plans.append((spec, opened, labelled))
    return plans


def _doubled(plans: Sequence[Plan]) -> list[Problem]:
    """Two runs of one folder name would write to one result folder."""
    counts = Counter(label for _, _, labelled in plans for label in labelled)
    way_out = "Name each tracker once; give run folders of equal names to calls with different --out."
    return [Problem(f"tracker '{label}'", "results of two trackers need different names", "", way_out)
            for label, count in counts.items() if count > 1]  # fmt: skip


def score_runs(data: Dataset, runs: Sequence[BenchmarkRun], protocol: str | None = None) -> BenchmarkReport | None:
    """Score the runs; videos that failed count as misses. Differences are those to the first run.

    Args:
        data: the data set that was tracked.
        runs: of it.
        protocol: name; None for that of the data set's own toolkit.

    Returns:
        None where only a server knows the boxes, or no video could be tracked.

    Raises:
        DataError: unknown protocol, or annotations that cannot be scored.
    """
    from asymnas.tracking.benchmark.report import BenchmarkReport, TrackerScores, default_protocol

    rules = get_protocol(protocol or default_protocol(data.name))
    videos = [annotation_of(video) for video in data.videos]
    scored = [run for run in runs if run.results.boxes]
    if not scored or any(video.server for video in videos):
        return None
    scores = score_many({run.label: run.results.boxes for run in scored}, videos, rules.name, missing="zero")
    first = scored[0]
    return BenchmarkReport(
        dataset=data.name,
        split=data.split,
        protocol=rules.name,
        rules=rules.rules,
        main=rules.main,
        chosen=protocol is not None,
        videos=len(videos),
        frames=sum(map(len, videos)),
        absent=sum(int(video.absent.sum()) for video in videos),
        annotations=f"of the data set, fingerprint {data.fingerprint[:16]}",
        trackers=tuple(TrackerScores(run.label, str(run.folder), scores[run.label]) for run in scored),
        comparisons={run.label: compare(scores[run.label], scores[first.label]) for run in scored[1:]},
        versus=first.label if len(scored) > 1 else "",
    )
