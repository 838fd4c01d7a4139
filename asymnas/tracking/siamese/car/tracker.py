"""A Siamese tracker with SiamCAR's head, its losses and its decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from asymnas.space import SearchSpace
from asymnas.task import GenePath
from asymnas.tracking.boxes import crop_side
from asymnas.tracking.contract import TrainingBatch
from asymnas.tracking.siamese.car.decode import Decoder, PixelDecoder
from asymnas.tracking.siamese.car.head import CARHead, HeadOutput
from asymnas.tracking.siamese.car.loss import assign, pair_losses, tracking_losses
from asymnas.tracking.siamese.car.options import CAROptions
from asymnas.tracking.siamese.decode import Decoded, shape_penalty
from asymnas.tracking.siamese.tracker import SiameseTracker

__all__ = ["CARTracker"]


class CARTracker(SiameseTracker):
    """SiamCAR over any space with two image branches of equal stages; arguments as for its base."""

    name = "siamcar"
    options: CAROptions

    def __init__(self, space: SearchSpace, options: CAROptions, **keywords: Any) -> None:
        super().__init__(space, options, **keywords)
        self.decoder = (PixelDecoder if options.decoding == "pixels" else Decoder)(self.grid, options, self.name)

    def build_head(self) -> CARHead:
        """Return the SiamCAR head."""
        init_box = self.options.init_box_px or self.geometry.search_size / 8
        return CARHead(len(self.grid.levels), self.options.channels, self.options.head_depth, init_box)

    def loss(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return "total" and its unweighted parts "cls", "box" and "centre".

        Pairs whose `positive` is False are background everywhere and have no part in the box and centre-ness losses.
        """
        return self._losses(tracking_losses, batch, path)

    def pair_losses(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return what `loss` would be for each pair alone, (b,) each."""
        return self._losses(pair_losses, batch, path)

    def _losses(self, of: Callable[..., dict[str, Tensor]], batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        answers = self(batch, path).float()
        targets = assign(batch.search_box, batch.positive, self.axis, ensure_positive=self.options.ensure_positive)
        parts = of(answers, targets, self.options.box_loss)
        weights = self.options.loss_weights
        total = weights[0] * parts["cls"] + weights[1] * parts["box"] + weights[2] * parts["centre"]
        return {"total": total, **parts}

    def decode(self, answers: HeadOutput, previous: np.ndarray) -> Decoded:
        """Find the coarse and the fine peak."""
        return self.decoder(answers.float(), previous)

    def online_side(self, side: int) -> int:
        """Return the side less one where `odd_maps` asks for it."""
        return side - 1 if self.options.odd_maps and side % 2 == 0 else side

    def moved(self, last: np.ndarray, found: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """Return the new boxes; in `pixels` the rate is penalised as published: image sizes against crop sizes."""
        if self.options.decoding == "pixels":
            crop_sizes = last[:, 2:] * (self.geometry.template_size / crop_side(last, self.geometry)[0])[:, None]
            rate = rate * shape_penalty(found[:, 2:3], found[:, 3:], crop_sizes, self.options.penalty_k)[:, 0]
        return super().moved(last, found, rate)
