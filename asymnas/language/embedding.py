"""Sentence embeddings of a batch, some of which may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from asymnas.core.errors import LanguageError, Problem

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Sentences of b samples.

    Args:
        embedding: (b, language_dim) float, what the encoder makes of the sentence; zeros without one.
        present: (b,) bool, False where a sample has no sentence.
        sentences: the b texts, for models that read text; None where only embeddings are given.
    """

    embedding: Tensor
    present: Tensor
    sentences: tuple[str | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.embedding)

    def __getitem__(self, index: slice | Sequence[int]) -> Language:
        rows = range(len(self))[index] if isinstance(index, slice) else index
        texts = None if self.sentences is None else tuple(self.sentences[row] for row in rows)
        return Language(self.embedding[index], self.present[index], texts)

    def to(self, device: torch.device | str) -> Language:
        """Move both tensors to a device."""
        return Language(self.embedding.to(device), self.present.to(device), self.sentences)

    @staticmethod
    def absent(batch: int, dim: int) -> Language:
        """No sentence for any of `batch` samples."""
        import torch

        return Language(torch.zeros(batch, dim), torch.zeros(batch, dtype=torch.bool))

    @staticmethod
    def of(sentences: Sequence[str | None]) -> Language:
        """Sentences without embeddings (language_dim 0), for a model that reads text."""
        import torch

        present = torch.tensor([text is not None for text in sentences], dtype=torch.bool)
        return Language(torch.zeros(len(sentences), 0), present, tuple(sentences))


class Sentences(Protocol):
    """What embeds sentences, such as `SentenceTable`."""

    dim: int

    def embed(self, sentences: Sequence[str | None]) -> Language:
        """Return the embeddings of b sentences; None is a missing one."""


def check_sentence(sentence: object) -> str:
    """Return the sentence; raise LanguageError unless it is a string with a visible character."""
    if not isinstance(sentence, str) or not sentence.strip():
        rule, way_out = "must be text with at least one visible character", "Mark a missing sentence by None."
        raise LanguageError(Problem("sentence", rule, repr(sentence), way_out))
    return sentence
