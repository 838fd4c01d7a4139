"""A batch of template-search pairs, as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["PairBatch"]


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Pairs ready for a tracker, b of them.

    Args:
        template: (b, 3, template_size, template_size) uint8, channels B, G, R.
        search: (b, 3, search_size, search_size) uint8, channels B, G, R.
        template_box: (b, 4) float32, x1, y1, x2, y2 in template-crop pixels.
        search_box: (b, 4) float32, x1, y1, x2, y2 in search-crop pixels; meaningless where `positive` is False.
        positive: (b,) bool; False where the search crop does not show the template's target.
        sentences: b sentences, None where a pair has no language.
        videos: b names `dataset/video`, for error messages and coverage reports.
    """

    template: np.ndarray
    search: np.ndarray
    template_box: np.ndarray
    search_box: np.ndarray
    positive: np.ndarray
    sentences: tuple[str | None, ...]
    videos: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.template)
