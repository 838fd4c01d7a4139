"""The candidate worker: recalibrate the subnet, track the videos, score the boxes."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from asymnas.core import threads as _threads
from asymnas.core.errors import EvaluationError, JobError, Problem, nearest
from asymnas.core.statistics import mean_se
from asymnas.search.results import Evaluation, Task
from asymnas.tracking.metrics import get_protocol, suc

if TYPE_CHECKING:
    from asymnas.space import Cost
    from asymnas.tracking import Language, OnlineTracker, TrackResult, TrainableTracker, TrainingBatch
    from asymnas.tracking.data import Video

__all__ = ["CandidateWorker", "Sentences", "cost_record", "torch_threads"]

_Tracked: TypeAlias = "tuple[dict[str, list[TrackResult]], dict[str, Any], dict[str, np.ndarray] | None]"
"""Boxes by language condition, the cost, and normalisation statistics where they are kept."""


class Sentences(Protocol):
    """What embeds sentences, such as `asymnas.language.SentenceTable`."""

    def embed(self, sentences: Sequence[str | None]) -> Language:
        """Return one row a sentence; None is no sentence."""


class CandidateWorker:
    """Scores architectures of one supernet by closed-loop tracking; a function of its arguments and the task alone.

    Args:
        model: the tracker with the supernet's weights, on the device it shall run on; it is set to eval mode.
        batches: recalibration batches, the same for every candidate.
        video_sets: videos by the name of their set; names `dataset/video` are unique within a set.
        sentences: embeds the videos' sentences; None when no task tracks with language.
        protocol: name of the scoring protocol.
        threads: torch threads during an evaluation; restored afterwards.
        lockstep: videos tracked side by side; changes the speed, and the boxes by no more than rounding.
    """

    def __init__(
        self,
        model: TrainableTracker,
        batches: Sequence[TrainingBatch],
        video_sets: Mapping[str, Sequence[Video]],
        sentences: Sentences | None = None,
        *,
        protocol: str = "lasot",
        threads: int = 1,
        lockstep: int = 16,
    ) -> None:
        self.model = model.eval()
        self.video_sets = {name: list(videos) for name, videos in video_sets.items()}
        self.sentences = sentences
        self.protocol = get_protocol(protocol).name
        self.threads = threads
        self.lockstep = lockstep
        device = next(model.parameters()).device
        self.batches = [_to_device(batch, device) for batch in batches]
        self._device = device
        for name, videos in self.video_sets.items():
            names = [_name(video) for video in videos]
            twice = sorted(item for item, count in Counter(names).items() if count > 1)
            if twice or not names:
                value = f"twice: {', '.join(twice)}" if twice else "none"
                raise JobError(Problem(f"video set '{name}'", "must have videos, each with a name of its own", value))

    def evaluate(self, task: Task) -> Evaluation:
        """Score an architecture or a baseline tracker.

        Raises:
            EvaluationError: a box or a score is not finite, or a sentence is wanted but no encoder was given.
            ArchitectureMismatch: the genes are not of the supernet's space.
            AsymNASError: whatever else data, tracker and language raise.
        """
        import torch

        started = time.perf_counter()
        videos = self._videos(task.videos)
        with torch_threads(self.threads), torch.inference_mode():
            tracks, cost, statistics = self._baseline(task, videos) if task.tracker else self._candidate(task, videos)
        scores = {condition: self._scores(found, videos, condition) for condition, found in tracks.items()}
        per_video = {name: float(np.mean([by[name] for by in scores.values()])) for name in map(_name, videos)}
        mean, error = mean_se(np.array(list(per_video.values())))
        return Evaluation(
            genes=None if task.genes is None else dict(task.genes),
            tracker=task.tracker,
            video_set=task.videos,
            language=task.language,
            protocol=self.protocol,
            suc=mean,
            se=error if math.isfinite(error) else None,
            videos=per_video,
            conditions={condition: float(np.mean(list(by.values()))) for condition, by in scores.items()},
            frames=sum(len(video) for video in videos),
            cost=cost,
            recalibration=len(self.batches) if task.genes is not None else 0,
            seconds=time.perf_counter() - started,
            tracks=tracks if task.keep_boxes else None,
            statistics=statistics,
        )

    def _candidate(self, task: Task, videos: Sequence[Video]) -> _Tracked:
        from asymnas.nn import recalibrated, statistics_of

        architecture = self.model.space.architecture(dict(task.genes or ()))
        path = architecture.genes
        with recalibrated(self.model, lambda batch: self.model(batch, path), self.batches):
            tracks = {
                condition: self._track(self.model, videos, path=path, language=self._language(videos, condition))
                for condition in task.conditions
            }
            kept = {name: item.numpy() for name, item in statistics_of(self.model).items()} if task.keep_boxes else None
        return tracks, cost_record(self.model.space.cost(architecture)), kept

    def _baseline(self, task: Task, videos: Sequence[Video]) -> _Tracked:
        from asymnas.tracking import get_tracker

        plugin = get_tracker(task.tracker or "")
        if plugin.trainable:
            raise EvaluationError(f"'{plugin.name}' has a search space and weights; it is evaluated by its genes.")
        tracker = plugin.build(plugin.options(), space=None, language_dim=0, seed=0)
        return {"without": self._track(tracker, videos, path=None, language=None)}, {}, None

    def _track(
        self,
        tracker: OnlineTracker,
        videos: Sequence[Video],
        *,
        path: Mapping[str, str] | None,
        language: Language | None,
    ) -> list[TrackResult]:
        from asymnas.tracking import track

        return track(tracker, videos, path=path, language=language, lockstep=self.lockstep)

    def _language(self, videos: Sequence[Video], condition: str) -> Language:
        from asymnas.tracking import Language

        if condition == "without":
            return Language.absent(len(videos), self.model.language_dim).to(self._device)
        if self.sentences is None:
            raise EvaluationError("a task wants tracking with sentences, but the worker was built without an encoder.")
        return self.sentences.embed([video.sentence for video in videos]).to(self._device)

    def _scores(self, tracks: Sequence[TrackResult], videos: Sequence[Video], condition: str) -> dict[str, float]:
        scores = {}
        for video, found in zip(videos, tracks, strict=True):
            where = f"video {_name(video)}, {condition} sentences"
            bad = np.flatnonzero(~np.isfinite(found.boxes).all(1))
            if len(bad):
                raise EvaluationError(
                    Problem(
                        where,
                        f"all boxes must be finite, but {len(bad)} are not",
                        f"{found.boxes[bad[0]]} (frame {bad[0]})",
                    )
                )
            score = suc(found.boxes, video.boxes, video.absent, protocol=self.protocol)
            if not math.isfinite(score):
                raise EvaluationError(Problem(where, "the score must be finite", str(score)))
            scores[_name(video)] = score
        return scores

    def _videos(self, name: str) -> list[Video]:
        if name not in self.video_sets:
            raise JobError(Problem("videos", "must be a known video set", repr(name), nearest(name, self.video_sets)))
        return self.video_sets[name]


def cost_record(cost: Cost) -> dict[str, Any]:
    """Return a cost as JSON values: {"macs", "params", "branches": {name: {"macs", "params"}}}."""
    branches = {name: {"macs": branch.macs, "params": branch.params} for name, branch in cost.branches.items()}
    return {"macs": cost.macs, "params": cost.params, "branches": branches}


def _name(video: Video) -> str:
    return f"{video.dataset}/{video.name}"


def _to_device(batch: TrainingBatch, device: Any) -> TrainingBatch:
    from dataclasses import fields, replace

    return replace(batch, **{item.name: getattr(batch, item.name).to(device) for item in fields(batch)})


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run with `count` torch and OpenCV threads, then go back to what the caller had."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        with _threads.torch_threads(count):
            yield
    finally:
        cv2.setNumThreads(before)
