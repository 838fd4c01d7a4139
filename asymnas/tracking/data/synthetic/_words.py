"""The words of the benchmark: shapes, colours, patterns, grounds, and the combinations kept for test."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLOURS", "GROUNDS", "NEUTRALS", "PATTERNS", "SHAPES", "Look", "held_out"]

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond", "ring", "hexagon")
PATTERNS = ("solid", "striped", "dotted", "checkered")
# B, G, R: saturated and far apart in hue, so that a small network can tell them at stride 8.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (30, 25, 225),
    "orange": (0, 135, 255),
    "yellow": (20, 235, 250),
    "green": (40, 190, 40),
    "cyan": (235, 225, 20),
    "blue": (235, 70, 25),
    "purple": (190, 25, 130),
    "pink": (190, 120, 255),
}
NEUTRALS = ("light", "dark")
"""Colours of everything in a frame without colours, on a dark ground and on a light one."""

GROUNDS = ("grass", "sand", "water", "brick", "wood", "stone", "gravel", "tiles")

_COLOUR_INDEX = {name: index for index, name in enumerate(COLOURS)}


@dataclass(frozen=True, slots=True)
class Look:
    """What an object looks like, in words: one of `SHAPES`, `COLOURS` (or `NEUTRALS`) and `PATTERNS`."""

    shape: str
    colour: str
    pattern: str


def held_out(look: Look) -> bool:
    """Return whether a combination of shape, colour and pattern appears in test only.

    One colour of eight is kept out for each pair of shape and pattern, in a Latin square: 32 of the 256 combinations.
    Every single word and every pair of words is left in train.
    """
    return (SHAPES.index(look.shape) + 2 * PATTERNS.index(look.pattern) + _COLOUR_INDEX[look.colour]) % 8 == 5
