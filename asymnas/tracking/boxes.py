"""Box arithmetic and crop geometry. Boxes are (x, y, w, h) in pixels, 0-based, unless a name says `xyxy`.

Pixel i covers the interval [i, i + 1), so a box (0, 0, width, height) is the whole image; `cv2.resize` scales in these
coordinates, and crop and image coordinates convert exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "CropGeometry",
    "box_centers",
    "box_from_crop",
    "box_to_crop",
    "channel_mean",
    "clip_box",
    "crop",
    "crop_side",
    "crop_window",
    "iou",
    "xywh_to_xyxy",
    "xyxy_to_xywh",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CropGeometry:
    """The square crops a tracker reads; one geometry serves training and inference.

    Args:
        template_size: side of the template crop in crop pixels (127 in the paper).
        search_size: side of the search crop in crop pixels (255 in the paper).
        context: context margin added to the box, as a share of (w + h); 0.5 in SiamFC and its heirs. The template
            crop's side in image pixels is sqrt((w + p)(h + p)) with p = context * (w + h), and the search crop's
            is that times search_size / template_size.
        search_context: context margin of the search crop, whose side then follows from the same formula (1.5 in
            TransT).
        round_up: whether the sides of template and search crop are rounded up to whole pixels (TransT). Any other side
            is rounded to the nearest when the crop is cut.
    """

    template_size: int = 127
    search_size: int = 255
    context: float = 0.5
    search_context: float | None = None
    round_up: tuple[bool, bool] = (False, False)


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """Convert (..., 4) boxes x, y, w, h to corners x1, y1, x2, y2 (x2 = x + w); float64."""
    boxes = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """Convert (..., 4) corners x1, y1, x2, y2 to boxes x, y, w, h; float64."""
    boxes = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def box_centers(boxes: np.ndarray) -> np.ndarray:
    """Return the centres (..., 2) of (..., 4) boxes x, y, w, h."""
    boxes = np.asarray(boxes, dtype=np.float64)
    return boxes[..., :2] + boxes[..., 2:] / 2


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes x, y, w, h, elementwise with broadcasting over leading axes.

    `iou(a[:, None], b[None])` gives all pairs. A box without a positive area, or with a NaN, has IoU 0 with everything.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    inner = np.prod(np.clip(high - low, 0, None), axis=-1)
    valid = np.all(a[..., 2:] > 0, axis=-1) & np.all(b[..., 2:] > 0, axis=-1) & np.isfinite(inner)
    union = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - inner
    return np.where(valid, inner, 0.0) / np.where(valid & (union > 0), union, 1.0)


def clip_box(boxes: np.ndarray, width: float, height: float, *, min_size: float = 10.0) -> np.ndarray:
    """Keep (..., 4) boxes x, y, w, h at an image: centre inside, sides from `min_size` pixels to the image's.

    The box may still reach over the border, as a partly visible target does (the SiamRPN family's rule).
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    limit = np.array([width, height], dtype=np.float64)
    center = np.clip(box_centers(boxes), 0, limit)
    size = np.maximum(np.minimum(boxes[..., 2:], limit), min_size)
    return np.concatenate([center - size / 2, size], axis=-1)


def crop_side(boxes: np.ndarray, geometry: CropGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the sides (...) of template and search crop of boxes (..., 4), in image pixels."""
    size = np.asarray(boxes, dtype=np.float64)[..., 2:]
    template = _side(size, geometry.context)
    if geometry.search_context is None:
        search = template * (geometry.search_size / geometry.template_size)
    else:
        search = _side(size, geometry.search_context)
    up = geometry.round_up
    return np.ceil(template) if up[0] else template, np.ceil(search) if up[1] else search


def _side(size: np.ndarray, context: float) -> np.ndarray:
    return np.sqrt(np.prod(size + context * size.sum(axis=-1, keepdims=True), axis=-1))


def crop_window(center_xy: np.ndarray | Sequence[float], side: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return the whole-pixel window that `crop` cuts: its left upper corner (..., 2) and its side (...), as float64.

    The sub-window rule of the SiamFC family: with c = (side + 1) / 2, the first pixel is floor(centre - c + 0.5).
    """
    whole = np.maximum(np.rint(np.asarray(side, dtype=np.float64)), 1.0)
    corner = np.floor(np.asarray(center_xy, dtype=np.float64) - (whole[..., None] + 1) / 2 + 0.5)
    return corner, whole


def box_to_crop(
    boxes: np.ndarray,
    center_xy: np.ndarray | Sequence[float],
    side: np.ndarray | float,
    out_size: int,
    *,
    middle: float | None = None,
) -> np.ndarray:
    """Return image boxes x, y, w, h as corners x1, y1, x2, y2 in the pixels of the crop with the same arguments.

    Boxes are (..., 4), crop centres (..., 2), crop sides (...), in image pixels; `out_size` is the side in crop pixels.
    With `middle` the crop is taken to have its unrounded side and its centre at that place of both its axes, in crop
    pixels, as the public code of the SiamFC family does.
    """
    corner, whole = _window(center_xy, side, out_size, middle)
    corners = xywh_to_xyxy(boxes)
    return (corners - np.concatenate([corner, corner], axis=-1)) * (out_size / whole[..., None])


def box_from_crop(
    boxes_xyxy: np.ndarray,
    center_xy: np.ndarray | Sequence[float],
    side: np.ndarray | float,
    out_size: int,
    *,
    middle: float | None = None,
) -> np.ndarray:
    """Return boxes x, y, w, h in image pixels from corners in crop pixels; the inverse of `box_to_crop`."""
    corner, whole = _window(center_xy, side, out_size, middle)
    corners = np.asarray(boxes_xyxy, dtype=np.float64) * (whole[..., None] / out_size)
    return xyxy_to_xywh(corners + np.concatenate([corner, corner], axis=-1))


def _window(
    center_xy: np.ndarray | Sequence[float], side: np.ndarray | float, out_size: int, middle: float | None
) -> tuple[np.ndarray, np.ndarray]:
    if middle is None:
        return crop_window(center_xy, side)
    side = np.asarray(side, dtype=np.float64)
    return np.asarray(center_xy, dtype=np.float64) - side[..., None] * (middle / out_size), side


def channel_mean(image: np.ndarray) -> np.ndarray:
    """Return the mean (3,) of each channel of a (height, width, 3) image: the colour of what lies outside it."""
    import cv2

    return np.array(cv2.mean(image)[:3])


def crop(
    image: np.ndarray,
    center_xy: np.ndarray | Sequence[float],
    side: float,
    out_size: int,
    fill: np.ndarray | Sequence[float],
) -> np.ndarray:
    """Cut a square around a point and resize it, bilinear; the sub-window crop of SiamRPN, SiamCAR and TransT, exactly.

    Args:
        image: (height, width, 3) uint8.
        center_xy: centre in image pixels.
        side: side in image pixels; rounded to a whole number (half to even), at least 1.
        out_size: side of the result (out_size, out_size, 3) uint8.
        fill: colour (3,) of what lies outside the image, cut to whole numbers.
    """
    import cv2

    corner, whole = crop_window(center_xy, side)
    left, top, size = int(corner[0]), int(corner[1]), int(whole)
    colour = [int(value) for value in fill]
    height, width = image.shape[:2]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + size, width), min(top + size, height)
    if x1 >= x2 or y1 >= y2:
        return np.full((out_size, out_size, 3), colour, dtype=np.uint8)
    part = image[y1:y2, x1:x2]
    if part.shape[:2] != (size, size):
        borders = (y1 - top, top + size - y2, x1 - left, left + size - x2)
        part = cv2.copyMakeBorder(part, *borders, cv2.BORDER_CONSTANT, value=colour)
    if size == out_size:
        return np.ascontiguousarray(part) if part.base is None else part.copy()
    return cv2.resize(part, (out_size, out_size), interpolation=cv2.INTER_LINEAR)
