"""One-pass evaluation of a tracker on a benchmark: result files as the videos end, in this process or by workers."""

from __future__ import annotations

import collections
import datetime
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, Problem, RunFolderError
from asymnas.core.versions import versions
from asymnas.search import Evaluation, InProcessEvaluator, RayEvaluator
from asymnas.tracking.benchmark.conditions import Condition, language_condition
from asymnas.tracking.benchmark.open import Description, describe_tracker
from asymnas.tracking.benchmark.progress import BenchmarkProgress, Counter
from asymnas.tracking.benchmark.result_folder import ResultFolder
from asymnas.tracking.benchmark.worker import BenchmarkVideos, Tracked, TrackingTask, benchmark_worker
from asymnas.tracking.data import Dataset, Video, dataset_info
from asymnas.tracking.results import ResultSet

__all__ = [
    "BenchmarkProgress",
    "BenchmarkRun",
    "check_folders",
    "default_split",
    "load_benchmark",
    "run_benchmark",
    "run_conditions",
]

logger = logging.getLogger("asymnas.study")


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """A tracker's results on a benchmark.

    Args:
        label: of the tracker and what it is told.
        tracker: the tracker's name.
        language: "with", "without", the name of a file of sentences, or "" for a tracker that reads none.
        folder: the canonical result folder.
        results: what it holds.
        failures: what went wrong, by the names of the videos that have no results.
        reused: videos whose results were there already.
        told: videos that had a sentence.
    """

    label: str
    tracker: str
    language: str
    folder: Path
    results: ResultSet
    failures: Mapping[str, str]
    reused: int
    told: int


def default_split(dataset: str) -> str:
    """Return the split that a benchmark evaluates on."""
    return dataset_info(dataset).evaluated


def load_benchmark(what: BenchmarkVideos) -> tuple[Dataset, Dataset]:
    """Return the whole split and the videos of it that are tracked.

    Raises:
        DataError: what is wrong with the data, or with the numbers of videos and frames.
    """
    whole = what.whole()
    return whole, what.chosen(whole)


def run_benchmark(
    spec: str | Path,
    dataset: str,
    split: str | None = None,
    *,
    root: Path | str | None = None,
    out: Path | str,
    language: str | Path = "with",
    missing: str | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int = 0,
    resume: bool = False,
    fresh: bool = False,
    videos: int | Sequence[str] | None = None,
    frames: int | None = None,
    lockstep: int = 1,
    threads: int = 1,
    on_progress: Callable[[BenchmarkProgress], None] | None = None,
) -> BenchmarkRun:
    """Track every video of a split from its first box to its end and keep the boxes.

    Each video's boxes are written as it ends, so an interrupted run goes on where it stopped. A video that fails is
    recorded with its error, and the others are tracked. With `lockstep` 1 the boxes depend on the tracker and the video
    alone, not on workers or interruptions; with more videos a batch they may differ by rounding.

    Args:
        spec: the tracker, as for `open_tracker`.
        dataset: registered name of the data set.
        split: of it; None for the one that the benchmark evaluates on.
        root: the data root; None for that of the environment.
        out: the result folder, in the canonical form of `asymnas.tracking.results`.
        language: "with" the videos' own sentences, "without", or a file of sentences (see `read_sentences`); a tracker
            that reads no language ignores it.
        missing: what stands for a missing sentence; None: as the tracker has it.
        options: of the tracker.
        workers: Ray workers; 0 tracks in this process, with the same boxes.
        resume: keep the results that the folder holds of the same tracker, data and settings.
        fresh: delete the results that it holds.
        videos: how many (drawn by a fixed seed), their names, or one's name; None for all.
        frames: the first ones of each video; None for all.
        lockstep: videos that are tracked as one batch.
        threads: torch and OpenCV threads of each worker, or of this process meanwhile.
        on_progress: called at the start and as videos end.

    Raises:
        AsymNASError: what is wrong with the tracker, data or sentences; or the folder holds other results.
    """
    if lockstep < 1:
        raise DataError(Problem("lockstep", "must be at least 1", str(lockstep)))
    one = (videos,) if isinstance(videos, str) else videos
    named = one if one is None or isinstance(one, int) else tuple(one)
    place = None if root is None else Path(root)
    what = BenchmarkVideos(dataset, split or default_split(dataset), place, named, frames)
    whole, data = load_benchmark(what)
    opened: dict[str, Any] = {"options": dict(options or {}), "missing": missing, "data_root": place}
    about = describe_tracker(spec, **opened)
    known = [video.name for video in whole.videos]
    condition = language_condition(language if about.reads_language else "without", data.videos, known)
    return run_conditions(
        spec,
        what,
        data,
        {about.name: (condition, Path(out))},
        opened=opened,
        workers=workers,
        resume=resume,
        fresh=fresh,
        lockstep=lockstep,
        threads=threads,
        on_progress=on_progress,
    )[0]


