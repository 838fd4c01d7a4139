"""Losses of SiamRPN++."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from asymnas.tracking.siamese.rpn.head import RPNOutput
from asymnas.tracking.siamese.rpn.targets import AnchorLabels

__all__ = ["pair_losses", "tracking_losses"]


def tracking_losses(answers: RPNOutput, targets: AnchorLabels) -> dict[str, Tensor]:
    """Return the parts "cls" and "box", each a scalar.

    Classification is half the mean over the batch's positive and half the mean over its negative anchors. The box loss
    is the mean over pairs of the L1 distance, summed over the four numbers, a pair's mean over its positive anchors.
    """
    log_p = F.log_softmax(answers.cls, dim=1)
    halves = [
        torch.where(mask, log_p[:, label], 0.0).sum() / mask.sum().clamp(min=1)
        for mask, label in ((targets.positive, 1), (targets.negative, 0))
    ]
    return {"cls": -0.5 * (halves[0] + halves[1]), "box": _box_losses(answers, targets).mean()}


def pair_losses(answers: RPNOutput, targets: AnchorLabels) -> dict[str, Tensor]:
    """Return the parts of `tracking_losses` for each of b pairs alone, (b,) each."""
    log_p = F.log_softmax(answers.cls, dim=1)
    cls = -0.5 * (_means(log_p[:, 1], targets.positive) + _means(log_p[:, 0], targets.negative))
    return {"cls": cls, "box": _box_losses(answers, targets)}


def _box_losses(answers: RPNOutput, targets: AnchorLabels) -> Tensor:
    """(b,) means over each pair's positive anchors, 0 where it has none."""
    return _means((answers.box - targets.box.to(answers.box.dtype)).abs().sum(dim=1), targets.positive)


def _means(values: Tensor, mask: Tensor) -> Tensor:
    """(b,) means of (b, a, n, n) over the anchors in the mask, 0 where it has none."""
    return torch.where(mask, values, 0.0).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)
