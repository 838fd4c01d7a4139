"""What mixers read: sentences or features of another branch, which some rows of a batch may lack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class LanguageLike(Protocol):
    """Sentence embeddings (b, language_dim) and which of the b rows have a sentence (b,) bool."""

    @property
    def embedding(self) -> Tensor: ...

    @property
    def present(self) -> Tensor: ...


Rows = tuple[Tensor, Tensor] | None
"""Indices of the rows that have an input and of those that do not; None where all have it."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What one mixer reads in one forward.

    Args:
        values: (b, d) vectors or (b, d, h, w) features, zeros in rows without; None where no row has any.
        rows: the rows with and without; None where all are alike.
        token: (b, channels) that the rows without get instead, handed over from another branch; None where there is
            none. `moda` alone uses it.
        boxes: (b, 4) target boxes in input pixels, or None.
    """

    values: Tensor | None = None
    rows: Rows = None
    token: Tensor | None = None
    boxes: Tensor | None = None

    def vector(self) -> Tensor | None:
        """Return `values` as (b, d): features are averaged over their places."""
        return self.values if self.values is None or self.values.ndim == 2 else self.values.mean((2, 3))


def rows_of(present: Tensor | None) -> Rows:
    """Sort rows by a (b,) bool mask of those that have an input; None: all have it."""
    if present is None or bool(present.all()):
        return None
    return present.nonzero()[:, 0], (~present).nonzero()[:, 0]


def read(values: Tensor, rows: Rows) -> Source:
    """Return a source of (b, d) vectors or (b, d, h, w) features; rows without become zeros."""
    if rows is None:
        return Source(values)
    if not len(rows[0]):
        return Source()
    return Source(values.index_fill(0, rows[1], 0.0), rows)
