"""From the answers for all anchors to one box per video: shape penalty, cosine window, one peak (SiamRPN)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from asymnas.tracking.siamese.decode import Decoded, cosine_window, finite_maps, shape_penalty
from asymnas.tracking.siamese.rpn.head import RPNOutput
from asymnas.tracking.siamese.rpn.options import RPNOptions

__all__ = ["AnchorDecoder"]

_MAX_EXPONENT = 20.0
"""exp() of more is no box side of any image; the bound keeps an untrained path's answers finite."""


class AnchorDecoder:
    """Finds the target for n videos at once; a video's answer does not depend on its neighbours.

    `anchors` are (4, a, n, n) cx, cy, w, h in search-crop pixels; `tracker` is its name in messages.
    """

    def __init__(self, anchors: Tensor, options: RPNOptions, tracker: str) -> None:
        self.options, self.tracker = options, tracker
        self.anchors = anchors.double().flatten(1).cpu().numpy()
        self.window = np.tile(cosine_window(anchors.shape[-1]), anchors.shape[1])

    def __call__(self, answers: RPNOutput, previous: np.ndarray) -> Decoded:
        """Decode.

        Args:
            answers: of n search crops.
            previous: (n, 2) w, h of the last boxes in search-crop pixels.

        Raises:
            EvaluationError: the network gave NaN or infinity.
        """
        answer = torch.cat([torch.softmax(answers.cls.double(), dim=1)[:, 1:], answers.box.double()], dim=1)
        maps = finite_maps(answer.flatten(2).cpu().numpy(), self.tracker)
        score, scales = maps[:, 0], np.exp(np.clip(maps[:, 3:], -_MAX_EXPONENT, _MAX_EXPONENT))
        width, height = self.anchors[2] * scales[:, 0], self.anchors[3] * scales[:, 1]
        penalty = shape_penalty(width, height, previous, self.options.penalty_k)
        share = self.options.window
        rows, best = np.arange(len(score)), np.argmax(penalty * score * (1.0 - share) + self.window * share, axis=1)
        x, y = self.anchors[:2, best] + self.anchors[2:, best] * maps[rows, 1:3, best].T
        rate = penalty[rows, best] * score[rows, best] * self.options.size_lr
        size = np.stack([width[rows, best], height[rows, best]], axis=1)
        return Decoded(np.stack([x, y], axis=1), size, rate, score[rows, best])
