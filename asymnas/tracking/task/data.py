"""From a job to its videos, pairs and sentences."""

from __future__ import annotations

import fnmatch
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from asymnas.core.errors import DataError, LanguageError, Problem, TrackerError, nearest
from asymnas.core.files import cache_folder
from asymnas.core.schema import problems_of
from asymnas.core.seeding import rng_for
from asymnas.language import SentenceTable, load_encoder
from asymnas.space import load_space
from asymnas.tracking import TrackerPlugin, get_tracker
from asymnas.tracking.data import Dataset, Video, dataset_info, load_dataset, require_boxes, scene_of, subset
from asymnas.tracking.data.lazy import all_of
from asymnas.tracking.data.pairs.augment import Augmentation
from asymnas.tracking.data.pairs.mixture import LanguageShare, PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler
from asymnas.tracking.data.sentences import described, read_sentences
from asymnas.tracking.task.schema import AugmentationSection, TrackingJob

logger = logging.getLogger("asymnas.tracking")

SENTENCES = "language.sentences"

CHOICE_SEED = 0
"""Videos are chosen by this seed in every job, so that runs of different seeds are scored on the same videos."""


def checked_options(plugin: TrackerPlugin, values: Mapping[str, Any]) -> BaseModel:
    """Return the options of a tracker."""
    try:
        return plugin.options(**values)
    except ValidationError as error:
        problems = []
        for item in problems_of(error):
            known = plugin.options.model_fields
            way_out = "" if item.where in known else nearest(item.where, known)
            where = f"option '{item.where}' of tracker '{plugin.name}'"
            problems.append(replace(item, where=where, way_out=way_out))
        raise TrackerError(problems) from error


def sentences_of(job: TrackingJob, device: str | None = None) -> SentenceTable:
    """Return the embeddings of sentences by the job's encoder, cached on disk; `device` is that of `load_encoder`."""
    section = job.language
    return sentence_table(section.encoder, section.cache, pooling=section.pooling, device=device)


def sentence_table(encoder: str, cache: str | None = None, **given: Any) -> SentenceTable:
    """Return the embeddings of an encoder, `given` pooling and device of `load_encoder`; without `cache` they are kept
    in the user's cache folder."""
    return SentenceTable(load_encoder(encoder, **given), Path(cache or cache_folder()) / "sentences")


def loaded(source: Any, job: TrackingJob) -> Dataset:
    """Return the videos of a source of the job, with the job's sentences."""
    root = job.data.root
    options, exclude = dict(source.options), list(source.exclude)
    if "exclude" in (dataset_info(source.dataset).options() or ()):
        # The reader leaves plain names out before it reads them, so that a damaged video can be excluded.
        plain = [name for name in exclude if not any(mark in name for mark in "*?[")]
        options["exclude"] = [*options.get("exclude", ()), *plain]
        exclude = [name for name in exclude if name not in plain]
    dataset = load_dataset(source.dataset, source.split, root=Path(root) if root else None, **options)
    more = dataset_info(source.dataset).generated and source.include is None and (source.videos or 0) > len(dataset)
    if more:  # a generated set makes as many as are asked for
        dataset = load_dataset(source.dataset, source.split, **{**options, "videos": source.videos})
    dataset = with_sentences(dataset, job)
    if source.include is not None or exclude:
        dataset = _filtered(dataset, source.include, exclude)
    return subset(dataset, videos=source.videos, frames=source.frames, seed=CHOICE_SEED)


def with_sentences(dataset: Dataset, job: TrackingJob) -> Dataset:
    """Return a data set whose videos have the sentences of the job's file, where it names them."""
    file = job.language.sentences
    return dataset if file is None else described(dataset, read_sentences(Path(file), SENTENCES))


def check_sentences(job: TrackingJob, videos: Iterable[Video], trained: Iterable[Dataset]) -> None:
    """Check that the job's file of sentences names videos of the job, and warn of names that are of none.

    Raises:
        LanguageError: it cannot be read, or names none of them.
    """
    file = job.language.sentences
    if file is None:
        return
    pairs = {(video.dataset, video.name) for video in videos}
    pairs |= {(dataset.name, name) for dataset in trained for name in all_of(dataset.videos).names}
    known = {name for _, name in pairs} | {"/".join(pair) for pair in pairs}
    given = read_sentences(Path(file), SENTENCES)
    unused = [name for name in given if name not in known and re.sub("/[^/]*/", "/", name, count=1) not in known]
    if len(unused) == len(given):
        rule, way_out = "must name a video of the job", f"They have names such as {', '.join(sorted(known)[:3])}."
        raise LanguageError(Problem(SENTENCES, rule, f"{len(given)} other names in '{file}'", way_out))
    if unused:
        shown = ", ".join(unused[:3])
        logger.warning("%d of %d sentences of %s are of no video of the job: %s", len(unused), len(given), file, shown)


