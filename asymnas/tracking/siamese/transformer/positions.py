"""Sine positions of the cells of a square map."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["sine_positions"]

_TEMPERATURE = 10000.0


def sine_positions(side: int, channels: int) -> Tensor:
    """Return (side², channels) float32 in -1..1 of the cells row by row; the first half tells the row, as DETR.

    A coordinate runs from 2 pi / side to 2 pi; sine and cosine take turns, with wave lengths from 2 pi to 10000 times
    that. `channels` is a multiple of 4.
    """
    half = channels // 2
    number = torch.arange(half)
    coordinate = torch.arange(1, side + 1, dtype=torch.float32) / (side + 1e-6) * (2 * math.pi)
    angle = coordinate[:, None] / _TEMPERATURE ** (number // 2 * 2 / half)
    axis = torch.where(number % 2 == 0, angle.sin(), angle.cos())
    rows, columns = axis[:, None].expand(side, side, half), axis[None].expand(side, side, half)
    return torch.cat([rows, columns], dim=2).reshape(side * side, channels)
