"""Batches of training pairs: drawn as arrays by any thread, and made tensors where the model is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from asymnas.language import Language, Sentences
from asymnas.tracking import TrainingBatch
from asymnas.tracking.data.pairs.batch import PairBatch

if TYPE_CHECKING:
    from asymnas.tracking.data.pairs.sampler import PairSampler


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPairs:
    """Pairs as arrays; `sentences` embeds theirs, and is None for a tracker that reads none."""

    pairs: PairBatch
    sentences: Sentences | None

    @property
    def names(self) -> tuple[str, ...]:
        """The video of each pair."""
        return self.pairs.videos

    def __len__(self) -> int:
        return len(self.pairs)

    def to(self, device: Any) -> Any:
        """Return the `TrainingBatch`: crops as float32 0..255, boxes as float32, sentences embedded."""

        def move(array: Any) -> torch.Tensor:
            return torch.from_numpy(array).to(device)

        pairs, count = self.pairs, len(self.pairs)
        language = Language.absent(count, 0) if self.sentences is None else self.sentences.embed(pairs.sentences)
        return TrainingBatch(
            template=move(pairs.template).float(),
            search=move(pairs.search).float(),
            template_box=move(pairs.template_box).float(),
            search_box=move(pairs.search_box).float(),
            positive=move(pairs.positive),
            language=language.to(device),
        )


class TrackingBatches:
    """The batches of a pair sampler; `sentences` is called with each, for what embeds them (None: none are read)."""

    def __init__(self, sampler: PairSampler, sentences: Callable[[], Sentences | None]) -> None:
        self.sampler, self.batch_size = sampler, sampler.batch_size
        self._sentences = sentences

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> DrawnPairs:
        """Return shard `shard` of `shards` of step `step`."""
        return DrawnPairs(self.sampler.batch(step, shard, shards), self._sentences())
