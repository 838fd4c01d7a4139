"""From a job to the objects that it names; module-level functions, so that workers can build them for themselves."""

from __future__ import annotations

import fnmatch
import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asymnas.core.errors import DataError, JobError, Problem
from asymnas.core.files import cache_folder
from asymnas.core.seeding import rng_for
from asymnas.job import Job
from asymnas.language import SentenceTable
from asymnas.space import SearchSpace, load_space
from asymnas.tracking import OnlineTracker, TrackerPlugin, get_tracker
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.data import Dataset, Video, dataset_info, load_dataset, require_boxes, scene_of, subset
from asymnas.tracking.data.lazy import names_of, select
from asymnas.tracking.data.pairs.augment import Augmentation
from asymnas.tracking.data.pairs.mixture import LanguageShare, PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler

__all__ = [
    "build_tracker",
    "check_held_out",
    "geometry_of",
    "options_of",
    "sampler_of",
    "sentences_of",
    "space_of",
    "train_datasets",
    "video_set",
]

CHOICE_SEED = 0
"""Videos are chosen by this seed in every job, so that runs of different seeds are scored on the same videos."""


def space_of(job: Job) -> SearchSpace:
    """Return the job's search space."""
    return load_space(job.space)


def options_of(job: Job) -> tuple[TrackerPlugin, Any]:
    """Return the job's tracker plugin and its checked options.

    Raises:
        JobError: an option is unknown or out of range.
    """
    plugin = get_tracker(job.tracker.name)
    try:
        return plugin, plugin.options(**job.tracker.options)
    except ValidationError as error:
        raise JobError(
            [
                Problem(".".join(["tracker", *map(str, item["loc"])]), item["msg"], repr(item["input"]))
                for item in error.errors()
            ]
        ) from error


def geometry_of(job: Job) -> CropGeometry:
    """Return the crops that the job's tracker reads."""
    plugin, options = options_of(job)
    if plugin.geometry is None:
        raise JobError(
            Problem(
                "tracker.name",
                "must name a tracker with a search space",
                repr(plugin.name),
                "Trackers without one belong to `baselines.trackers`.",
            )
        )
    return plugin.geometry(options, space_of(job))


def build_tracker(job: Job, language_dim: int) -> OnlineTracker:
    """Return the job's tracker with the initial weights of the job's seed."""
    plugin, options = options_of(job)
    return plugin.build(options, space=space_of(job), language_dim=language_dim, seed=job.seed)


def sentences_of(job: Job) -> SentenceTable:
    """Return the embeddings of sentences by the job's encoder, cached on disk."""
    cache = job.language.cache or cache_folder()
    return SentenceTable(job.language.encoder, Path(cache) / "sentences")


def _loaded(source: Any, root: str | None) -> Dataset:
    """One source's videos, chosen and cut as it says."""
    options, exclude = dict(source.options), list(source.exclude)
    if "exclude" in (dataset_info(source.dataset).options() or ()):
        # The reader leaves plain names out before it reads them, so that a damaged video can be excluded.
        plain = [name for name in exclude if not any(mark in name for mark in "*?[")]
        options["exclude"] = [*options.get("exclude", ()), *plain]
        exclude = [name for name in exclude if name not in plain]
    dataset = load_dataset(source.dataset, source.split, root=Path(root) if root else None, **options)
    if source.include is not None or exclude:
        dataset = _filtered(dataset, source.include, exclude)
    return subset(dataset, videos=source.videos, frames=source.frames, seed=CHOICE_SEED)


def _filtered(dataset: Dataset, include: Sequence[str] | None, exclude: Sequence[str]) -> Dataset:
    """Keep the videos whose names match `include` and not `exclude`; a pattern that matches nothing is an error."""
    names = names_of(dataset.videos)
    for pattern in [*(include or ()), *exclude]:
        if not fnmatch.filter(names, pattern):
            raise DataError(
                Problem(
                    f"{dataset.name} {dataset.split}",
                    "a pattern of `include` or `exclude` must match a video",
                    repr(pattern),
                    f"It has {len(names)} videos, such as {', '.join(names[:5])}.",
                )
            )
    keep = [
        index
        for index, name in enumerate(names)
        if (include is None or any(fnmatch.fnmatchcase(name, pattern) for pattern in include))
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)
    ]
    if not keep:
        raise DataError(Problem(f"{dataset.name} {dataset.split}", "`include` and `exclude` must leave a video"))
    text = "\n".join([dataset.fingerprint, *(names[index] for index in keep)])
    videos = select(dataset.videos, keep)
    return Dataset(dataset.name, dataset.split, videos, hashlib.sha256(text.encode()).hexdigest())


