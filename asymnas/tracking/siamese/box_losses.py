"""Box losses; boxes are (m, 4) distances from one point to the left, top, right and bottom side, in pixels."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["BOX_LOSSES", "ciou_loss", "giou_loss", "iou_loss"]

_EPS = 1e-9


def iou_loss(pred: Tensor, target: Tensor) -> Tensor:
    """(m,) -log((I + 1) / (U + 1)) (SiamCAR)."""
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


def _overlap(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Intersection and union areas, and the sides of the smallest box around both, of boxes given from one cell."""
    inner, outer = torch.minimum(pred, target), torch.maximum(pred, target)
    inter = (inner[:, 0] + inner[:, 2]).clamp(min=0.0) * (inner[:, 1] + inner[:, 3]).clamp(min=0.0)
    areas = [(box[:, 0] + box[:, 2]) * (box[:, 1] + box[:, 3]) for box in (pred, target)]
    return inter, areas[0] + areas[1] - inter, outer[:, 0] + outer[:, 2], outer[:, 1] + outer[:, 3]
