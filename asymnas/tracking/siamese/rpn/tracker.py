"""The base of trackers with the head of SiamRPN++."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from asymnas.space import SearchSpace
from asymnas.task import GenePath
from asymnas.tracking.contract import TrainingBatch
from asymnas.tracking.siamese.decode import Decoded
from asymnas.tracking.siamese.rpn.anchors import anchors_for, checked
from asymnas.tracking.siamese.rpn.decode import AnchorDecoder
from asymnas.tracking.siamese.rpn.head import RPNHead, RPNOutput
from asymnas.tracking.siamese.rpn.loss import pair_losses, tracking_losses
from asymnas.tracking.siamese.rpn.options import RPNOptions
from asymnas.tracking.siamese.rpn.targets import assign, chosen
from asymnas.tracking.siamese.tracker import SiameseTracker

__all__ = ["RPNTracker"]


class RPNTracker(SiameseTracker):
    """A Siamese tracker that answers for anchors; arguments as for its base.

    Raises:
        TrackerError: also where the template map is too small for the head.
    """

    options: RPNOptions
    anchors: Tensor

    def __init__(self, space: SearchSpace, options: RPNOptions, **keywords: Any) -> None:
        super().__init__(space, options, **keywords)
        self.register_buffer("anchors", anchors_for(self.grid, options), persistent=False)
        self.decoder = AnchorDecoder(self.anchors, options, self.name)

    def build_head(self) -> RPNHead:
        """Return the RPN head."""
        channels = self.options.channels
        return RPNHead(len(checked(self.grid).levels), channels, len(self.options.anchor_ratios))

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
