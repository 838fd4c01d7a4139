"""What a worker trains with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asymnas.task import BatchSource


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """All that a worker trains with; each worker builds its own by the factory, equal to the others'.

    Args:
        model: an `asymnas.task.TaskModel` on the CPU; its initial weights are the same in every worker.
        batches: the samples of every step and shard.
        metadata: words to be written into the weight files.
    """

    model: Any
    batches: BatchSource
    metadata: dict[str, str] = field(default_factory=dict)
