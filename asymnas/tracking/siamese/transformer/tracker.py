"""A Siamese tracker with TransT's head, its losses and its decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from asymnas.space import SearchSpace
from asymnas.task import GenePath
from asymnas.tracking.contract import TrainingBatch
from asymnas.tracking.siamese.decode import Decoded
from asymnas.tracking.siamese.grid import Grid
from asymnas.tracking.siamese.tracker import SiameseTracker
from asymnas.tracking.siamese.transformer.decode import BestCell
from asymnas.tracking.siamese.transformer.grid import transt_grid
from asymnas.tracking.siamese.transformer.head import InputProjection, TransTAnswers, TransTHead
from asymnas.tracking.siamese.transformer.loss import LOSS_WEIGHTS, cells_in_box, pair_losses, transt_losses
from asymnas.tracking.siamese.transformer.options import TransTOptions

__all__ = ["TransTTracker"]


class TransTTracker(SiameseTracker):
    """TransT over any space with two image branches of equal stages; arguments as for its base."""

    name = "transt"
    options: TransTOptions

    def __init__(self, space: SearchSpace, options: TransTOptions, **keywords: Any) -> None:
        super().__init__(space, options, **keywords)
        self.decoder = BestCell(options, self.grid.size, self.geometry.search_size, self.name)

    def build_grid(self) -> Grid:
        """Return the grid of one level, without correlation."""
        return transt_grid(self.space, self.options)

    def build_neck(self) -> nn.Module:
        """Return the input projections."""
        return InputProjection(self.grid.channels, self.options.channels, share=self.options.share_neck)

    def build_head(self) -> TransTHead:
        """Return the fusion network with its answers."""
        return TransTHead(self.options, (self.grid.kernel, self.grid.size))

    def loss(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return "total" and its unweighted parts "cls", "l1" and "iou".

        Pairs whose `positive` is False are background everywhere and have no part in the box losses.
        """
        return self._losses(transt_losses, batch, path)

    def pair_losses(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return what `loss` would be for each pair alone, (b,) each."""
        return self._losses(pair_losses, batch, path)

    def _losses(self, of: Callable[..., dict[str, Tensor]], batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        answers, options = self(batch, path).float(), self.options
        boxes = batch.search_box / self.geometry.search_size
        positive = cells_in_box(boxes, batch.positive, self.grid.size)
        parts = of(answers, positive, boxes, losses=options.losses, background=options.background)
        weights = options.loss_weights or LOSS_WEIGHTS[options.losses]
        total = weights[0] * parts["cls"] + weights[1] * parts["l1"] + weights[2] * parts["iou"]
        return {"total": total, **parts}

    def decode(self, answers: TransTAnswers, previous: np.ndarray) -> Decoded:
        """Find the best cell's box."""
        return self.decoder(answers.float(), previous)
