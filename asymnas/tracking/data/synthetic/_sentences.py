"""Sentences for scenes: short, in small letters, about the target; every word in them is true of the video."""

from __future__ import annotations

import numpy as np

from asymnas.tracking.data.synthetic._scene import Scene
from asymnas.tracking.data.synthetic._words import COLOURS, NEUTRALS, PATTERNS, SHAPES

__all__ = ["describe", "sentence_parts"]

_GROUND_WORDS = {
    "grass": ("grass", "green grass", "lawn"),
    "sand": ("sand", "beach sand", "sandy ground"),
    "water": ("water", "rippling water"),
    "brick": ("brick wall", "bricks"),
    "wood": ("wooden floor", "wood"),
    "stone": ("stone", "grey stone", "rock"),
    "gravel": ("gravel", "pebbles"),
    "tiles": ("tiles", "tiled floor"),
}
_NUMBERS = {2: "two", 3: "three", 4: "four"}
_LOOKS = (*COLOURS, *NEUTRALS, *PATTERNS, "plain", "large", "small")
_PLACES = ("on", "over", "among", "between", "in")


def _pick(rng: np.random.Generator, items: tuple[str, ...]) -> str:
    return items[int(len(items) * rng.random())]


def _noun(rng: np.random.Generator, scene: Scene) -> str:
    """Return the target's name: always its colour and shape, its pattern unless solid, its size at times."""
    look = scene.looks[0]
    pattern = look.pattern if look.pattern != "solid" else _pick(rng, ("", "", "", "solid", "plain"))
    size = ("large" if scene.large else "small") if rng.random() < 0.3 else ""
    return " ".join(word for word in (size, look.colour, pattern, look.shape) if word)


def _deed(rng: np.random.Generator, attributes: frozenset[str]) -> str:
    words = ["moving", "moving", "drifting", "gliding", "wandering", "moving around"]
    if "ROT" in attributes:
        words += ["turning", "moving and rotating"]
    if "SV" in attributes:
        words += ["moving and changing size"]
    if "DEF" in attributes:
        words += ["wobbling"]
    return _pick(rng, tuple(words))


def describe(rng: np.random.Generator, scene: Scene, attributes: frozenset[str]) -> str:
    """Return a sentence of 2 to 16 words; it names the colours of other objects only where shapes differ too."""
    noun, deed = _noun(rng, scene), _deed(rng, attributes)
    # A ground with a colour in its name would name a second colour where the first one decides.
    critical = bool(scene.effects.neutral.any())
    grounds = _GROUND_WORDS[scene.ground]
    ground = grounds[0] if critical else _pick(rng, grounds)
    others = scene.looks[1:]
    alike = [look for look in others if look.shape == scene.looks[0].shape]
    draw = rng.random()
    if critical:
        if draw < 0.25:
            return f"{noun} {deed} among {_NUMBERS[len(others)]} other {plural(scene.looks[0].shape)}"
        if draw < 0.4:
            return f"the {noun} {deed} between {plural(scene.looks[0].shape)} of other colors"
    elif draw < 0.25 and not alike:
        other = others[int(len(others) * rng.random())]
        article = "an" if other.colour == "orange" else "a"
        return f"{noun} {deed} on the {ground} near {article} {other.colour} {other.shape}"
    if draw < 0.55:
        return f"{noun} {deed} on the {ground}"
    if draw < 0.7:
        return f"the {noun} {deed} over {ground}"
    if draw < 0.8:
        return f"{noun} on {ground}"
    if draw < 0.9:
        return f"{noun} {deed}"
    return f"{deed} {noun} in front of {ground}"


def sentence_parts(sentence: str) -> dict[str, str]:
    """Return the parts of a sentence of `describe` by kind.

    The target's shape is its "class", size, colour and pattern are its "attribute"; "environment" is where it is, and
    missing where the sentence does not say.
    """
    words = sentence.split()
    noun = next(index for index, word in enumerate(words) if word in SHAPES)
    first = noun
    while first and words[first - 1] in _LOOKS:
        first -= 1
    parts = {"class": words[noun], "attribute": " ".join(words[first:noun])}
    place = next((index for index in range(noun, len(words)) if words[index] in _PLACES), None)
    return parts if place is None else {**parts, "environment": " ".join(words[place:])}


def plural(shape: str) -> str:
    """Return the plural of a shape word."""
    return f"{shape}es" if shape == "cross" else f"{shape}s"
