"""Held-out pairs of crops: the items of the dense rewards, the same for every seed and every candidate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.task import GenePath, Split
from asymnas.tracking.boxes import CropGeometry, iou, xyxy_to_xywh
from asymnas.tracking.data import Dataset, Video
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.mixture import PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler, visible_frames
from asymnas.tracking.task.batches import DrawnPairs
from asymnas.tracking.task.data import augmentation_of

if TYPE_CHECKING:
    from asymnas.language import Sentences
    from asymnas.tracking import TrainableTracker
    from asymnas.tracking.task.schema import HeldOutPairs

BATCH = 64
"""Pairs that run as one batch."""
SEED = 0
"""Pairs are drawn by this seed in every job, so that runs of different seeds are scored on the same pairs."""
KEPT_MIB = 512
"""Memory for the crops, in each process that measures."""
WORST = 50.0
"""Largest loss of a pair that counts: one pair on which a network diverges must not outweigh all others."""

_FRAMES_MIB = 64  # the first frames, which several pairs of a video share


class PairItems:
    """Pairs of videos in turns: item i is pair i // n of video i % n, a function of the video and that number alone.

    Videos that never show their target have no pairs. Crops are cut when they are first asked for, and kept.

    Args:
        videos: the videos.
        fingerprint: of the videos.
        settings: number of pairs, and how they are drawn.
        geometry: the tracker's crops.
        threads: how many threads decode and cut.
        where: what messages call the videos.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        fingerprint: str,
        settings: HeldOutPairs,
        geometry: CropGeometry,
        *,
        threads: int = 1,
        where: str = "data.validation",
    ) -> None:
        self.videos = [video for video in videos if len(visible_frames(video))]
        if not self.videos:
            raise DataError(Problem(where, "pairs need videos that show their target", "none"))
        self._settings, self._geometry, self._threads = settings, geometry, threads
        self._sampler: PairSampler | None = None
        self._kept: dict[int, PairBatch] = {}
        self._bytes = 0
        count = len(self.videos)
        names = tuple(f"{self.videos[i % count].key}#{i // count}" for i in range(settings.items))
        parts = {name: self.videos[i % count].part for i, name in enumerate(names) if self.videos[i % count].part}
        told = {"videos": fingerprint, "seed": SEED, "batch": BATCH, **settings.model_dump(mode="json")}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        self.split = Split(names, digest, "pairs", parts)
        self._places = {name: place for place, name in enumerate(names)}

    def batch(self, items: Sequence[str]) -> PairBatch:
        """Return the pairs of these names."""
        places = [self._places[item] for item in items]
        missing = [place for place in places if place not in self._kept]
        cut = dict(zip(missing, self._cut(missing), strict=True)) if missing else {}
        rows = [cut[place] if place in cut else self._kept[place] for place in places]
        for place, row in cut.items():
            size = row.template.nbytes + row.search.nbytes
            if self._bytes + size <= KEPT_MIB * 2**20:
                self._kept[place] = row
                self._bytes += size
        return _joined(rows)

    def _cut(self, places: Sequence[int]) -> list[PairBatch]:
        if self._sampler is None:
            settings = self._settings
            source = PairSource(
                Dataset("pairs", "held out", tuple(self.videos), self.split.fingerprint),
                frame_range=settings.frame_range,
                template_frames=settings.template_frames,
            )
            augmentation = augmentation_of(settings.augmentation)
            more: dict[str, Any] = {"cache_mib": _FRAMES_MIB, "threads": self._threads}
            self._sampler = PairSampler([source], self._geometry, seed=SEED, augmentation=augmentation, **more)
        number = len(self.videos)
        whole = self._sampler.fixed([(place % number, place // number) for place in places])
        return [_row(whole, index) for index in range(len(whole))]


def measured_pairs(
    model: TrainableTracker,
    path: GenePath,
    pairs: PairItems,
    items: Sequence[str],
    sentences: Sentences | None,
    *,
    reward: str,
    described: bool,
) -> dict[str, float]:
    """Return "pair_loss" or "pair_iou" of the named pairs by a network of one path.

    Args:
        model: the tracker in eval mode.
        path: the architecture's path.
        pairs: has the items.
        items: names of the pairs.
        sentences: embeds those of the pairs; None for a tracker that reads none.
        reward: minus the training loss of a pair, at least -`WORST`; or the overlap of the box found and the true one.
        described: whether the pairs keep their sentences.
    """
    device, found = next(model.parameters()).device, list[float]()
    for start in range(0, len(items), BATCH):
        drawn = pairs.batch(items[start : start + BATCH])
        if not described:
            drawn = replace(drawn, sentences=(None,) * len(drawn))
        batch = DrawnPairs(drawn, sentences).to(device)
        if reward == "pair_iou":
            boxes = model.pair_boxes(batch, path)
            found += iou(xyxy_to_xywh(boxes), xyxy_to_xywh(drawn.search_box)).tolist()
        else:
            losses = model.pair_losses(batch, path)["total"].double().cpu().numpy()
            found += (-np.minimum(losses, WORST)).tolist()  # NaN stays NaN, which is no score
    return dict(zip(items, found, strict=True))


def _row(pairs: PairBatch, index: int) -> PairBatch:
    return PairBatch(**{item.name: getattr(pairs, item.name)[index : index + 1] for item in fields(PairBatch)})


def _joined(rows: Sequence[PairBatch]) -> PairBatch:
    columns: dict[str, Any] = {item.name: [getattr(row, item.name) for row in rows] for item in fields(PairBatch)}
    for name, column in columns.items():
        columns[name] = sum(column, ()) if name in ("sentences", "videos") else np.concatenate(column)
    return PairBatch(**columns)
