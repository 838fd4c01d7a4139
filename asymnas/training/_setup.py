"""What a worker trains with, and a batch as tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from asymnas.tracking import Language, TrainableTracker, TrainingBatch

if TYPE_CHECKING:
    from asymnas.tracking.data.pairs.batch import PairBatch

__all__ = ["BatchSource", "Sentences", "TrainingSetup", "to_training_batch"]


class BatchSource(Protocol):
    """What training needs of a pair sampler: `batch` gives shard `shard` of step `step`, by the two alone."""

    batch_size: int

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> PairBatch: ...


class Sentences(Protocol):
    """What training needs of a sentence table."""

    def embed(self, sentences: Any) -> Language: ...


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """All that a worker trains with; each worker builds its own by the factory, equal to the others'.

    Args:
        model: on the CPU; its initial weights are the same in every worker.
        sampler: gives the pairs, e.g. a `PairSampler`.
        sentences: embeds their sentences, e.g. a `SentenceTable`.
        metadata: words to be written into the weight files.
    """

    model: TrainableTracker
    sampler: BatchSource
    sentences: Sentences
    metadata: dict[str, str] = field(default_factory=dict)


def to_training_batch(pairs: PairBatch, sentences: Sentences, device: torch.device | str = "cpu") -> TrainingBatch:
    """Move pairs to the device: crops as float32 0..255, boxes as float32, sentences embedded."""

    def move(array: Any) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    return TrainingBatch(
        template=move(pairs.template).float(),
        search=move(pairs.search).float(),
        template_box=move(pairs.template_box).float(),
        search_box=move(pairs.search_box).float(),
        positive=move(pairs.positive),
        language=sentences.embed(pairs.sentences).to(device),
    )
