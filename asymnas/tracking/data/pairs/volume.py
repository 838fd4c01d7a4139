"""The volume of language: a fixed part of a data set's described targets keeps its sentence."""

from __future__ import annotations

import hashlib

import numpy as np

from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.lazy import names_of

__all__ = ["undescribed"]


def undescribed(dataset: Dataset, has: np.ndarray, volume: float, seed: int) -> np.ndarray:
    """Return (n,) bool, True for the described targets that lose their sentence.

    Targets are ranked by a hash of (seed, data set, name): those of a smaller volume are among those of a larger one,
    and leaving a video out moves no other.

    Args:
        dataset: n targets.
        has: (n,) bool, True where a target has a sentence.
        volume: share of the described targets that keep theirs, 0..1.
        seed: of the choice.
    """
    names = names_of(dataset.videos)
    spoken = np.flatnonzero(has)
    prefix = f"{seed}\0{dataset.name}\0{dataset.split}\0"
    ranks = [hashlib.blake2b((prefix + names[index]).encode(), digest_size=16).digest() for index in spoken]
    order = sorted(range(len(spoken)), key=ranks.__getitem__)
    dropped = np.zeros(len(names), dtype=bool)
    dropped[spoken[order[round(volume * len(order)) :]]] = True
    return dropped
