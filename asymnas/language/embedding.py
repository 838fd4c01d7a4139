"""Sentence embeddings of a batch, some of which may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Language", "Sentences"]


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Sentence embeddings of b samples.

    Args:
        embedding: (b, language_dim) float, the mean over the sentence's tokens; zeros without a sentence.
        present: (b,) bool, False where a sample has no sentence.
    """

    embedding: Tensor
    present: Tensor

    def __len__(self) -> int:
        return len(self.embedding)

    def __getitem__(self, index: slice | Sequence[int]) -> Language:
        return Language(self.embedding[index], self.present[index])

    def to(self, device: torch.device | str) -> Language:
        """Move both to a device."""
        return Language(self.embedding.to(device), self.present.to(device))

    @staticmethod
    def absent(batch: int, dim: int) -> Language:
        """No sentence for any of `batch` samples."""
        import torch

        return Language(torch.zeros(batch, dim), torch.zeros(batch, dtype=torch.bool))


class Sentences(Protocol):
    """What embeds sentences, such as `SentenceTable`."""

    def embed(self, sentences: Sequence[str | None]) -> Language:
        """Return the embeddings of b sentences; None is a missing one."""