def run_conditions(
    spec: str | Path,
    what: BenchmarkVideos,
    data: Dataset,
    conditions: Mapping[str, tuple[Condition, Path]],
    *,
    opened: Mapping[str, Any],
    workers: int = 0,
    resume: bool = False,
    fresh: bool = False,
    lockstep: int = 1,
    threads: int = 1,
    on_progress: Callable[[BenchmarkProgress], None] | None = None,
) -> list[BenchmarkRun]:
    """Track a benchmark under several language conditions with the tracker opened once; see `run_benchmark`.

    Args:
        spec: the tracker.
        what: the videos.
        data: the same, loaded.
        conditions: what the tracker is told and the result folder, by label.
        opened: keywords of `open_tracker`.
        workers: as for `run_benchmark`, as are the others.
    """
    _check_videos(data)
    about = describe_tracker(spec, **opened)
    sentences = {condition.label: condition.sentences for condition, _ in conditions.values()}
    loaded = None if workers else tuple(data.videos)
    factory: Any = partial(benchmark_worker, str(spec), opened, what, sentences, loaded)  # a worker of another task
    evaluator = RayEvaluator(factory, workers=workers, cpus_per_worker=threads, threads=threads) if workers else (
        InProcessEvaluator(factory, threads=threads))  # fmt: skip
    runs = []
    with evaluator:
        for label, (condition, out) in conditions.items():
            identity = _identity(about, data, condition, lockstep)
            with ResultFolder.open(out, label, identity, resume=resume, fresh=fresh) as folder:
                counter = Counter(label, data.videos, on_progress)
                failures, reused = _track_rest(evaluator, folder, data.videos, condition.label, lockstep, counter)
                folder.finish(failures, {"versions": versions(), "date": _now()})
                results = folder.results([video.name for video in data.videos])
            language = condition.label if about.reads_language else ""
            told = condition.told if about.reads_language else 0
            runs.append(BenchmarkRun(label, about.name, language, out, results, failures, reused, told))
    return runs


def check_folders(
    spec: str | Path,
    data: Dataset,
    conditions: Mapping[str, tuple[Condition, Path]],
    *,
    opened: Mapping[str, Any],
    resume: bool = False,
    fresh: bool = False,
    lockstep: int = 1,
) -> list[Problem]:
    """Return why `run_conditions` would refuse the result folders; arguments as there, and nothing is written."""
    about = describe_tracker(spec, **opened)
    problems: list[Problem] = []
    for label, (condition, out) in conditions.items():
        try:
            ResultFolder(out, label, _identity(about, data, condition, lockstep)).check(resume=resume, fresh=fresh)
        except RunFolderError as error:
            problems += error.problems
    return problems


def _identity(about: Description, data: Dataset, condition: Condition, lockstep: int) -> dict[str, Any]:
    """What the boxes depend on, as JSON values."""
    identity = {
        "weights": about.settings.get("weights_hash"),
        "settings": about.settings,
        "dataset": {
            "name": data.name,
            "split": data.split,
            "fingerprint": data.fingerprint,
            "videos": len(data.videos),
            "frames": sum(map(len, data.videos)),
        },
        "language": condition.identity if about.reads_language else {"language": "not read"},
        "lockstep": lockstep,
    }
    whole: dict[str, Any] = json.loads(json.dumps(identity))  # as the manifest has it
    return whole


def _track_rest(
    evaluator: InProcessEvaluator | RayEvaluator,
    folder: ResultFolder,
    videos: Sequence[Video],
    condition: str,
    lockstep: int,
    counter: Counter,
) -> tuple[dict[str, str], int]:
    """Track the videos that have no results yet; failures by video, and how many had results."""
    done = {video.name for video in videos if folder.holds(video.name, len(video))}
    rest = [index for index, video in enumerate(videos) if video.name not in done]
    # The longest first: batches stay full, and workers end together.
    rest.sort(key=lambda index: (-len(videos[index]), index))
    tasks = [
        TrackingTask(tracker=folder.label, indices=tuple(rest[start : start + lockstep]), condition=condition)
        for start in range(0, len(rest), lockstep)
    ]
    failures: dict[str, str] = {}
    counter.start(done)

    def keep(position: int, outcome: Evaluation) -> None:
        names = [videos[index].name for index in tasks[position].indices]
        counter.running(sum(result.seconds for result in getattr(outcome, "found", ())))
        if isinstance(outcome, Tracked):
            for result in outcome.found:
                folder.write(result)
            wrong = outcome.failures
        else:  # the worker's process died
            wrong = dict.fromkeys(names, outcome.error)
        for name, error in wrong.items():
            logger.warning("%s, video %s failed: %s", folder.label, name, error)
        failures.update(wrong)
        counter.count(names, failed=len(failures))

    if tasks:  # else the tracker need not be opened
        evaluator.evaluate(tasks, on_result=keep)
    return {video.name: failures[video.name] for video in videos if video.name in failures}, len(done)


def _check_videos(data: Dataset) -> None:
    """Names make the files, so they must differ."""
    counts = collections.Counter(video.name for video in data.videos)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        where = f"{data.name} {data.split}"
        raise DataError(Problem(where, "videos must have different names", ", ".join(twice[:5])))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
