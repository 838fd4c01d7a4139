"""Template-search pairs for training: each one is a function of (seed, step, row) alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from asymnas.boxes import CropGeometry, box_centers, crop_side
from asymnas.data._augment import Augmentation, colour_offset, cut, motion_blur, window_for
from asymnas.data._batch import PairBatch
from asymnas.data._frames import FrameCache, scene_of
from asymnas.data._video import Dataset, Video
from asymnas.errors import DataError, Problem
from asymnas.seeding import rng_for

__all__ = ["PairSampler", "PairSource"]

_TRIES = 100


@dataclass(frozen=True, slots=True, eq=False)
class PairSource:
    """One data set to draw pairs from.

    Args:
        dataset: its videos; each is drawn equally often.
        weight: how often the source is drawn, relative to the others' weights; > 0.
        frame_range: greatest distance of template and search frame, counted in visible frames of the track; >= 0.
        template_frames: the template is one of the first so many visible frames; None for any frame. 1 is what one-pass
            evaluation does.
    """

    dataset: Dataset
    weight: float = 1.0
    frame_range: int = 100
    template_frames: int | None = None


@dataclass(frozen=True, slots=True)
class _Pick:
    """A video and its visible frames."""

    source: int
    index: int
    video: Video
    visible: np.ndarray


class PairSampler:
    """Draws batches of pairs; row i of step s depends on (seed, s, i) only, whatever the shards, order or process.

    A template frame is drawn uniformly over the frames that show the target, the search frame uniformly within the
    source's range of it. A negative's search crop is cut around the target of another video that does not share its
    frames; its sentence stays the template's, and it is labelled `positive=False`.

    Args:
        sources: where pairs come from.
        geometry: the tracker's crops; without augmentation the crops are exactly those of tracking.
        seed: the job's seed.
        augmentation: see `Augmentation`.
        negatives: share of negative pairs, 0..1.
        language: share of pairs that keep their sentence, 0..1.
        batch_size: pairs a step, over all shards.
        cache_mib: bound in MiB of the decoded frames kept in memory.

    Raises:
        DataError: no source, a value out of range, or negatives asked of fewer than two scenes.
    """

    def __init__(
        self,
        sources: Sequence[PairSource],
        geometry: CropGeometry,
        *,
        seed: int,
        augmentation: Augmentation | None = None,
        negatives: float = 0.0,
        language: float = 1.0,
        batch_size: int = 32,
        cache_mib: float = 512,
    ) -> None:
        self.sources = tuple(sources)
        self.geometry = geometry
        self.seed = seed
        self.augmentation = Augmentation() if augmentation is None else augmentation
        self.negatives = negatives
        self.language = language
        self.batch_size = batch_size
        self.cache = FrameCache(cache_mib)
        self._check()
        weights = np.array([source.weight for source in self.sources], dtype=np.float64)
        self._edges = np.cumsum(weights / weights.sum())
        self._picks: dict[tuple[int, int], _Pick] = {}

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> PairBatch:
        """Return the pairs of one step, or one shard of them: rows [shard * b // shards, (shard + 1) * b // shards).

        Args:
            step: training step, >= 0.
            shard: which part, 0..shards-1.
            shards: number of parts.

        Raises:
            DataError: a frame is missing or corrupt (the message names file and video); a source shows no target.
        """
        rows = range(shard * self.batch_size // shards, (shard + 1) * self.batch_size // shards)
        template_size, search_size = self.geometry.template_size, self.geometry.search_size
        template = np.empty((len(rows), 3, template_size, template_size), np.uint8)
        search = np.empty((len(rows), 3, search_size, search_size), np.uint8)
        boxes = np.empty((2, len(rows), 4), np.float32)
        positive = np.empty(len(rows), bool)
        sentences: list[str | None] = []
        videos: list[str] = []
        for i, row in enumerate(rows):
            rng = rng_for(self.seed, "pair", step, row)
            first, z, second, x = self._draw(rng)
            keep = rng.random() < self.language
            crops = self._crops(rng, first, z, second, x)
            template[i], search[i] = crops[0][0].transpose(2, 0, 1), crops[1][0].transpose(2, 0, 1)
            boxes[0, i], boxes[1, i] = crops[0][1], crops[1][1]
            positive[i] = first is second
            sentences.append(first.video.sentence if keep else None)
            videos.append(f"{first.video.dataset}/{first.video.name}")
        return PairBatch(template, search, boxes[0], boxes[1], positive, tuple(sentences), tuple(videos))

    def _draw(self, rng: np.random.Generator) -> tuple[_Pick, int, _Pick, int]:
        first = self._pick(rng)
        limit = self.sources[first.source].template_frames or len(first.visible)
        at = int(rng.integers(min(limit, len(first.visible))))
        if self.negatives and rng.random() < self.negatives:
            second = self._pick(rng, other_than=first)
            there = int(rng.integers(len(second.visible)))
        else:
            reach = self.sources[first.source].frame_range
            second = first
            there = int(rng.integers(max(at - reach, 0), min(at + reach, len(first.visible) - 1) + 1))
        return first, int(first.visible[at]), second, int(second.visible[there])

    def _pick(self, rng: np.random.Generator, other_than: _Pick | None = None) -> _Pick:
        for _ in range(_TRIES):
            source = min(int(np.searchsorted(self._edges, rng.random(), side="right")), len(self.sources) - 1)
            pick = self._of(source, int(rng.integers(len(self.sources[source].dataset))))
            if len(pick.visible) and (other_than is None or self._scene(pick) != self._scene(other_than)):
                return pick
        rule = "pairs need videos that show their target" + (" and negatives a second scene" if other_than else "")
        names = ", ".join(f"{source.dataset.name}/{source.dataset.split}" for source in self.sources)
        raise DataError(Problem(names, rule, f"none in {_TRIES} draws", "Check the annotations, or add videos."))

    def _of(self, source: int, index: int) -> _Pick:
        pick = self._picks.get((source, index))
        if pick is None:
            video = self.sources[source].dataset.videos[index]
            boxes = video.boxes
            seen = ~video.absent & np.isfinite(boxes).all(axis=1) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
            pick = self._picks[source, index] = _Pick(source, index, video, np.flatnonzero(seen))
        return pick

    def _scene(self, pick: _Pick) -> Hashable:
        dataset = self.sources[pick.source].dataset
        return scene_of(pick.video.frames) or (dataset.name, dataset.split, pick.video.name)

    def _crops(
        self, rng: np.random.Generator, first: _Pick, z: int, second: _Pick, x: int
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        augment = self.augmentation
        geometry = self.geometry
        uniform, normal = rng.uniform(-1, 1, 8), rng.standard_normal(6)
        flip, gray, blur, length, mix = rng.random(5)
        box_z, box_x = first.video.boxes[z], second.video.boxes[x]
        side_z, side_x = float(crop_side(box_z, geometry)[0]), float(crop_side(box_x, geometry)[1])
        window_z = window_for(box_centers(box_z), side_z, augment.template_shift, augment.template_scale, uniform[:4])
        window_x = window_for(box_centers(box_x), side_x, augment.search_shift, augment.search_scale, uniform[4:])
        template, template_box = cut(self._frame(first, z), box_z, window_z, geometry.template_size)
        search, search_box = cut(self._frame(second, x), box_x, window_x, geometry.search_size)
        if blur < augment.blur:
            search = motion_blur(search, length, mix)
        to_gray, to_flip = gray < augment.gray, flip < augment.flip
        template, template_box = self._recolour(template, template_box, normal[:3], to_gray, to_flip)
        search, search_box = self._recolour(search, search_box, normal[3:], to_gray, to_flip)
        return (template, template_box), (search, search_box)

    def _recolour(
        self, image: np.ndarray, box: np.ndarray, normal: np.ndarray, gray: bool, flip: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        import cv2

        if gray:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if self.augmentation.colour:
            image = cv2.add(image, np.append(colour_offset(self.augmentation.colour, normal), 0.0))
        if flip:
            image = image[:, ::-1]
            box = np.array([image.shape[1] - box[2], box[1], image.shape[1] - box[0], box[3]])
        return image, box

    def _frame(self, pick: _Pick, index: int) -> np.ndarray:
        return self.cache.get((pick.source, pick.index, index), pick.video.frames, index)

    def _check(self) -> None:
        problems = []
        if not self.sources:
            problems.append(Problem("pair sources", "at least one data set is needed", "none"))
        for source in self.sources:
            where = f"pair source {source.dataset.name}/{source.dataset.split}"
            if not len(source.dataset):
                problems.append(Problem(where, "the data set must hold videos", "none"))
            if not source.weight > 0:
                problems.append(Problem(where, "weight must be above 0", str(source.weight), "Leave the source out."))
            if source.frame_range < 0:
                problems.append(Problem(where, "frame_range must be at least 0", str(source.frame_range)))
        for name in ("negatives", "language"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(Problem(name, "must be a share between 0 and 1", str(getattr(self, name))))
        if self.batch_size < 1:
            problems.append(Problem("batch_size", "must be at least 1", str(self.batch_size)))
        if self.negatives > 0 and sum(len(source.dataset) for source in self.sources) < 2:
            problems.append(Problem("negatives", "need at least two videos", "one", "Set `negatives: 0`."))
        if problems:
            raise DataError(problems)
