"""From TransT's answers to one box per video: the box of the best cell, taken as it is."""

from __future__ import annotations

import numpy as np
import torch

from asymnas.tracking.siamese.decode import Decoded, cosine_window, finite_maps, shape_penalty
from asymnas.tracking.siamese.transformer.head import TransTAnswers
from asymnas.tracking.siamese.transformer.options import TransTOptions

__all__ = ["BestCell"]

_LEAST_SIDE = 1e-3  # in crop pixels


class BestCell:
    """Finds the target in the answers for n crops at once; a crop's answer does not depend on its neighbours.

    `cells` a side and `search_size` in pixels are those of the search crop; `name` is the tracker's, for messages.
    """

    def __init__(self, options: TransTOptions, cells: int, search_size: int, name: str) -> None:
        self.options, self.search_size, self.name = options, search_size, name
        self.window = cosine_window(cells)

    def __call__(self, answers: TransTAnswers, previous: np.ndarray) -> Decoded:
        """Decode; `previous` is (n, 2) w, h of the last boxes in search-crop pixels.

        Raises:
            EvaluationError: the network gave NaN or infinity.
        """
        probability = torch.softmax(answers.cls.double(), dim=2)[..., :1]
        maps = finite_maps(torch.cat([probability, answers.box], dim=2).cpu().numpy(), self.name)
        score, centres = maps[..., 0], maps[..., 1:3] * self.search_size
        sizes = np.maximum(maps[..., 3:] * self.search_size, _LEAST_SIDE)
        penalty = shape_penalty(sizes[..., 0], sizes[..., 1], previous, self.options.penalty_k)
        share = self.options.window
        best = np.argmax(penalty * score * (1.0 - share) + self.window * share, axis=1)
        rows = np.arange(len(best))
        rate = penalty[rows, best] * self.options.size_lr
        return Decoded(centres[rows, best], sizes[rows, best], rate, score[rows, best])
