"""Template-search pairs for training: each one is a function of (seed, step, row) alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.seeding import rng_for
from asymnas.tracking.boxes import CropGeometry, box_centers, crop_side
from asymnas.tracking.data._video import Video
from asymnas.tracking.data.frames import FrameCache, scene_of
from asymnas.tracking.data.pairs.augment import Augmentation, colour_offset, cut, motion_blur, window_for
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.mixture import LanguageShare, Mixture, PairSource

__all__ = ["PairSampler", "PairSource", "visible_frames"]

_TRIES = 100
_PICKS = 16384
"""Targets whose visible frames are remembered: sets have millions."""

_Crop = tuple[np.ndarray, np.ndarray]
"""Pixels (size, size, 3) uint8 B, G, R and the box (4,) x1, y1, x2, y2 in them."""


@dataclass(frozen=True, slots=True)
class _Pick:
    """A video and its visible frames."""

    source: int
    index: int
    video: Video
    visible: np.ndarray


@dataclass(frozen=True, slots=True)
class _Row:
    """What a pair will be cut from, and the stream that its augmentation draws from."""

    rng: np.random.Generator
    template: tuple[_Pick, int]
    search: tuple[_Pick, int]
    sentence: str | None


def visible_frames(video: Video) -> np.ndarray:
    """Return the indices of the frames that show the target in a box with an area."""
    boxes = video.boxes
    seen = ~video.absent & np.isfinite(boxes).all(axis=1) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    return np.flatnonzero(seen)


class PairSampler:
    """Draws batches of pairs; row i of step s depends on (seed, s, i) only, whatever the shards, order or process.

    With epochs (see `Mixture`) it is the pair at position s * batch_size + i of the training. A template frame is drawn
    uniformly over the frames that show the target, the search frame uniformly within the source's range of it. A
    negative's search crop is cut around the target of another video that does not share its frames; its sentence stays
    the template's, and it is labelled `positive=False`.

    Args:
        sources: where pairs come from.
        geometry: the tracker's crops; without augmentation the crops are exactly those of tracking.
        seed: the job's seed.
        augmentation: see `Augmentation`.
        negatives: share of negative pairs, 0..1.
        language: share of pairs that keep their sentence, 0..1, or all of `LanguageShare`.
        batch_size: pairs a step, over all shards.
        cache_mib: bound in MiB of the decoded frames kept in memory.
        pairs_per_epoch: pairs an epoch over all sources; see `Mixture`.
        threads: how many threads decode and cut; the pairs are the same for any number.

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
        language: float | LanguageShare = 1.0,
        batch_size: int = 32,
        cache_mib: float = 512,
        pairs_per_epoch: int | None = None,
        threads: int = 1,
    ) -> None:
        self.sources = tuple(sources)
        self.geometry = geometry
        self.seed = seed
        self.augmentation = Augmentation() if augmentation is None else augmentation
        self.negatives = negatives
        self.language = language if isinstance(language, LanguageShare) else LanguageShare(kept=language)
        self.batch_size = batch_size
        self.threads = threads
        self.cache = FrameCache(cache_mib)
        self._check()
        self.mixture = Mixture(self.sources, seed=seed, pairs_per_epoch=pairs_per_epoch, language=self.language)
        self._picks: OrderedDict[tuple[int, int], _Pick] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_picks": OrderedDict(), "_pool": None}

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> PairBatch:
        """Return the pairs of one step, or one shard of them: rows [shard * b // shards, (shard + 1) * b // shards).

        Raises:
            DataError: a frame is missing or corrupt (the message names file and video); a source shows no target.
        """
        rows = range(shard * self.batch_size // shards, (shard + 1) * self.batch_size // shards)
        return self._batch([self._row(step, row) for row in rows])

    def fixed(self, pairs: Sequence[tuple[int, int]]) -> PairBatch:
        """Return pairs by target of the first source and number: each a function of (seed, target, number) alone.

        The search crop shows the target always, and the sentence is that of the target.
        """
        rows = []
        for target, number in pairs:
            pick = self._of(0, target)
            rng = rng_for(self.seed, "fixed pair", pick.video.key, number)
            at = self._template_frame(rng, pick)
            there = self._search_frame(rng, pick, at)
            frames = (pick, int(pick.visible[at])), (pick, int(pick.visible[there]))
            rows.append(_Row(rng, *frames, pick.video.sentence))
        return self._batch(rows)

    def _batch(self, rows: Sequence[_Row]) -> PairBatch:
        template_size, search_size = self.geometry.template_size, self.geometry.search_size
        template = np.empty((len(rows), 3, template_size, template_size), np.uint8)
        search = np.empty((len(rows), 3, search_size, search_size), np.uint8)
        boxes = np.empty((2, len(rows), 4), np.float32)
        for i, crops in enumerate(self._all_crops(rows)):
            template[i], search[i] = crops[0][0].transpose(2, 0, 1), crops[1][0].transpose(2, 0, 1)
            boxes[0, i], boxes[1, i] = crops[0][1], crops[1][1]
        positive = np.array([row.template[0] is row.search[0] for row in rows], bool)
        sentences = tuple(row.sentence for row in rows)
        shown = [row.template[0].video for row in rows]
        videos = tuple(video.key for video in shown)
        return PairBatch(template, search, boxes[0], boxes[1], positive, sentences, videos)

    def _row(self, step: int, row: int) -> _Row:
        rng = rng_for(self.seed, "pair", step, row)
        first, z, second, x = self._draw(rng, step * self.batch_size + row)
        keep = rng.random() < self.mixture.keeps(first.source)
        described = keep and not self.mixture.drops(first.source, first.index)
        return _Row(rng, (first, z), (second, x), first.video.sentence if described else None)

    def _all_crops(self, rows: Sequence[_Row]) -> Iterator[tuple[_Crop, _Crop]]:
        """Yield the crops of each row, in order; an error is that of the first row that has one."""
        if self.threads < 2:
            return map(self._crops, rows)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="asymnas-frames")
        return self._pool.map(self._crops, rows)

    def _draw(self, rng: np.random.Generator, position: int = 0) -> tuple[_Pick, int, _Pick, int]:
        first = self._pick(rng, position)
        at = self._template_frame(rng, first)
        if self.negatives and rng.random() < self.negatives:
            second = self._pick(rng, None, other_than=first)
            there = int(rng.integers(len(second.visible)))
        else:
            second, there = first, self._search_frame(rng, first, at)
        return first, int(first.visible[at]), second, int(second.visible[there])

    def _template_frame(self, rng: np.random.Generator, pick: _Pick) -> int:
        limit = self.sources[pick.source].template_frames or len(pick.visible)
        return int(rng.integers(min(limit, len(pick.visible))))

    def _search_frame(self, rng: np.random.Generator, pick: _Pick, at: int) -> int:
        reach = self.sources[pick.source].frame_range
        return int(rng.integers(max(at - reach, 0), min(at + reach, len(pick.visible) - 1) + 1))

    def _pick(self, rng: np.random.Generator, position: int | None, other_than: _Pick | None = None) -> _Pick:
        """The target at a position of the epochs, or a random one; random too where that shows nothing."""
        planned = self.mixture.epoch is not None
        for attempt in range(_TRIES):
            if planned and position is not None and attempt == 0:
                pick = self._of(*self.mixture.planned(position, rng))
            else:
                pick = self._of(*self.mixture.draw(rng))
            if len(pick.visible) and (other_than is None or self._scene(pick) != self._scene(other_than)):
                return pick
        rule = "pairs need videos that show their target" + (" and negatives a second scene" if other_than else "")
        names = ", ".join(f"{source.dataset.name}/{source.dataset.split}" for source in self.sources)
        raise DataError(Problem(names, rule, f"none in {_TRIES} draws", "Check the annotations, or add videos."))

    def _of(self, source: int, index: int) -> _Pick:
        pick = self._picks.get((source, index))
        if pick is None:
            video = self.sources[source].dataset.videos[index]
            pick = self._picks[source, index] = _Pick(source, index, video, visible_frames(video))
            if len(self._picks) > _PICKS:
                self._picks.popitem(last=False)
        return pick

    def _scene(self, pick: _Pick) -> Hashable:
        dataset = self.sources[pick.source].dataset
        return scene_of(pick.video.frames) or (dataset.name, dataset.split, pick.video.name)

    def _crops(self, row: _Row) -> tuple[_Crop, _Crop]:
        rng, (first, z), (second, x) = row.rng, row.template, row.search
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

    def _recolour(self, image: np.ndarray, box: np.ndarray, normal: np.ndarray, gray: bool, flip: bool) -> _Crop:
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
        language, positive = self.language, "must be above 0"
        rules = [("pair sources", bool(self.sources), "at least one data set is needed", "none")]
        for item in self.sources:
            rules.append((item.where, len(item.dataset) > 0, "the data set must hold videos", "none"))
            for name, value in (("weight", item.weight), ("pairs", item.pairs)):
                good = value is None or value == "videos" or value > 0
                rules.append((item.where, good, f"{name} {positive}; leave the source out for none", str(value)))
            good = item.language is None or 0 <= item.language <= 1
            rules.append((item.where, good, "language must be a share", str(item.language)))
        shares = {"negatives": self.negatives, "language": language.kept, "volume of language": language.volume}
        shares["pairs without language"] = language.without or 0.0
        for name, share in shares.items():
            rules.append((name, 0 <= share <= 1, "must be a share between 0 and 1", str(share)))
        scenes = not self.negatives > 0 or sum(len(source.dataset) for source in self.sources) >= 2
        rules.append(("negatives", scenes, "need at least two videos; set `negatives: 0`", "one"))
        problems = [Problem(where, rule, value) for where, good, rule, value in rules if not good]
        if problems:
            raise DataError(problems)
