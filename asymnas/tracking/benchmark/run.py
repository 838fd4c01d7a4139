"""One-pass evaluation of trackers on a benchmark: result files as the videos end, in this process or by workers."""

from __future__ import annotations

import collections
import datetime
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, Problem, RunFolderError
from asymnas.core.runtime.actors import ActorPool
from asymnas.core.runtime.pool import InProcessPool, Pool
from asymnas.core.versions import versions
from asymnas.runs.times import Reporter
from asymnas.tracking.benchmark.conditions import Condition, language_condition
from asymnas.tracking.benchmark.open import TrackerSpec, describe_tracker
from asymnas.tracking.benchmark.worker import (
    BatchToTrack,
    BenchmarkVideos,
    TrackedBatch,
    benchmark_worker,
    failed_batch,
)
from asymnas.tracking.data import Dataset
from asymnas.tracking.results import ResultSet
from asymnas.tracking.results.result_folder import ResultFolder

logger = logging.getLogger("asymnas.tracking")


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """How videos are tracked.

    Args:
        workers: Ray workers; 0 tracks in this process, with the same boxes.
        threads: torch and OpenCV threads of each worker, or of this process meanwhile.
        lockstep: videos that are tracked as one batch; the last bits of boxes depend on it.
        resume: keep the results that a folder holds of the same tracker, data and settings.
        fresh: move what a folder holds aside.
    """

    workers: int = 0
    threads: int = 1
    lockstep: int = 1
    resume: bool = False
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.lockstep < 1:
            raise DataError(Problem("lockstep", "must be at least 1", str(self.lockstep)))


DEFAULTS = BenchmarkOptions()


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """A tracker's results on a benchmark.

    Args:
        label: of the tracker and its sentences.
        language: "with", "without", the name of a file of sentences, or "" for a tracker that reads none.
        failures: what went wrong, by the names of the videos that have no results.
        reused: videos whose results were there already.
        described: videos that had a sentence.
    """

    label: str
    tracker: str
    language: str
    folder: Path
    results: ResultSet
    failures: Mapping[str, str]
    reused: int
    described: int


def run_benchmark(
    tracker: str | Path | TrackerSpec,
    videos: BenchmarkVideos,
    out: Path | str,
    *,
    language: str | Path = "with",
    options: BenchmarkOptions = DEFAULTS,
    progress: Reporter | None = None,
) -> BenchmarkRun:
    """Track every video from its first box to its end and keep the boxes.

    Each video's boxes are written as it ends, so an interrupted run goes on where it stopped. A video that fails is
    recorded with its error, and the others are tracked. With `lockstep` 1 the boxes depend on the tracker and the video
    alone, not on workers or interruptions. `out` is a result folder in the canonical form of
    `asymnas.tracking.results`; `language` is "with" the videos' own sentences, "without", or a file of
    `read_sentences`, for a tracker that reads.
    """
    spec = TrackerSpec.of(tracker, data_root=videos.root)
    data, known = videos.load()
    about = describe_tracker(spec)
    condition = language_condition(language if about.reads_language else "without", data.videos, known)
    plan = BenchmarkPlan(spec, videos, data, {about.name: (condition, Path(out))})
    return plan.run(options, progress)[0]


class BenchmarkPlan:
    """A tracker on videos under conditions of language, each by its label with its result folder."""

    def __init__(
        self,
        spec: TrackerSpec,
        videos: BenchmarkVideos,
        data: Dataset,
        conditions: Mapping[str, tuple[Condition, Path]],
    ) -> None:
        counts = collections.Counter(video.name for video in data.videos)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:  # names make the files
            where = f"{data.name} {data.split}"
            raise DataError(Problem(where, "videos must have different names", ", ".join(twice[:5])))
        self.spec, self.videos, self.data, self.conditions = spec, videos, data, conditions
        self.about = describe_tracker(spec)

    def problems(self, options: BenchmarkOptions) -> list[Problem]:
        """Return why `run` would refuse the result folders; nothing is written."""
        found: list[Problem] = []
        for label in self.conditions:
            try:
                self._folder(label, options).check(resume=options.resume, fresh=options.fresh)
            except RunFolderError as error:
                found += error.problems
        return found

    def run(self, options: BenchmarkOptions, progress: Reporter | None = None) -> list[BenchmarkRun]:
        """Track; see `run_benchmark`."""
        sentences = {condition.label: condition.sentences for condition, _ in self.conditions.values()}
        loaded = None if options.workers else tuple(self.data.videos)
        factory = partial(benchmark_worker, self.spec, self.videos, sentences, loaded)
        shared: dict[str, Any] = {"failed": failed_batch, "threads": options.threads}
        pool: Pool[BatchToTrack, TrackedBatch] = InProcessPool(factory, **shared)
        if options.workers:
            pool = ActorPool(factory, workers=options.workers, cpus_per_worker=options.threads, **shared)
        runs = []
        with pool:
            for label, (condition, out) in self.conditions.items():
                folder = self._folder(label, options)
                with folder.filling(resume=options.resume, fresh=options.fresh):
                    failures, reused = self._track_rest(pool, folder, condition.label, options.lockstep, progress)
                    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
                    folder.finish(failures, {"versions": versions(), "date": now})
                    results = folder.results([video.name for video in self.data.videos])
                reads = self.about.reads_language
                said = (condition.label, condition.described) if reads else ("", 0)
                runs.append(BenchmarkRun(label, self.about.name, said[0], out, results, failures, reused, said[1]))
        return runs

    def _folder(self, label: str, options: BenchmarkOptions) -> ResultFolder:
        condition, out = self.conditions[label]
        data, about = self.data, self.about
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
            "lockstep": options.lockstep,
        }
        return ResultFolder(out, label, json.loads(json.dumps(identity)))

    def _track_rest(
        self,
        pool: Pool[BatchToTrack, TrackedBatch],
        folder: ResultFolder,
        condition: str,
        lockstep: int,
        progress: Reporter | None,
    ) -> tuple[dict[str, str], int]:
        """Track the videos that have no results yet; failures by video, and how many had results."""
        videos, failures, began = self.data.videos, dict[int, str](), 0.0
        ended = [index for index, video in enumerate(videos) if folder.holds(video.name, len(video))]
        reused, held = len(ended), set(ended)
        # The longest first: batches stay full, and workers end together.
        rest = sorted(set(range(len(videos))) - held, key=lambda index: (-len(videos[index]), index))
        starts = range(0, len(rest), lockstep)
        requests = [BatchToTrack(tuple(rest[start : start + lockstep]), condition) for start in starts]

        def show() -> None:
            frames = [len(videos[index]) for index in ended]
            parts = [f"{len(ended)}/{len(videos)} videos"]
            parts += [f"{sum(frames[reused:]) / (time.perf_counter() - began):.1f} frames/s"] if began else []
            parts += [f"{len(failures)} failed"] if failures else []
            if progress is not None:
                progress.update(folder.label, sum(frames), sum(map(len, videos)), ", ".join(parts))

        def keep(position: int, answer: TrackedBatch) -> None:
            nonlocal began  # with the first batch: opening the tracker is no part of its speed
            began = began or time.perf_counter() - sum(result.seconds for result in answer.found)
            for result in answer.found:
                folder.write(result)
            for index, error in answer.failures.items():
                logger.warning("%s, video %s failed: %s", folder.label, videos[index].name, error)
            failures.update(answer.failures)
            ended.extend(requests[position].indices)
            show()

        show()
        if requests:  # else the tracker need not be opened
            pool.map(requests, keep)
        return {videos[index].name: failures[index] for index in sorted(failures)}, reused
