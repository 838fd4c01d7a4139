"""Labels and losses of TransT, and those of the public VLT_TT code."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from asymnas.tracking.siamese.box_losses import ciou_loss, giou_loss
from asymnas.tracking.siamese.transformer.head import TransTAnswers

__all__ = ["LOSS_WEIGHTS", "cells_in_box", "pair_losses", "transt_losses"]

LOSS_WEIGHTS = {"transt": (8.334, 5.0, 2.0), "vlt_tt": (2.0, 3.0, 1.0)}
"""Of classification, L1 and IoU loss."""


def cells_in_box(boxes: Tensor, present: Tensor, cells: int) -> Tensor:
    """Return (b, cells²) bool, row by row: the cells whose corner lies in the box, at least one an axis (TransT).

    A box that reaches over the crop's border has the cells of its visible part; TransT gives it none where it starts
    outside.

    Args:
        boxes: (b, 4) x1, y1, x2, y2 as shares of the search crop.
        present: (b,) bool, False where the crop does not show the target: all its cells are background.
        cells: cells a side.
    """
    first, last = torch.ceil(boxes.double() * cells).long().chunk(2, dim=1)
    first = first.clamp(0, cells - 1)
    last = torch.maximum(last.clamp(max=cells), first + 1)
    place = torch.arange(cells, device=boxes.device)
    inside = (place >= first[..., None]) & (place < last[..., None])  # (b, 2, cells): x, y
    return (inside[:, 1, :, None] & inside[:, 0, None, :] & present[:, None, None]).flatten(1)


def transt_losses(
    answers: TransTAnswers, positive: Tensor, boxes: Tensor, *, losses: str, background: float
) -> dict[str, Tensor]:
    """Return the parts "cls", "l1" and "iou", each a scalar of the batch.

    Classification is the cross-entropy, weighted by `background` at background cells. The box losses are those of
    positive cells: with `transt` L1 of centre and size, and GIoU, divided by the number of positives; with `vlt_tt` L1
    of corners, and CIoU, divided by the number of cells of one map.

    Args:
        answers: of b search crops.
        positive: (b, n²) bool, see `cells_in_box`.
        boxes: (b, 4) x1, y1, x2, y2 as shares of the search crop.
        losses: "transt" or "vlt_tt".
        background: weight of background cells.
    """
    return _parts(answers, positive, boxes, losses, background, (0, 1))


def pair_losses(
    answers: TransTAnswers, positive: Tensor, boxes: Tensor, *, losses: str, background: float
) -> dict[str, Tensor]:
    """Return the parts of `transt_losses` for each of b pairs alone, (b,) each; arguments are the same."""
    return _parts(answers, positive, boxes, losses, background, (1,))


def _parts(
    answers: TransTAnswers, positive: Tensor, boxes: Tensor, losses: str, background: float, over: tuple[int, ...]
) -> dict[str, Tensor]:
    log_p = F.log_softmax(answers.cls, dim=2)
    entropy = -torch.where(positive, log_p[..., 0], log_p[..., 1])
    weight = torch.where(positive, 1.0, background).to(entropy.dtype)
    found = {"cls": (entropy * weight).sum(over) / weight.sum(over)}
    targets = boxes.to(answers.box.dtype)[:, None].expand_as(answers.box)[positive]
    count = positive.sum(over).clamp(min=1) if losses == "transt" else positive.shape[1]
    for name, loss in _BOX_LOSSES[losses].items():
        values = torch.zeros_like(entropy)
        values[positive] = loss(answers.box[positive], targets)
        found[name] = values.sum(over) / count
    return found


def _corners(box: Tensor) -> Tensor:
    """(m, 4) x1, y1, x2, y2 of centres and sizes."""
    centre, half = box[:, :2], box[:, 2:] / 2
    return torch.cat([centre - half, centre + half], dim=1)


def _from_origin(corners: Tensor) -> Tensor:
    """(m, 4) distances from the crop's corner (0, 0) to the sides of boxes, as the box losses take them."""
    return torch.cat([-corners[:, :2], corners[:, 2:]], dim=1)


def _l1_of_size(pred: Tensor, target: Tensor) -> Tensor:
    low, high = target[:, :2], target[:, 2:]
    return (pred - torch.cat([(low + high) / 2, high - low], dim=1)).abs().sum(1)


def _l1_of_corners(pred: Tensor, target: Tensor) -> Tensor:
    return (_corners(pred) - target).abs().sum(1)


def _giou(pred: Tensor, target: Tensor) -> Tensor:
    return giou_loss(_from_origin(_corners(pred)), _from_origin(target))


def _ciou(pred: Tensor, target: Tensor) -> Tensor:
    return ciou_loss(_from_origin(_corners(pred)), _from_origin(target))


_BoxLoss = Callable[[Tensor, Tensor], Tensor]
"""(m,) losses of (m, 4) boxes, answered as centre and size, true as corners."""

_BOX_LOSSES: dict[str, dict[str, _BoxLoss]] = {
    "transt": {"l1": _l1_of_size, "iou": _giou},
    "vlt_tt": {"l1": _l1_of_corners, "iou": _ciou},
}
