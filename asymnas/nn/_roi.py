"""RoIAlign of one box per image, differentiable, as two small matrix products."""

from __future__ import annotations

import torch
from torch import Tensor


def _axis(low: Tensor, high: Tensor, size: int, bins: int) -> Tensor:
    """Return the weights (n, bins, size) with which each bin averages the `size` cells of one axis."""
    extent = (high - low).clamp(min=1.0)
    step = extent / bins
    count = torch.ceil(step).clamp(min=1.0)
    most = int(count.max())
    sample = torch.arange(most, dtype=low.dtype, device=low.device)
    offset = (sample[None] + 0.5) * (step / count)[:, None]
    start = low[:, None] + torch.arange(bins, dtype=low.dtype, device=low.device)[None] * step[:, None]
    at = start[:, :, None] + offset[:, None]
    used = (sample < count[:, None])[:, None] & (at >= -1.0) & (at <= size)
    cells = torch.arange(size, dtype=low.dtype, device=low.device)
    tent = (1.0 - (at.clamp(0.0, size - 1.0)[..., None] - cells).abs()).clamp(min=0.0)
    return (tent * used[..., None]).sum(2) / count[:, None, None]


def roi_align(feature: Tensor, boxes: Tensor, scale: float, bins: int = 3) -> Tensor:
    """Average bilinear samples of `feature` in bins x bins cells of each box.

    The samples and the border rule are those of torchvision's `roi_align(aligned=False, sampling_ratio=-1)`: boxes of
    at least one cell, ceil(box / bins) samples a bin and axis, samples more than one cell outside count as zero.
    Bilinear weights are products of an x and a y weight and so are the rules, hence each axis is averaged by itself.

    Args:
        feature: (n, channels, h, w).
        boxes: (n, 4) x1, y1, x2, y2 in input pixels, one per image.
        scale: feature cells per input pixel, 1 / stride.
        bins: bins per axis.

    Returns:
        (n, channels, bins, bins).
    """
    # Coordinates in half precision would be off by a good part of a cell.
    scaled = boxes.detach().to(torch.promote_types(feature.dtype, torch.float32)) * scale
    rows = _axis(scaled[:, 1], scaled[:, 3], feature.shape[2], bins)
    columns = _axis(scaled[:, 0], scaled[:, 2], feature.shape[3], bins)
    return torch.einsum("nph,nchw,nqw->ncpq", rows.to(feature.dtype), feature, columns.to(feature.dtype))
