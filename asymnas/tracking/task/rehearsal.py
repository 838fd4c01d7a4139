"""A dry run's stand-ins: made-up sentences, pairs and videos of the right shapes for what this machine lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from asymnas.core.errors import AsymNASError, DataError, LanguageError
from asymnas.core.seeding import rng_for
from asymnas.language import SentenceTable
from asymnas.tracking import Language
from asymnas.tracking.data import FirstFrames, Video
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.task.batches import DrawnPairs
from asymnas.tracking.task.data import sentences_of
from asymnas.tracking.task.schema import TrackingJob, VideoSource

KNOWN_DIMS = {"minilm": 384, "bert-base-uncased": 768, "bert-large-uncased": 1024, "gpt2": 768}
"""Embedding sizes of encoders that may not be on this machine."""

FRAMES, VIDEOS = 8, 2
"""Frames and videos that one candidate of a dry run tracks."""


def stand_in(task: Any) -> list[str]:
    """Give a task without test videos made-up data for what this machine lacks, and return a sentence for each."""
    job, made_up = task.job, list[str]()

    def made(what: str, make: Callable[[], Any], other: Callable[[], Any], kind: type[AsymNASError]) -> Any:
        try:
            return make()
        except kind as error:
            made_up.append(f"made-up {what}, because: {error}")
            return other()

    if task.plugin.reads_language:
        wanted = f"embeddings for those of {job.language.encoder}"
        task.sentences = made(wanted, lambda: _encoder(job), lambda: _random_encoder(job), LanguageError)
    wanted = f"pairs for those of {_names(job.data.train.sources)}"
    task.training_data = made(wanted, lambda: task.training_data, list, DataError)
    if not task.training_data:
        task.noise = _Noise(task)
    wanted = f"a video for those of {_names(job.data.validation.sources)}"
    videos = made(wanted, lambda: task.videos("validation"), lambda: [_random_video()], DataError)
    task.sets["validation"] = ([_short(video) for video in videos[:VIDEOS]], "rehearsal")
    return made_up


def _encoder(job: TrackingJob) -> SentenceTable:
    table = sentences_of(job)
    table.embed(["a test sentence"])
    return table


def _random_encoder(job: TrackingJob) -> _RandomSentences:
    name = job.language.encoder
    if name not in KNOWN_DIMS:
        raise LanguageError(f"The encoder '{name}' is not on this machine and its embeddings' size is unknown.")
    return _RandomSentences(KNOWN_DIMS[name])


def _names(sources: Sequence[VideoSource]) -> str:
    return ", ".join(f"{source.dataset} {source.split}" for source in sources)


def _short(video: Video) -> Video:
    frames = FirstFrames(video.frames, FRAMES)
    return replace(video, frames=frames, boxes=video.boxes[:FRAMES], absent=video.absent[:FRAMES])


def _random_video() -> Video:
    frames = rng_for(0, "made-up video").integers(0, 256, (FRAMES, 360, 480, 3)).astype(np.uint8)
    boxes = np.tile(np.array([200.0, 150.0, 60.0, 40.0]), (FRAMES, 1))
    return Video("made-up", "made-up", list(frames), boxes, np.zeros(FRAMES, bool), "noise")


class _RandomSentences:
    def __init__(self, dim: int) -> None:
        self.dim = dim

    def prepare(self, sentences: Sequence[str], on_progress: Any) -> None:
        """Embed nothing: sentences are embedded as they come."""

    def embed(self, sentences: Sequence[str | None]) -> Language:
        rows = rng_for(0, "made-up sentences").standard_normal((len(sentences), self.dim)).astype(np.float32)
        present = torch.tensor([sentence is not None for sentence in sentences])
        return Language(torch.from_numpy(rows) * present[:, None], present)


class _Noise:
    def __init__(self, task: Any) -> None:
        self._task, self.batch_size = task, task.job.training.batch_size

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> DrawnPairs:
        geometry, rng = self._task.plugin.geometry(self._task.options, self._task.space), rng_for(0, "made-up pairs")
        count = self.batch_size // shards
        sizes = (geometry.template_size, geometry.search_size)
        images = [rng.integers(0, 256, (count, 3, size, size)).astype(np.uint8) for size in sizes]
        boxes = [np.tile(np.array([0.4, 0.4, 0.6, 0.6], np.float32) * size, (count, 1)) for size in sizes]
        words = tuple("noise" if row % 2 else None for row in range(count))
        pairs = PairBatch(images[0], images[1], boxes[0], boxes[1], np.ones(count, bool), words, ("made-up",) * count)
        return DrawnPairs(pairs, self._task.sentences)
