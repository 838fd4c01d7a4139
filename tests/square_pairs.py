"""Pairs of crops that a tiny tracker can learn: a textured square on noise."""

from __future__ import annotations

import numpy as np
import torch

from asymnas.core.seeding import rng_for
from asymnas.tracking import Language, TrainingBatch


def square_pairs(count: int, dim: int, stream: str, seed: int = 0) -> TrainingBatch:
    """A square in the middle of the template and somewhere in the search crop; every other pair has a sentence."""
    rng = rng_for(seed, stream)
    template, search = (rng.integers(80, 130, (count, 3, side, side)).astype(np.float32) for side in (64, 128))
    boxes = np.zeros((count, 4), dtype=np.float32)
    for i in range(count):
        patch = np.kron(rng.integers(0, 256, (3, 4, 4)), np.ones((8, 8))).astype(np.float32)
        x, y = rng.integers(16, 80, 2)
        template[i, :, 16:48, 16:48] = patch
        search[i, :, y : y + 32, x : x + 32] = patch
        boxes[i] = x, y, x + 32, y + 32
    embedding = torch.from_numpy(rng.standard_normal((count, dim)).astype(np.float32))
    present = torch.arange(count) % 2 == 0
    return TrainingBatch(
        template=torch.from_numpy(template),
        search=torch.from_numpy(search),
        template_box=torch.tensor([[16.0, 16.0, 48.0, 48.0]]).repeat(count, 1),
        search_box=torch.from_numpy(boxes),
        positive=torch.ones(count, dtype=torch.bool),
        language=Language(embedding * present[:, None], present),
    )