def video_set(job: Job, name: str) -> tuple[list[Video], str]:
    """Return the videos of the job's set `validation` or `test` and a fingerprint of them.

    Raises:
        DataError: the job has no such set, two of its videos have one name, one has no box to start from, or only the
            first box of one is public.
    """
    data = getattr(job.data, name)
    if data is None:
        raise DataError(Problem(f"data.{name}", "the job has no such set of videos"))
    datasets = [_loaded(source, job.data.root) for source in data.sources]
    videos = [video for dataset in datasets for video in dataset.videos]
    names = [f"{video.dataset}/{video.name}" for video in videos]
    doubled = sorted(item for item, count in Counter(names).items() if count > 1)
    if doubled:
        raise DataError(Problem(f"data.{name}", "videos must have different names", ", ".join(doubled[:5])))
    _check_starts(name, videos)
    require_boxes(videos, f"scored here (data.{name})")
    text = "\n".join(dataset.fingerprint for dataset in datasets)
    return videos, hashlib.sha256(text.encode()).hexdigest()


def _check_starts(name: str, videos: Iterable[Video]) -> None:
    """A tracker starts from the first box, so it is missed here and not after hours of training."""
    lost = [f"{video.dataset}/{video.name}" for video in videos if not (video.boxes[0, 2:] > 0).all()]
    if lost:
        rule = "the first box of a video must have an area, for the tracker starts from it"
        way_out = "Restore the annotation, or `exclude` these videos."
        raise DataError([Problem(f"data.{name}", rule, f"none in {video}", way_out) for video in lost[:20]])


def train_datasets(job: Job) -> list[Dataset]:
    """Return the data sets of the training sources, in order.

    Raises:
        DataError: whatever is wrong with any source, all at once; only the first boxes of its videos are public.
    """
    datasets, problems = [], []
    for source in job.data.train.sources:
        try:
            datasets.append(_loaded(source, job.data.root))
        except DataError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise DataError(problems)
    for dataset in datasets:
        if isinstance(dataset.videos, (tuple, list)):  # large sets are lazy tables, and have all their boxes
            require_boxes(dataset.videos, "trained on (data.train)")
    return datasets


def check_held_out(test: Iterable[Video], others: Mapping[str, Iterable[Video]]) -> None:
    """Check that no test video is among other videos, whatever splits and options they were loaded by.

    Args:
        test: the test videos.
        others: videos by the key of the job they come from.

    Raises:
        DataError: a test video shows the frames or is the target of another video; all that do.
    """
    held_out: dict[Hashable, str] = {}
    for video in test:
        held_out |= dict.fromkeys(_traces(video), f"{video.dataset}/{video.name}")
    problems = []
    for key, videos in others.items():
        shared = sorted({held_out[trace] for video in videos for trace in _traces(video) if trace in held_out})
        if shared:
            rule = f"test videos must be held out, but {key} has {len(shared)} of them"
            way_out = "Use another split, or `include` there and `exclude` here."
            problems.append(Problem("data.test", rule, ", ".join(shared[:5]), way_out))
    if problems:
        raise DataError(problems)


def _traces(video: Video) -> list[Hashable]:
    """What no other video has: its folder of frames, if there is one, and its name with its first box."""
    scene = scene_of(video.frames)
    return [(video.dataset, video.name, *video.boxes[0].tolist()), *([] if scene is None else [scene])]


def sampler_of(job: Job, purpose: str = "training", batch_size: int | None = None) -> PairSampler:
    """Return the pair sampler of the job's training data.

    Args:
        job: the job.
        purpose: streams of different purposes are independent; "recalibration" draws other pairs than "training".
        batch_size: pairs a step over all shards; the job's by default.
    """
    train = job.data.train
    sources = [
        PairSource(
            dataset,
            weight=source.weight,
            frame_range=source.frame_range,
            template_frames=source.template_frames,
            pairs=source.pairs,
            draw=source.draw,
            language=source.language,
        )
        for source, dataset in zip(train.sources, train_datasets(job), strict=True)
    ]
    values = train.augmentation.model_dump()
    values["template_shift"] /= 127  # given in pixels of a 127 px template and a 255 px search crop
    values["search_shift"] /= 255
    resources = job.resources
    return PairSampler(
        sources,
        geometry_of(job),
        seed=int(rng_for(job.seed, "pairs", purpose).integers(2**31)),
        augmentation=Augmentation(**values),
        negatives=train.negatives,
        language=LanguageShare(
            kept=train.language, without=train.without_language, volume=train.language_volume, seed=job.seed
        ),
        batch_size=batch_size or job.training.batch_size,
        cache_mib=resources.frame_cache,
        pairs_per_epoch=train.pairs_per_epoch,
        threads=resources.frame_threads or resources.threads or max(1, int(resources.cpus_per_worker)),
    )
