"""A Siamese tracker with the head of SiamRPN++, its losses and its decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from asymnas.space import SearchSpace
from asymnas.task import GenePath
from asymnas.tracking.boxes import box_from_crop
from asymnas.tracking.contract import TrainingBatch
from asymnas.tracking.siamese.decode import Decoded
from asymnas.tracking.siamese.grid import Grid
from asymnas.tracking.siamese.rpn.anchors import anchors_for, rpn_grid
from asymnas.tracking.siamese.rpn.decode import AnchorDecoder
from asymnas.tracking.siamese.rpn.head import RPNHead, RPNOutput
from asymnas.tracking.siamese.rpn.loss import pair_losses, tracking_losses
from asymnas.tracking.siamese.rpn.options import RPNOptions
from asymnas.tracking.siamese.rpn.targets import assign, chosen
from asymnas.tracking.siamese.tracker import SiameseTracker

__all__ = ["RPNTracker"]


class RPNTracker(SiameseTracker):
    """SiamRPN++ over any space with two image branches of equal stages; arguments as for its base."""

    name = "siamrpnpp"
    options: RPNOptions
    anchors: Tensor

    def __init__(self, space: SearchSpace, options: RPNOptions, **keywords: Any) -> None:
        super().__init__(space, options, **keywords)
        self.register_buffer("anchors", anchors_for(self.grid, options), persistent=False)
        self.decoder = AnchorDecoder(self.anchors, options, self.name)

    def build_grid(self) -> Grid:
        """Return the grid, whose template map is large enough for the head."""
        return rpn_grid(self.space, self.options)

    def build_head(self) -> RPNHead:
        """Return the RPN head."""
        return RPNHead(len(self.grid.levels), self.options.channels, len(self.options.anchor_ratios))

    def to_image(self, corners: np.ndarray, centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Return boxes in image pixels; the anchors' middle is that of the crop, of odd sides too."""
        size = self.geometry.search_size
        return box_from_crop(corners, centres, sides, size, middle=self._middle(size / 2))

    def loss(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return "total" and its unweighted parts "cls" and "box"; see `targets.chosen` for the anchors that count."""
        return self._losses(tracking_losses, batch, path)

    def pair_losses(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return what `loss` would be for each pair alone, (b,) each."""
        return self._losses(pair_losses, batch, path)

    def decode(self, answers: RPNOutput, previous: np.ndarray) -> Decoded:
        """Find the best anchor."""
        return self.decoder(answers.float(), previous)

    def _losses(self, of: Callable[..., dict[str, Tensor]], batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        answers = self(batch, path).float()
        boxes, present = batch.search_box, batch.positive
        targets = assign(boxes, present, self.anchors, ensure_positive=self.options.ensure_positive)
        parts = of(answers, chosen(targets, boxes, present))
        weights = self.options.loss_weights
        return {"total": weights[0] * parts["cls"] + weights[1] * parts["box"], **parts}
