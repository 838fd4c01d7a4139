"""Videos that no stage of a job uses, for diagnoses: the same at every call, in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Any

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data import Dataset, Video, dataset_info, load_dataset
from asymnas.tracking.data.lazy import all_of, possible_copies
from asymnas.tracking.task.data import loaded, traces, train_datasets, video_set, with_sentences
from asymnas.tracking.task.schema import TrackingJob, VideoSource

PAIR_VIDEOS = 512
"""Fresh videos that fresh pairs are drawn from, at most."""


def fresh_videos(job: TrackingJob, count: int, *, fewer: bool = False) -> tuple[list[Video], str]:
    """Return `count` videos of the sources of data.test, or else data.validation, that the job does not use.

    A generated set makes more of them; of any other set they are those that are left. Sources give in proportion to
    their numbers in the job, in turns: a smaller number is the beginning of a larger one.

    Args:
        job: the job.
        count: how many.
        fewer: take what there is where there are fewer.

    Raises:
        DataError: there are not so many.
    """
    section = "data.test" if job.data.test is not None else "data.validation"
    sources = (job.data.test or job.data.validation).sources
    left = [_left(job, source, count) for source in sources]
    weights = [len(loaded(source, job)) for source in sources]
    turns = sorted(
        ((place + 0.5) / weight, number, place)
        for number, (dataset, weight) in enumerate(zip(left, weights, strict=True))
        for place in range(min(len(dataset), count))
    )
    if not turns or (len(turns) < count and not fewer):
        rule = f"the sources of {section} must have videos that the job does not use: {len(turns)} are left"
        raise DataError(Problem(section, rule, f"{count} are asked for", "Ask for fewer, or use fewer in the job."))
    chosen = turns[:count]
    videos = [left[number].videos[place] for _, number, place in chosen]
    text = "\n".join(
        f"{left[number].fingerprint} {video.key}" for (_, number, _), video in zip(chosen, videos, strict=True)
    )
    return videos, hashlib.sha256(text.encode()).hexdigest()


def _left(job: TrackingJob, source: VideoSource, count: int) -> Dataset:
    """The videos of a source's data set that the job does not use; of a generated one `count`."""
    if dataset_info(source.dataset).generated and source.include is None and not source.exclude:
        return _generated(job, source, count)
    whole = loaded(source.model_copy(update={"videos": None}), job)
    used: set[Hashable] = set()
    for videos in _used(job, list(whole.videos)):
        used.update(trace for video in videos for trace in traces(video))
    keep = [index for index, video in enumerate(whole.videos) if used.isdisjoint(traces(video))]
    return Dataset(whole.name, whole.split, all_of(whole.videos).select(keep), whole.fingerprint)


def _generated(job: TrackingJob, source: VideoSource, count: int) -> Dataset:
    """The videos beyond all that any source of the job has made of this set."""
    sections = (job.data.train, job.data.validation, job.data.test)
    siblings: Sequence[Any] = [item for section in sections if section is not None for item in section.sources]
    alike = [item for item in siblings if (item.dataset, item.split) == (source.dataset, source.split)]
    start = max(max(len(_made(item, {})), item.videos or 0) for item in alike)
    more = with_sentences(_made(source, {"videos": start + count}), job)
    videos = all_of(more.videos).select(range(start, start + count), source.frames)
    return Dataset(more.name, more.split, videos, f"{more.fingerprint} {source.frames}")


def _made(source: VideoSource, more: dict[str, Any]) -> Dataset:
    return load_dataset(source.dataset, source.split, **{**source.options, **more})


def _used(job: TrackingJob, candidates: list[Video]) -> list[Sequence[Video]]:
    names = ["validation"] if job.data.test is None else ["validation", "test"]
    trained = [possible_copies(dataset.videos, candidates) for dataset in train_datasets(job)]
    return [*(video_set(job, name)[0] for name in names), *trained]
