"""Labels and losses of SiamCAR, without the faults of the public code."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from asymnas.tracking.siamese.box_losses import BOX_LOSSES
from asymnas.tracking.siamese.car.head import HeadOutput

__all__ = ["Targets", "assign", "pair_losses", "tracking_losses"]

_EPS = 1e-9
_POSITIVE_SHARE = 0.6  # of the half box: a cell is positive where both distances per axis exceed it, so |dx| < 0.2 w


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What the head should answer.

    Args:
        positive: (b, n, n) bool, rows are y.
        box: (b, n, n, 4) float, distances to the left, top, right, bottom side in crop pixels; negative outside.
    """

    positive: Tensor
    box: Tensor

    def centreness(self) -> Tensor:
        """(m,) centre-ness of the m positive cells, in row-major order: 1 at the box's centre, 0 at its sides."""
        left, top, right, bottom = self.box[self.positive].clamp(min=0.0).unbind(1)
        across = torch.minimum(left, right) / torch.maximum(left, right).clamp(min=_EPS)
        down = torch.minimum(top, bottom) / torch.maximum(top, bottom).clamp(min=_EPS)
        return torch.sqrt(across * down)


def assign(boxes: Tensor, present: Tensor, axis: Tensor, *, ensure_positive: bool) -> Targets:
    """Label the grid.

    Args:
        boxes: (b, 4) x1, y1, x2, y2 in search-crop pixels.
        present: (b,) bool, False where the crop does not show the target: all its cells are negative.
        axis: (n,) cell places on one axis, in crop pixels.
        ensure_positive: label the cell nearest to the box's centre where no cell is near enough to be positive.
    """
    x, y = axis[None, None, :], axis[None, :, None]
    x1, y1, x2, y2 = (side[:, None, None] for side in boxes.unbind(1))
    size = len(axis)
    distances = torch.stack(torch.broadcast_tensors(x - x1, y - y1, x2 - x, y2 - y), dim=-1)
    needed = _POSITIVE_SHARE * torch.stack([x2 - x1, y2 - y1, x2 - x1, y2 - y1], dim=-1) / 2
    positive = (distances > needed).all(dim=-1)
    if ensure_positive:
        nearest = ((x - (x1 + x2) / 2) ** 2 + (y - (y1 + y2) / 2) ** 2).flatten(1).argmin(dim=1)
        fallback = F.one_hot(nearest, size * size).bool().reshape(-1, size, size)
        positive = torch.where(positive.any(dim=2).any(dim=1)[:, None, None], positive, fallback)
    return Targets(positive & present[:, None, None], distances)


def tracking_losses(answers: HeadOutput, targets: Targets, box_loss: str) -> dict[str, Tensor]:
    """Return the parts "cls", "box" and "centre", each a scalar mean over the batch's cells.

    Classification is half the mean over positive and half the mean over negative cells. The box loss is weighted by
    centre-ness, the centre-ness loss is a binary cross-entropy, both over positive cells; without any both are 0.
    """
    positive = targets.positive
    log_p = F.log_softmax(answers.cls, dim=1)
    zero = answers.cls.new_zeros(())
    cls = zero
    for mask, label in ((positive, 1), (~positive, 0)):
        chosen = log_p[:, label][mask]
        cls = cls - 0.5 * (chosen.mean() if chosen.numel() else zero)
    pred = answers.box.permute(0, 2, 3, 1)[positive]
    logits = answers.centre[:, 0][positive]
    if not len(pred):  # the sums of nothing keep the parts in the graph, with zero gradients
        return {"cls": cls, "box": pred.sum(), "centre": logits.sum()}
    weight = targets.centreness().to(pred.dtype)
    losses = BOX_LOSSES[box_loss](pred, targets.box[positive].to(pred.dtype))
    box = (losses * weight).sum() / weight.sum().clamp(min=_EPS)
    return {"cls": cls, "box": box, "centre": F.binary_cross_entropy_with_logits(logits, weight)}


def pair_losses(answers: HeadOutput, targets: Targets, box_loss: str) -> dict[str, Tensor]:
    """Return the parts of `tracking_losses` for each of b pairs alone, (b,) each; they carry no gradient."""
    positive = targets.positive
    log_p = F.log_softmax(answers.cls, dim=1)
    cls = -0.5 * (_means(log_p[:, 1], positive) + _means(log_p[:, 0], ~positive))
    weight, losses, entropy = (torch.zeros_like(log_p[:, 0]) for _ in range(3))
    weight[positive] = targets.centreness().to(weight.dtype)
    pred = answers.box.permute(0, 2, 3, 1)[positive]
    losses[positive] = BOX_LOSSES[box_loss](pred, targets.box[positive].to(pred.dtype))
    logits = answers.centre[:, 0][positive]
    entropy[positive] = F.binary_cross_entropy_with_logits(logits, weight[positive], reduction="none")
    box = (losses * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=_EPS)
    return {"cls": cls, "box": box, "centre": _means(entropy, positive)}


def _means(values: Tensor, mask: Tensor) -> Tensor:
    """(b,) means of (b, n, n) over the cells in the mask, 0 where it has none."""
    return torch.where(mask, values, 0.0).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
