"""Captions by rules, as a program that watches the video would write them: colour, shape and motion, at times wrong."""

from __future__ import annotations

import numpy as np

from asymnas.tracking.data.synthetic._scene import Scene
from asymnas.tracking.data.synthetic._words import COLOURS, SHAPES

__all__ = ["MOTIONS", "caption"]

MOTIONS = ("moving to the left", "moving to the right", "moving up", "moving down", "moving around")


def caption(rng: np.random.Generator, scene: Scene, errors: float) -> str:
    """Return "a COLOUR SHAPE MOTION"; each of the three is wrong with probability `errors`, another of its kind.

    What is wrong at a lower rate is wrong at a higher one, in the same way.
    """
    look = scene.looks[0]
    truth = ((look.colour, tuple(COLOURS)), (look.shape, SHAPES), (_motion(scene), MOTIONS))
    colour, shape, motion = (_said(rng, word, words, errors) for word, words in truth)
    return f"{'an' if colour == 'orange' else 'a'} {colour} {shape} {motion}"


def _said(rng: np.random.Generator, word: str, words: tuple[str, ...], errors: float) -> str:
    right, which = rng.random(2)
    others = [item for item in words if item != word]
    return word if right >= errors else others[int(len(others) * which)]


def _motion(scene: Scene) -> str:
    """The way from the first frame to the last, along x or y; "moving around" if it is shorter than the box's side."""
    way = scene.centre[0, -1] - scene.centre[0, 0]
    axis = int(np.abs(way).argmax())
    if abs(way[axis]) < 2 * np.sqrt(abs(np.linalg.det(scene.shape[0, 0]))):
        return MOTIONS[-1]
    return MOTIONS[2 * axis + int(way[axis] > 0)]