def _filtered(dataset: Dataset, include: Sequence[str] | None, exclude: Sequence[str]) -> Dataset:
    """Keep the videos whose names match `include` and not `exclude`; a pattern that matches nothing is an error."""
    names = all_of(dataset.videos).names
    for pattern in [*(include or ()), *exclude]:
        if not fnmatch.filter(names, pattern):
            rule, shown = "a pattern of `include` or `exclude` must match a video", ", ".join(names[:5])
            way_out = f"It has {len(names)} videos, such as {shown}."
            raise DataError(Problem(f"{dataset.name} {dataset.split}", rule, repr(pattern), way_out))

    def matches(name: str, patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    chosen = ["*"] if include is None else include
    keep = [index for index, name in enumerate(names) if matches(name, chosen) and not matches(name, exclude)]
    if not keep:
        raise DataError(Problem(f"{dataset.name} {dataset.split}", "`include` and `exclude` must leave a video"))
    text = "\n".join([dataset.fingerprint, *(names[index] for index in keep)])
    videos = all_of(dataset.videos).select(keep)
    return Dataset(dataset.name, dataset.split, videos, hashlib.sha256(text.encode()).hexdigest())


def video_set(job: TrackingJob, name: str) -> tuple[list[Video], str]:
    """Return the videos of the job's set `validation` or `test` and a fingerprint of them.

    Raises:
        DataError: the job has no such set, two of its videos have one name, one has no box to start from, or only the
            first box of one is public.
    """
    data = getattr(job.data, name)
    if data is None:
        raise DataError(Problem(f"data.{name}", "the job has no such set of videos"))
    datasets = [loaded(source, job) for source in data.sources]
    videos = [video for dataset in datasets for video in dataset.videos]
    names = [video.key for video in videos]
    doubled = sorted(item for item, count in Counter(names).items() if count > 1)
    if doubled:
        raise DataError(Problem(f"data.{name}", "videos must have different names", ", ".join(doubled[:5])))
    _check_starts(name, videos)
    require_boxes(videos, f"scored here (data.{name})")
    text = "\n".join(dataset.fingerprint for dataset in datasets)
    return videos, hashlib.sha256(text.encode()).hexdigest()


def _check_starts(name: str, videos: Iterable[Video]) -> None:
    """A tracker starts from the first box, so it is missed here and not after hours of training."""
    lost = [video.key for video in videos if not (video.boxes[0, 2:] > 0).all()]
    if lost:
        rule = "the first box of a video must have an area, for the tracker starts from it"
        way_out = "Restore the annotation, or `exclude` these videos."
        raise DataError([Problem(f"data.{name}", rule, f"none in {video}", way_out) for video in lost[:20]])


def train_datasets(job: TrackingJob) -> list[Dataset]:
    """Return the data sets of the training sources, in order."""
    datasets, problems = [], []
    for source in job.data.train.sources:
        try:
            datasets.append(loaded(source, job))
        except DataError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise DataError(problems)
    for dataset in datasets:
        if isinstance(dataset.videos, (tuple, list)):  # large sets are lazy tables, and have all their boxes
            require_boxes(dataset.videos, "trained on (data.train)")
    return datasets


def check_held_out(test: Iterable[Video], others: Mapping[str, Iterable[Video]]) -> None:
    """Check that no test video is among `others` (by the key of the job), whatever they were loaded by."""
    held_out: dict[Hashable, str] = {}
    for video in test:
        held_out |= dict.fromkeys(traces(video), video.key)
    problems = []
    for key, videos in others.items():
        shared = sorted({held_out[trace] for video in videos for trace in traces(video) if trace in held_out})
        if shared:
            rule = f"test videos must be held out, but {key} has {len(shared)} of them"
            way_out = "Use another split, or `include` there and `exclude` here."
            problems.append(Problem("data.test", rule, ", ".join(shared[:5]), way_out))
    if problems:
        raise DataError(problems)


def traces(video: Video) -> list[Hashable]:
    """What no other video has: its folder of frames, if there is one, and its name with its first box."""
    scene = scene_of(video.frames)
    return [(video.dataset, video.name, *video.boxes[0].tolist()), *([] if scene is None else [scene])]


def sampler_of(
    job: TrackingJob, purpose: str = "training", *, datasets: Sequence[Dataset] | None = None, space: Any = None
) -> PairSampler:
    """Return the pair sampler of the job's training data.

    Streams of different purposes are independent: "recalibration" draws other pairs, in batches of its own size.
    `datasets` (those of `train_datasets`) and `space` are given where they are loaded already.
    """
    plugin = get_tracker(job.tracker.name)
    if plugin.geometry is None:
        way_out = "Trackers without one belong to `baselines.trackers`."
        raise TrackerError(Problem("tracker.name", "must name a tracker that is trained", repr(plugin.name), way_out))
    train = job.data.train
    loaded = train_datasets(job) if datasets is None else datasets
    shared = ("weight", "frame_range", "template_frames", "pairs", "draw", "language")
    sources = [
        PairSource(dataset, **{name: getattr(source, name) for name in shared})
        for source, dataset in zip(train.sources, loaded, strict=True)
    ]
    owner = job.evaluation.recalibration if purpose == "recalibration" else job.training
    return PairSampler(
        sources,
        plugin.geometry(checked_options(plugin, job.tracker.options), space or load_space(job.space)),
        seed=int(rng_for(job.seed, "pairs", purpose).integers(2**31)),
        augmentation=augmentation_of(train.augmentation),
        negatives=train.negatives,
        language=LanguageShare(
            kept=train.language, without=train.without_language, volume=train.language_volume, seed=job.seed
        ),
        batch_size=owner.batch_size,
        cache_mib=job.resources.frame_cache,
        pairs_per_epoch=train.pairs_per_epoch,
        threads=frame_threads(job),
    )


def frame_threads(job: TrackingJob) -> int:
    """Return how many threads of each worker decode frames and cut pairs."""
    resources = job.resources
    return resources.frame_threads or resources.threads or max(1, int(resources.cpus_per_worker))


def augmentation_of(section: AugmentationSection) -> Augmentation:
    """Return the augmentation that a job describes: its shifts are in pixels of a 127 px template and a 255 px search
    crop."""
    values = section.model_dump()
    values["template_shift"] /= 127
    values["search_shift"] /= 255
    return Augmentation(**values)
