"""What tracks the videos of a benchmark, in this process or as a Ray worker; picklable by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from asymnas.core.threads import all_threads
from asymnas.tracking.benchmark.open import ReadyTracker, TrackerSpec, open_tracker
from asymnas.tracking.data import Dataset, Video, dataset_info, load_dataset, subset
from asymnas.tracking.task.measuring import tracked

if TYPE_CHECKING:
    from asymnas.tracking import TrackResult


@dataclass(frozen=True, slots=True)
class BenchmarkVideos:
    """Which videos are tracked.

    Args:
        dataset: registered name.
        split: of it; "" for the one that the benchmark evaluates on.
        root: the data root; None for that of the environment.
        videos: how many, drawn by a fixed seed as jobs do, or their names; None for all.
        frames: the first ones of each video; None for all.
    """

    dataset: str
    split: str = ""
    root: Path | None = None
    videos: int | tuple[str, ...] | None = None
    frames: int | None = None

    def load(self) -> tuple[Dataset, list[str]]:
        """Return the videos that are tracked, and the names of all videos of the split.

        Raises:
            DataError: what is wrong with the data, or with the numbers of videos and frames.
        """
        whole = load_dataset(self.dataset, self.split or dataset_info(self.dataset).evaluated, root=self.root)
        videos = list(self.videos) if isinstance(self.videos, tuple) else self.videos
        return subset(whole, videos=videos, frames=self.frames), [video.name for video in whole.videos]


@dataclass(frozen=True, slots=True)
class BatchToTrack:
    """Videos to be tracked side by side, by their places in the data set, and the label of a condition."""

    indices: tuple[int, ...]
    condition: str


@dataclass(slots=True)
class TrackedBatch:
    """A result for every video of a batch that was tracked, and what went wrong, by the places of the others."""

    found: list[TrackResult] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


class BenchmarkWorker:
    """Tracks videos with one tracker; `sentences` are those of each video, by the label of the condition."""

    def __init__(
        self,
        ready: ReadyTracker,
        videos: Sequence[Video],
        sentences: Mapping[str, Mapping[str, str | None]],
        threads: int = 1,
    ) -> None:
        self.ready, self.videos, self.sentences, self.threads = ready, videos, sentences, threads

    def handle(self, request: BatchToTrack) -> TrackedBatch:
        """Track the videos; where the batch fails, one by one, so that one bad video costs no other."""
        answer = TrackedBatch()
        with all_threads(self.threads):
            try:
                answer.found = self._track(request.indices, request.condition)
            except Exception:
                if len(request.indices) == 1:
                    raise
                for index in request.indices:
                    try:
                        answer.found += self._track((index,), request.condition)
                    except Exception as error:  # noqa: BLE001 - recorded and reported by the video's name
                        answer.failures[index] = _words(error)
        return answer

    def _track(self, indices: Sequence[int], condition: str) -> list[TrackResult]:
        videos = [self.videos[index] for index in indices]
        language = self.ready.embed([self.sentences[condition][video.name] for video in videos])
        return tracked(self.ready.tracker, videos, path=self.ready.path, language=language, lockstep=len(videos))


def failed_batch(request: BatchToTrack, error: Exception, traceback: str, seconds: float) -> TrackedBatch:
    """Return the answer of a batch that failed as a whole."""
    return TrackedBatch(failures=dict.fromkeys(request.indices, _words(error)))


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def benchmark_worker(
    spec: TrackerSpec,
    what: BenchmarkVideos,
    sentences: Mapping[str, Mapping[str, str | None]],
    videos: Sequence[Video] | None = None,
) -> BenchmarkWorker:
    """Open the tracker and the videos; `videos` are those of `what` where they are loaded already."""
    ready = open_tracker(spec)
    ready.embed([text for texts in sentences.values() for text in texts.values()])  # what is amiss is told once
    return BenchmarkWorker(ready, what.load()[0].videos if videos is None else videos, sentences)
