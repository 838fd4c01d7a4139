"""A batch of template-search pairs, as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["PairBatch"]


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Pairs ready for a tracker, b of them."""

    template: np.ndarray  # (b, 3, template_size, template_size) uint8, channels B, G, R
    search: np.ndarray  # (b, 3, search_size, search_size) uint8
    template_box: np.ndarray  # (b, 4) float32, x1, y1, x2, y2 in template-crop pixels
    search_box: np.ndarray  # (b, 4) likewise; of another target where `positive` is False
    positive: np.ndarray  # (b,) bool; False where the search crop does not show the template's target
    sentences: tuple[str | None, ...]  # None where a pair has no language
    videos: tuple[str, ...]  # names `dataset/video`, for messages

    def __len__(self) -> int:
        return len(self.template)
