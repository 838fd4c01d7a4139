"""Outlines, sprites and ground textures; all cached per process, none depends on a video."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import cv2
import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.tracking.data.synthetic._words import COLOURS, GROUNDS, Look

__all__ = ["SPRITE_MARGIN", "ground_colours", "ground_tile", "inside_table", "lattice", "outline", "sprite"]

SPRITE_MARGIN = 64 / 56
"""Half side of a sprite in units of the object's radius."""
_TABLE = 32
_TILE = 256
_PAINT = {**COLOURS, "light": (225, 225, 225), "dark": (45, 45, 45)}
# Two ends of the tone curve of each ground, B, G, R: dull colours, so that saturated ones belong to objects.
_TONES = {
    "grass": ((45, 72, 52), (105, 150, 118)),
    "sand": ((110, 135, 150), (175, 200, 212)),
    "water": ((95, 75, 62), (180, 162, 140)),
    "brick": ((62, 70, 98), (125, 138, 165)),
    "wood": ((52, 74, 98), (112, 142, 168)),
    "stone": ((72, 74, 78), (168, 170, 172)),
    "gravel": ((58, 60, 62), (190, 192, 195)),
    "tiles": ((112, 112, 108), (200, 200, 196)),
}


def _regular(corners: int, start: float, radii: tuple[float, ...] = (1.0,)) -> np.ndarray:
    angles = start + np.arange(corners) * (2 * np.pi / corners)
    reach = np.resize(np.asarray(radii), corners)
    return np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)


@cache
def outline(shape: str) -> np.ndarray:
    """Return the (v, 2) float64 corners of a shape in units of its radius, inside [-1, 1]; circles as 64 corners."""
    up = -np.pi / 2
    if shape in ("circle", "ring"):
        return _regular(64, 0.0)
    if shape == "square":
        return np.array([[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]])
    if shape == "triangle":
        return np.array([[0.0, -1.0], [1.0, 0.85], [-1.0, 0.85]])
    if shape == "star":
        return _regular(10, up, (1.0, 0.45))
    if shape == "diamond":
        return np.array([[0.0, -1.0], [0.7, 0.0], [0.0, 1.0], [-0.7, 0.0]])
    if shape == "hexagon":
        return _regular(6, 0.0)
    arm = 0.36  # cross
    quarter = np.array([[arm, -1.0], [arm, -arm], [1.0, -arm]])
    turns = [quarter]
    for _ in range(3):
        turns.append(turns[-1] @ np.array([[0.0, 1.0], [-1.0, 0.0]]))
    return np.concatenate(turns)


def _mask(shape: str, side: int) -> np.ndarray:
    """Return (side, side) uint8, 255 inside the shape; the square spans [-SPRITE_MARGIN, SPRITE_MARGIN]."""
    scale = side / (2 * SPRITE_MARGIN)
    corners = np.rint(((outline(shape) + SPRITE_MARGIN) * scale - 0.5) * 256).astype(np.int32)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [corners], 255, shift=8)
    if shape == "ring":
        centre = round((SPRITE_MARGIN * scale - 0.5) * 256)
        cv2.circle(mask, (centre, centre), round(0.48 * scale * 256), 0, -1, shift=8)
    return mask


@cache
def inside_table(shape: str) -> np.ndarray:
    """Return a (32, 32) bool table over the sprite's square (rows are y): inside the shape or not."""
    return cv2.resize(_mask(shape, 8 * _TABLE), (_TABLE, _TABLE), interpolation=cv2.INTER_AREA) > 127


@cache
def lattice(shape: str) -> np.ndarray:
    """Return (p, 2) points spread evenly over the shape, in units of its radius."""
    cells = (np.arange(12) + 0.5) / 6 - 1
    x, y = (grid.ravel() for grid in np.meshgrid(cells, cells))
    index = ((np.stack([x, y]) / SPRITE_MARGIN + 1) * (_TABLE / 2)).astype(int)
    keep = inside_table(shape)[index[1], index[0]]
    return np.stack([x[keep], y[keep]], axis=1)


def _pattern(pattern: str, side: int) -> np.ndarray:
    """Return (side, side) bool, True where the pattern's second tone is."""
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) / side * 2 * SPRITE_MARGIN - SPRITE_MARGIN] * 2)
    if pattern == "striped":
        return np.mod(x - 0.21, 0.6) < 0.18
    if pattern == "dotted":
        return np.hypot(np.mod(x + 0.275, 0.55) - 0.275, np.mod(y + 0.275, 0.55) - 0.275) < 0.165
    if pattern == "checkered":
        return (np.floor(x / 0.42) + np.floor(y / 0.42)) % 2 == 0
    return np.zeros((side, side), bool)


