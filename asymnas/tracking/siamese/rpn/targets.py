"""Labels of SiamRPN's anchors, and the few of them that count in the loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["AnchorLabels", "assign", "chosen", "overlaps"]

_POSITIVE, _NEGATIVE = 0.6, 0.3  # IoU above which an anchor shows the target, and below which it shows background
_POSITIVES, _NEGATIVES, _OF_NEGATIVE_PAIRS = 16, 48, 16  # the most anchors of a pair that count
_REACH = 3  # cells around another target's centre, on each axis, that are the background of a negative pair


@dataclass(frozen=True, slots=True, eq=False)
class AnchorLabels:
    """What the head should answer for a anchors at n x n places; an anchor that is neither has no part in the loss.

    Args:
        positive: (b, a, n, n) bool.
        negative: (b, a, n, n) bool.
        box: (b, 4, a, n, n) float, as in the head's answers.
    """

    positive: Tensor
    negative: Tensor
    box: Tensor


def assign(boxes: Tensor, present: Tensor, anchors: Tensor, *, ensure_positive: bool) -> AnchorLabels:
    """Label all anchors.

    Args:
        boxes: (b, 4) x1, y1, x2, y2 in search-crop pixels, with an area.
        present: (b,) bool, False where the box is that of another target: the 7 x 7 cells about its centre, moved
            down right by half a cell to one and a half as published, are negative and all others do not count.
        anchors: (4, a, n, n) cx, cy, w, h in crop pixels.
        ensure_positive: label the anchor of the largest overlap where no overlap is large enough.
    """
    iou = overlaps(boxes, anchors)
    positive = iou > _POSITIVE
    if ensure_positive:
        best = F.one_hot(iou.flatten(1).argmax(dim=1), iou[0].numel()).bool().reshape(iou.shape)
        positive = positive | (best & ~positive.flatten(1).any(dim=1)[:, None, None, None])
    here = present[:, None, None, None]
    negative = torch.where(here, (iou < _NEGATIVE) & ~positive, _around(boxes, anchors))
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + size / 2)[:, :, None, None, None]
    offset = (centre - anchors[:2]) / anchors[2:]
    return AnchorLabels(
        positive & here, negative, torch.cat([offset, torch.log(size[:, :, None, None, None] / anchors[2:])], 1)
    )


def overlaps(boxes: Tensor, anchors: Tensor) -> Tensor:
    """(b, a, n, n) IoU of boxes (b, 4) x1, y1, x2, y2 with anchors (4, a, n, n) cx, cy, w, h."""
    low, high = (side[:, :, None, None, None] for side in (boxes[:, :2], boxes[:, 2:]))
    half = anchors[2:] / 2
    inner = (
        (torch.minimum(high, anchors[:2] + half) - torch.maximum(low, anchors[:2] - half)).clamp(min=0.0).prod(dim=1)
    )
    return inner / ((high - low).prod(dim=1) + anchors[2:].prod(dim=0) - inner)


def chosen(targets: AnchorLabels, boxes: Tensor, present: Tensor) -> AnchorLabels:
    """Return the targets with at most 16 positives and 48 negatives a pair, 16 negatives of a negative pair.

    Which ones looks random and is a function of the pair's box alone: of its bits and the anchor's number.
    """
    keys = _keys(boxes, targets.positive[0].numel())
    negatives = torch.where(present, _NEGATIVES, _OF_NEGATIVE_PAIRS)
    positive = _first(targets.positive, keys, torch.full_like(negatives, _POSITIVES))
    return AnchorLabels(positive, _first(targets.negative, keys, negatives), targets.box)


def _around(boxes: Tensor, anchors: Tensor) -> Tensor:
    """(b, a, n, n) bool: anchors at the 7 x 7 cells about each box's centre."""
    axis = anchors[0, 0, 0]
    middle = len(axis) // 2
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    cell = middle + torch.ceil((centre - axis[middle]) / (axis[1] - axis[0]) + 0.5)
    near = (torch.arange(len(axis), device=axis.device) - cell[:, :, None]).abs() <= _REACH
    window = near[:, 1, :, None] & near[:, 0, None, :]
    return window[:, None].expand(-1, anchors.shape[1], -1, -1)


def _first(mask: Tensor, keys: Tensor, limit: Tensor) -> Tensor:
    """The mask (b, a, n, n) with no more than (b,) `limit` anchors a row: those of the smallest keys (b, a n n)."""
    flat = mask.flatten(1)
    rank = torch.where(flat, keys, keys.max() + 1 + keys).argsort(dim=1).argsort(dim=1)
    return (flat & (rank < limit[:, None])).reshape(mask.shape)


def _keys(boxes: Tensor, anchors: int) -> Tensor:
    """(b, anchors) distinct int64 >= 0 in an order that changes with any bit of the boxes (b, 4)."""
    numbers = torch.arange(anchors, device=boxes.device)
    key = torch.zeros(len(boxes), 1, dtype=torch.int64, device=boxes.device)
    for bits in boxes.detach().float().contiguous().view(torch.int32).long().split(1, dim=1):
        key = _mixed(key ^ (bits & 0xFFFFFFFF))
    return _mixed(key ^ _mixed(numbers + 1)) * anchors + numbers


def _mixed(key: Tensor) -> Tensor:
    """A bijection of 32-bit numbers under which a changed bit changes half of all bits."""
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        key = ((key ^ (key >> shift)) * factor) & 0xFFFFFFFF
    return key ^ (key >> 15)
