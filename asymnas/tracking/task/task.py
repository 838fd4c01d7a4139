"""Tracking as a task of the search: its videos, pairs, model and score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from asymnas.core.errors import DataError, EvaluationError, Problem, TrackerError
from asymnas.language import Sentences
from asymnas.space import load_space
from asymnas.task import BatchSource, GenePath, Measurement, Reward, Split, Task
from asymnas.tracking import OnlineTracker, TrainableTracker, get_tracker
from asymnas.tracking.data import Dataset, FrameCache, Video, cached
from asymnas.tracking.data.lazy import all_of, possible_copies
from asymnas.tracking.metrics import suc
from asymnas.tracking.task.batches import TrackingBatches
from asymnas.tracking.task.data import (
    check_held_out,
    check_sentences,
    checked_options,
    frame_threads,
    sampler_of,
    sentences_of,
    train_datasets,
    video_set,
)
from asymnas.tracking.task.fresh import PAIR_VIDEOS, fresh_videos
from asymnas.tracking.task.measuring import open_loop, tracked
from asymnas.tracking.task.pairs import PairItems, measured_pairs
from asymnas.tracking.task.rewards import PAIRS, rewards_of
from asymnas.tracking.task.schema import TrackingJob

if TYPE_CHECKING:
    from asymnas.space import Architecture
    from asymnas.task import Keeper

FRAME_CACHE_MIB = 512
"""Memory for the frames of the evaluation videos, in each process that measures."""


class TrackingTask(Task):
    """One-pass tracking of videos from their first boxes, scored by a named protocol."""

    conditions: tuple[str, ...] = ("with", "without")

    def __init__(self, job: TrackingJob, *, device: str | None = None) -> None:
        self.job = job
        self._device = device  # of the text encoder
        self.space = load_space(job.space)
        self.plugin = get_tracker(job.tracker.name)
        self.options = checked_options(self.plugin, job.tracker.options)
        self.baselines = tuple(job.baselines.trackers)
        self.rewards = rewards_of(self.plugin, job.evaluation.protocol)
        if not self.plugin.reads_language:
            self.conditions = ("without",)
        asked = job.evaluation.language
        self.scored = self.conditions if asked == "both" or asked not in self.conditions else (asked,)
        self.noise: BatchSource | None = None
        """Batches of a rehearsal without training data."""
        self.sets: dict[str, tuple[list[Video], str]] = {}
        self._cached: dict[str, Sequence[Video]] = {}
        self._pairs: dict[str, PairItems] = {}
        self._frames = FrameCache(FRAME_CACHE_MIB)

    def load(self) -> None:
        """Read all videos of the job, and check that those of the test are held out."""
        problems: list[Problem] = []
        for name in self._names:
            with _collected(problems):
                self.videos(name)
        with _collected(problems):
            _ = self.training_data
        if problems:
            raise DataError(list(dict.fromkeys(problems)))
        check_sentences(self.job, [video for name in self._names for video in self.videos(name)], self.training_data)
        if "test" in self._names:
            test = self.videos("test")
            trained = [video for dataset in self.training_data for video in possible_copies(dataset.videos, test)]
            check_held_out(test, {"data.validation": self.videos("validation"), "data.train": trained})

    @property
    def _names(self) -> list[str]:
        return ["validation"] if self.job.data.test is None else ["validation", "test"]

    def videos(self, split: str) -> list[Video]:
        """Return the videos of "validation", "test" or a split of fresh ones."""
        return self._set(split)[0]

    def _set(self, split: str) -> tuple[list[Video], str]:
        if split not in self.sets:
            self.sets[split] = video_set(self.job, split)
        return self.sets[split]

    def pairs(self, split: str) -> PairItems:
        """Return the pairs of "pairs", which are of the validation videos, or of a split of fresh ones."""
        if split not in self._pairs:
            self._pairs[split] = self._pair_items(*self._set("validation"))
        return self._pairs[split]

    def _pair_items(self, videos: Sequence[Video], fingerprint: str, **changes: int) -> PairItems:
        geometry = self.plugin.geometry(self.options, self.space)  # type: ignore[misc] # a searchable tracker's
        settings = self.job.evaluation.pairs.model_copy(update=changes)
        where = "the new items" if changes else "data.validation"
        return PairItems(videos, fingerprint, settings, geometry, threads=frame_threads(self.job), where=where)

    @cached_property
    def training_data(self) -> list[Dataset]:
        """The data sets of the training pairs."""
        return train_datasets(self.job)

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The videos by set, and the pairs; parts are those of the benchmarks."""
        found = {name: self._video_split(name) for name in self._names}
        if any(reward.split == PAIRS for reward in self.rewards.values()):
            found[PAIRS] = self.pairs(PAIRS).split
        return found

    def _video_split(self, name: str) -> Split:
        videos, fingerprint = self._set(name)
        parts = {video.key: video.part for video in videos if video.part}
        return Split(tuple(video.key for video in videos), fingerprint, "videos", parts)

    def fresh(self, reward: Reward, count: int) -> str:
        """Add a split of videos that the job does not use, or of pairs of such videos, and embed their sentences."""
        name = f"fresh-{reward.name}-{count}"
        if name in self.splits:
            return name
        if reward.split == PAIRS:
            found = fresh_videos(self.job, min(count, PAIR_VIDEOS), fewer=True)
            self._pairs[name] = self._pair_items(*found, items=count)
            self.splits[name], videos = self._pairs[name].split, self._pairs[name].videos
        else:
            self.sets[name] = videos, _ = fresh_videos(self.job, count)
            self.splits[name] = self._video_split(name)
        self._embed(videos)
        return name

    @cached_property
    def sentences(self) -> Sentences | None:
        """What embeds sentences; None for a tracker that reads none."""
        return sentences_of(self.job, self._device) if self.plugin.reads_language else None

    def prepare(self, on_progress: Callable[[int, int], None]) -> None:
        """Embed every sentence once."""
        sets = [self.videos(name) for name in self._names] + [dataset.videos for dataset in self.training_data]
        self._embed(*sets, on_progress=on_progress)

    def _embed(self, *sets: Sequence[Video], on_progress: Callable[[int, int], None] | None = None) -> None:
        table: Any = self.sentences
        if table is not None:
            wanted = set().union(*(all_of(videos).sentences for videos in sets))
            table.prepare(sorted(wanted), on_progress=on_progress)

    def fingerprint(self) -> Mapping[str, Any]:
        """Tracker, encoder, protocol, the data of recalibration, and `lockstep`: each changes scores."""
        job = self.job
        return {
            "tracker": job.tracker.model_dump(mode="json"),
            **self.model_fingerprint(),
            "protocol": job.evaluation.protocol,
            "lockstep": job.evaluation.lockstep,
            "seed": job.seed,
            "train": job.data.train.model_dump(mode="json"),
            "train videos": [dataset.fingerprint for dataset in self.training_data],
        }

    def model_fingerprint(self) -> Mapping[str, str]:
        """The encoder of the sentences."""
        return {} if self.sentences is None else {"encoder": encoder_key(self.sentences)}

    def baseline_fingerprint(self) -> Mapping[str, Any]:
        """The protocol."""
        return {"protocol": self.job.evaluation.protocol}

    def model(self) -> TrainableTracker:
        """Return the tracker; its weights are those of `training.initial_weights`, or drawn from the seed."""
        model = self.built()
        if self.job.training.initial_weights is not None:
            from asymnas.nn.pretrained import load_initial

            supernet: Any = model.supernet  # every tracker that can be initialised so has one
            load_initial(self.job.training.initial_weights, model, supernet)
        return model

    def built(self) -> TrainableTracker:
        """Return the tracker with the weights of the job's seed.

        Raises:
            TrackerError: it has no search space.
        """
        dim = 0 if self.sentences is None else self.sentences.dim
        model = self.plugin.build(self.options, space=self.space, language_dim=dim, seed=self.job.seed)
        if not self.plugin.searchable or not isinstance(model, TrainableTracker):
            raise TrackerError(f"The tracker '{self.plugin.name}' has no search space, so there is nothing to search.")
        return model

    def batches(self, purpose: str) -> BatchSource:
        """Return the pairs of "training" or "recalibration"."""
        if self.noise is not None:
            return self.noise
        sampler = sampler_of(self.job, purpose, datasets=self.training_data, space=self.space)
        return TrackingBatches(sampler, lambda: self.sentences)

    def measure(
        self,
        model: Any,
        path: GenePath,
        split: str,
        *,
        reward: Reward,
        condition: str,
        items: Sequence[str],
        keep: bool = False,
    ) -> Measurement:
        """Track videos of a split with the network of one path, or find the targets of its pairs, with sentences or
        without."""
        if (self.splits[split].noun == "pairs") != (reward.split == PAIRS):
            raise EvaluationError(Problem(split, f"must have items of the reward {reward.name}", "it has others"))
        if reward.split == PAIRS:
            more: dict[str, Any] = {"reward": reward.name, "described": condition == "with"}
            return Measurement(values=measured_pairs(model, path, self.pairs(split), items, self.sentences, **more))
        by_name = {video.key: video for video in self._readable(split)}
        videos = [by_name[item] for item in items]
        language, lockstep = None, self.job.evaluation.lockstep
        if self.sentences is not None:
            device = next(model.parameters()).device
            texts = [video.sentence if condition == "with" else None for video in videos]
            language = self.sentences.embed(texts).to(device)
        if reward.name == "open_loop":
            return Measurement(values=open_loop(model, videos, path=path, language=language, lockstep=lockstep))
        return self._measured(model, videos, condition, keep, path=path, language=language)

    def measure_baseline(self, name: str, split: str, *, reward: Reward, keep: bool = False) -> Measurement:
        """Track all videos of a split with a tracker that has no weights, by its default options."""
        plugin = get_tracker(name)
        if reward.name != "suc":
            raise EvaluationError(f"'{name}' has no network, and can be scored by suc alone, not by {reward.name}.")
        if plugin.has_weights:
            raise EvaluationError(f"'{name}' has weights, and none are given for a baseline.")
        tracker = plugin.build(plugin.options(), space=None, language_dim=0, seed=0)
        return self._measured(tracker, self._readable(split), "without", keep, path=None, language=None)

    def _readable(self, split: str) -> Sequence[Video]:
        """Every candidate reads the same frames, so they are decoded or drawn once as far as memory allows."""
        if split not in self._cached:
            videos, fingerprint = self._set(split)
            self._cached[split] = cached(Dataset(split, "evaluation", videos, fingerprint), self._frames).videos
        return self._cached[split]

    def _measured(
        self, tracker: OnlineTracker, videos: Sequence[Video], condition: str, keep: bool, **given: Any
    ) -> Measurement:
        settings = self.job.evaluation
        found = tracked(tracker, videos, lockstep=settings.lockstep, condition=condition, **given)
        values = {
            video.key: suc(result.boxes, video.boxes, video.absent, protocol=settings.protocol)
            for video, result in zip(videos, found, strict=True)
        }
        facts = {"protocol": settings.protocol, "frames": sum(len(video) for video in videos)}
        return Measurement(values=values, facts=facts, kept=found if keep else None)

    def keeper(self, run: File, architecture: Architecture, weights: str) -> Keeper:
        """Return what writes boxes and pictures of the test videos."""
        from asymnas.tracking.task.keeper import BoxKeeper

        settings = {"tracker": self.job.tracker.name, "options": self.job.tracker.options, **self.model_fingerprint()}
        return BoxKeeper(run, self.job, self.videos("test"), architecture, weights, settings, self.reward.title)

    def describe(self) -> Mapping[str, Any]:
        """Return what each source gives to the training."""
        sampler = sampler_of(self.job, datasets=self.training_data, space=self.space) if self.noise is None else None
        return {} if sampler is None else {"mixture": sampler.mixture.summary()}

    def rehearsal(self) -> tuple[Task, list[str]]:
        """Return the task with made-up sentences, pairs and videos for those that are not on this machine."""
        from asymnas.tracking.task.rehearsal import stand_in

        data = self.job.data.model_copy(update={"test": None})
        task = TrackingTask(self.job.model_copy(update={"data": data}))
        return task, stand_in(task)


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        problems += error.problems


def encoder_key(table: Any) -> str:
    """Return name and hash of a sentence table's encoder."""
    return f"{table.name}-{table.fingerprint}"