@lru_cache(maxsize=2048)
def sprite(look: Look, side: int) -> np.ndarray:
    """Return the picture of a look: (side, side, 4) uint8 B, G, R, alpha, premultiplied, read-only."""
    fine = 128
    colour = np.array(_PAINT[look.colour], np.float32)
    bright = float(colour @ (0.114, 0.587, 0.299)) > 140
    second = colour * 0.25 if bright else np.full(3, 240, np.float32)
    mask = _mask(look.shape, fine)
    picture = np.where(_pattern(look.pattern, fine)[..., None], second, colour).astype(np.float32)
    rim = cv2.erode(mask, np.ones((7, 7), np.uint8)) == 0
    picture[rim] = colour * 0.35
    alpha = mask.astype(np.float32)[..., None]
    full = np.concatenate([picture * (alpha / 255), alpha], axis=2)
    small = np.rint(cv2.resize(full, (side, side), interpolation=cv2.INTER_AREA)).astype(np.uint8)
    small.setflags(write=False)
    return small


def _noise(rng: np.random.Generator, wide: float, high: float) -> np.ndarray:
    """Return periodic noise (256, 256), mean 0, deviation 1, with blobs of about (wide, high) pixels."""
    frequency = np.fft.fftfreq(_TILE)
    keep = np.exp(-2 * ((frequency[:, None] * high) ** 2 + (frequency[None, :] * wide) ** 2) * np.pi)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_TILE, _TILE))) * keep).real
    return (field - field.mean()) / field.std()


def _brick(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_TILE, :_TILE]
    row = y // 16
    shifted = (x + (row % 2) * 16) % _TILE
    tone = rng.standard_normal((16, 8))[row, shifted // 32]
    joint = (y % 16 < 2) | (shifted % 32 < 2)
    return np.where(joint, 2.0, 0.5 * tone - 0.3) + 0.4 * _noise(rng, 2, 2)


def _tiles(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_TILE, :_TILE]
    tone = rng.standard_normal((8, 8))[y // 32, x // 32]
    joint = (y % 32 < 2) | (x % 32 < 2)
    return np.where(joint, -2.0, 0.8 * tone + 0.3) + 0.4 * _noise(rng, 10, 10)


def _water(rng: np.random.Generator) -> np.ndarray:
    y = np.mgrid[:_TILE, :_TILE][0]
    return np.sin(2 * np.pi * y / 16 + 1.8 * _noise(rng, 28, 16)) + 0.6 * _noise(rng, 12, 3)


_MAKE: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "grass": lambda rng: 0.8 * _noise(rng, 1.5, 5) + 0.7 * _noise(rng, 24, 24),
    "sand": lambda rng: 0.6 * _noise(rng, 1.5, 1.5) + 0.8 * _noise(rng, 30, 12),
    "water": _water,
    "brick": _brick,
    "wood": lambda rng: 0.8 * _noise(rng, 60, 2.5) + 0.6 * _noise(rng, 30, 10),
    "stone": lambda rng: 0.9 * _noise(rng, 20, 20) + 0.6 * _noise(rng, 6, 6) + 0.3 * _noise(rng, 2, 2),
    "gravel": lambda rng: np.tanh(1.5 * np.abs(_noise(rng, 6, 6)) - 0.8) + 0.4 * _noise(rng, 2, 2),
    "tiles": _tiles,
}


@lru_cache(maxsize=64)
def ground_tile(ground: str, variant: int, height: int, width: int) -> np.ndarray:
    """Return a grey texture (256 + height, 256 + width) uint8 that repeats every 256 pixels: any offset has a crop."""
    field = _MAKE[ground](rng_for(variant, "synthetic texture", GROUNDS.index(ground)))
    grey = np.clip(128 + 55 * (field - field.mean()) / field.std(), 0, 255).astype(np.uint8)
    tile = np.pad(grey, ((0, height), (0, width)), mode="wrap")
    tile.setflags(write=False)
    return tile


def ground_colours(ground: str, shift: np.ndarray) -> np.ndarray:
    """Return the tone curve (256, 1, 3) uint8 of a ground; `shift` (3,) is added to both ends, B, G, R."""
    low, high = (np.asarray(end, float) + shift for end in _TONES[ground])
    return np.clip(np.linspace(low, high, 256), 0, 255).astype(np.uint8)[:, None]
