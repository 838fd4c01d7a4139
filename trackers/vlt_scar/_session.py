"""What VLT_SCAR keeps of one video between frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asymnas.tracking import Language, Path

__all__ = ["Session", "stack_language", "stack_maps"]


@dataclass(slots=True, eq=False)
class Session:
    """One video's state; nothing of it is shared with another video.

    Args:
        path: the architecture, one op per gene.
        template: (channels, k, k) cropped template map per level.
        tokens: (channels,) mixer token of the template branch per mixer.
        embedding: (language_dim,) of the sentence, zeros without one.
        present: () bool, whether there is a sentence.
        box: (4,) float64 x, y, w, h of the last frame, in image pixels.
        fill: (3,) mean colour of the first frame.
    """

    path: Path
    template: tuple[Tensor, ...]
    tokens: tuple[Tensor, ...]
    embedding: Tensor
    present: Tensor
    box: np.ndarray
    fill: np.ndarray


def stack_maps(rows: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Batch n tuples of tensors into one tuple of (n, ...) tensors."""
    return tuple(torch.stack(items) for items in zip(*rows, strict=True))


def stack_language(sessions: Sequence[Session]) -> Language:
    """Batch the sentences of n sessions."""
    return Language(torch.stack([s.embedding for s in sessions]), torch.stack([s.present for s in sessions]))
