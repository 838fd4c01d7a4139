"""What a Siamese tracker keeps of one video between frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asymnas.task import GenePath
from asymnas.tracking.contract import Language

__all__ = ["SiameseSession", "TemplateFeatures"]


@dataclass(frozen=True, slots=True, eq=False)
class TemplateFeatures:
    """What the search branch and the head need of b templates."""

    maps: tuple[Tensor, ...]  # (b, channels, k, k) per level
    tokens: tuple[Tensor, ...]  # (b, channels) per mixer, of the template branch
    language: Language

    def row(self, index: int) -> TemplateFeatures:
        """Return a copy of one sample, b = 1."""
        one = slice(index, index + 1)
        maps, tokens, language = (tuple(item[one].clone() for item in items) for items in self._tensors())
        return TemplateFeatures(maps, tokens, Language(language[0], language[1]))

    @staticmethod
    def joined(rows: Sequence[TemplateFeatures]) -> TemplateFeatures:
        """Batch several."""
        parts = zip(*(row._tensors() for row in rows), strict=True)
        maps, tokens, language = (tuple(map(torch.cat, zip(*part, strict=True))) for part in parts)
        return TemplateFeatures(maps, tokens, Language(language[0], language[1]))

    def _tensors(self) -> tuple[tuple[Tensor, ...], ...]:
        return self.maps, self.tokens, (self.language.embedding, self.language.present)


@dataclass(slots=True, eq=False)
class SiameseSession:
    """One video's state; nothing of it is shared with another video."""

    path: GenePath  # one op per gene
    template: TemplateFeatures  # of the first frame, b = 1
    box: np.ndarray  # (4,) float64 x, y, w, h of the last frame, in pixels
    fill: np.ndarray  # (3,) mean colour of the first frame
