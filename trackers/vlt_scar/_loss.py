"""Labels and losses of SiamCAR, with the box losses of VLT_SCAR; clean of the public code's faults."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ._head import HeadOutput

__all__ = ["BOX_LOSSES", "Targets", "assign", "ciou_loss", "giou_loss", "iou_loss", "tracking_losses"]

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


def iou_loss(pred: Tensor, target: Tensor) -> Tensor:
    """(m,) -log((I + 1) / (U + 1)) of (m, 4) distances to left, top, right, bottom in pixels (SiamCAR)."""
    inter, union, _, _ = _overlap(pred, target)
    return -torch.log((inter + 1.0) / (union + 1.0))


def giou_loss(pred: Tensor, target: Tensor) -> Tensor:
    """(m,) 1 - GIoU, in 0..2."""
    inter, union, hull_w, hull_h = _overlap(pred, target)
    hull = (hull_w * hull_h).clamp(min=_EPS)
    return 1.0 - inter / union.clamp(min=_EPS) + (hull - union) / hull


def ciou_loss(pred: Tensor, target: Tensor) -> Tensor:
    """(m,) 1 - CIoU (public VLT_SCAR code); 0 and differentiable at an exact prediction, where that code gives NaN."""
    inter, union, hull_w, hull_h = _overlap(pred, target)
    iou = inter / union.clamp(min=_EPS)
    centre = (pred[:, 2:] - pred[:, :2] - target[:, 2:] + target[:, :2]) / 2
    distance = (centre**2).sum(dim=1) / (hull_w**2 + hull_h**2).clamp(min=_EPS)
    pred_size, target_size = pred[:, :2] + pred[:, 2:], target[:, :2] + target[:, 2:]
    angles = [torch.atan2(size[:, 0], size[:, 1]) for size in (target_size, pred_size)]
    shape = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    with torch.no_grad():
        trade_off = shape / (1.0 - iou + shape).clamp(min=_EPS)
    return 1.0 - iou + distance + trade_off * shape


BOX_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"iou": iou_loss, "ciou": ciou_loss, "giou": giou_loss}


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


def _overlap(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Intersection and union areas, and the sides of the smallest box around both, of boxes given from one cell."""
    inner, outer = torch.minimum(pred, target), torch.maximum(pred, target)
    inter = (inner[:, 0] + inner[:, 2]).clamp(min=0.0) * (inner[:, 1] + inner[:, 3]).clamp(min=0.0)
    areas = [(box[:, 0] + box[:, 2]) * (box[:, 1] + box[:, 3]) for box in (pred, target)]
    return inter, areas[0] + areas[1] - inter, outer[:, 0] + outer[:, 2], outer[:, 1] + outer[:, 3]
