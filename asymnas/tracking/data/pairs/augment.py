"""Augmentation of training crops: shift, scale, colour, blur, flip, grey."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from asymnas.tracking.boxes import box_to_crop, channel_mean, crop, xywh_to_xyxy

__all__ = ["Augmentation", "CropWindow", "colour_offset", "cut", "motion_blur", "window_for"]

# Directions (rows) of the random colour offset that SiamRPN and SiamCAR add, in R, G, B grey levels.
_COLOUR_DIRECTIONS = np.array([[-0.559, 0.981, -0.419], [1.721, 0.199, -1.830], [4.645, 4.737, 4.883]])
# Least and greatest length of the blur, as a share of the crop: 5 and 45 px of a 255 px crop.
_BLUR_LENGTHS = (5 / 255, 45 / 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How training crops differ from the crops of tracking; every draw is per pair. The defaults are SiamCAR's.

    Args:
        template_shift: greatest shift of the template crop per axis, as a share of the crop's side (4 px of 127).
        template_scale: greatest relative change of the template crop's side, drawn per axis.
        search_shift: as `template_shift`, for the search crop (64 px of 255).
        search_scale: as `template_scale`, for the search crop.
        colour: strength of the random colour offset of each crop; 1 is the SiamRPN family's (some 8 grey levels).
        blur: probability that the search crop is blurred along its axes.
        flip: probability that both crops are mirrored left to right; contradicts sentences that say left or right.
        gray: probability that both crops are made grey; contradicts sentences that name colours.
    """

    template_shift: float = 4 / 127
    template_scale: float = 0.05
    search_shift: float = 64 / 255
    search_scale: float = 0.18
    colour: float = 1.0
    blur: float = 0.2
    flip: float = 0.0
    gray: float = 0.0

    @classmethod
    def none(cls) -> Augmentation:
        """Crops exactly as tracking cuts them."""
        return cls(**{item.name: 0.0 for item in fields(cls)})


@dataclass(frozen=True, slots=True)
class CropWindow:
    """What a crop shows: `center` (x, y) and sides (`width`, `height`) in image pixels; `plain` when not augmented."""

    center: np.ndarray
    width: float
    height: float
    plain: bool


def window_for(center: np.ndarray, side: float, shift: float, scale: float, draws: np.ndarray) -> CropWindow:
    """Return the window of an augmented crop around `center` (2,), of the tracking crop's `side` in image pixels.

    `shift` and `scale` are the greatest shift (a share of the side) and relative change of the side; `draws` are (4,)
    numbers in [-1, 1): scale x, scale y, shift x, shift y.
    """
    if shift == 0 and scale == 0:
        return CropWindow(center, side, side, plain=True)
    width, height = side * (1 + scale * draws[0]), side * (1 + scale * draws[1])
    moved = center + shift * draws[2:4] * np.array([width, height])
    return CropWindow(moved, float(width), float(height), plain=False)


def cut(image: np.ndarray, box: np.ndarray, window: CropWindow, out_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a window from an image, bilinear; what lies outside the image gets the image's mean colour.

    `image` is (height, width, 3) uint8 and `box` (4,) x, y, w, h in its pixels.

    Returns:
        the crop (out_size, out_size, 3) uint8 and the box (4,) x1, y1, x2, y2 in its pixels.
    """
    import cv2

    left, top = window.center[0] - window.width / 2, window.center[1] - window.height / 2
    high, wide = image.shape[:2]
    # A plain window is rounded to whole pixels when cut, by at most one pixel a side.
    inside = left >= 1 and top >= 1 and left + window.width <= wide - 1 and top + window.height <= high - 1
    fill = np.zeros(3) if inside else np.trunc(channel_mean(image))
    if window.plain:
        shown = crop(image, window.center, window.width, out_size, fill)
        return shown, box_to_crop(box, window.center, window.width, out_size)
    step_x, step_y = window.width / out_size, window.height / out_size
    matrix = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    colour = tuple(float(value) for value in fill)
    shown = cv2.warpAffine(
        image, matrix, (out_size, out_size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=colour
    )
    corners = xywh_to_xyxy(box) - np.array([left, top, left, top])
    return shown, corners / np.array([step_x, step_y, step_x, step_y])


def colour_offset(strength: float, draws: np.ndarray) -> np.ndarray:
    """Return the offset (3,) in B, G, R grey levels of (3,) standard normal draws."""
    return strength * (_COLOUR_DIRECTIONS @ draws)[::-1]


def motion_blur(image: np.ndarray, length: float, mix: float) -> np.ndarray:
    """Blur (size, size, 3) uint8 along both axes with a cross-shaped kernel.

    `length` in [0, 1) stands for 5/255 to 45/255 of the image's side, `mix` in [0, 1] weighs the horizontal arm.
    """
    import cv2

    low, high = _BLUR_LENGTHS
    size = 2 * int((low + (high - low) * length) * image.shape[1] / 2) + 1
    size = max(size, 3)
    return cv2.addWeighted(cv2.blur(image, (size, 1)), mix, cv2.blur(image, (1, size)), 1 - mix, 0)
