"""Annotations from a scene, without drawing it: boxes, absence, attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.tracking.data.synthetic._looks import SPRITE_MARGIN, inside_table, lattice, outline
from asymnas.tracking.data.synthetic._scene import Scene

__all__ = ["SceneAnnotation", "annotate"]

_ABSENT_BELOW = 0.1
_PARTIAL_BELOW = 0.85


@dataclass(frozen=True, slots=True)
class SceneAnnotation:
    """What is known of the target: boxes (n, 4), absent (n,), seen (n,) the share that shows, attributes."""

    boxes: np.ndarray
    absent: np.ndarray
    seen: np.ndarray
    attributes: frozenset[str]


def annotate(scene: Scene) -> SceneAnnotation:
    """Return the annotation of a scene's target.

    The box is the tight one of the target as drawn, behind screens and distractors too, cut at the frame's border. The
    target is absent where less than a tenth of it shows.
    """
    full = _extent(scene)
    size = np.array(scene.size, float)
    corners = np.clip(full, 0.0, np.tile(size, 2))
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    inside, seen = _visibility(scene)
    absent = (seen < _ABSENT_BELOW) | (boxes[:, 2:].min(1) < 1)
    return SceneAnnotation(boxes, absent, seen, _attributes(scene, full, boxes, absent, inside, seen))


def _extent(scene: Scene) -> np.ndarray:
    """Return (n, 4) x1, y1, x2, y2 of the whole target."""
    corners = scene.shape[0] @ outline(scene.looks[0].shape).T  # (n, 2, v)
    low, high = corners.min(2) + scene.centre[0], corners.max(2) + scene.centre[0]
    return np.concatenate([low, high], axis=1)


def _visibility(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return (n,) shares of the target inside the frame, and (n,) shares inside it and not covered."""
    points = scene.shape[0] @ lattice(scene.looks[0].shape).T + scene.centre[0][:, :, None]  # (n, 2, p)
    shown = _within(points, *scene.size)
    inside = shown.mean(1)
    for x, y, w, h in scene.occluders:
        shown &= ~_within(points - ((x, y) - scene.camera)[:, :, None], w, h)
    above = scene.order[scene.order.index(0) + 1 :]
    gaps = np.abs(scene.centre[above] - scene.centre[0]).max(2)
    reach = np.abs(scene.shape).sum(3).max(2) * SPRITE_MARGIN
    for index, gap in zip(above, gaps, strict=True):
        near = np.flatnonzero(gap < reach[0] + reach[index])
        if len(near):
            table = inside_table(scene.looks[index].shape)
            half = len(table) / 2
            back = np.linalg.inv(scene.shape[index, near]) * (half / SPRITE_MARGIN)
            cell = back @ (points[near] - scene.centre[index, near][:, :, None]) + half
            cell = cell.astype(np.intp).clip(0, len(table) - 1)  # the table's rim is outside every shape
            shown[near] &= ~table[cell[:, 1], cell[:, 0]]
    return inside, shown.mean(1)


def _within(points: np.ndarray, width: float, height: float) -> np.ndarray:
    """Return (n, p) bool: which points (n, 2, p) lie in [0, width) x [0, height)."""
    x, y = points[:, 0], points[:, 1]
    return (x >= 0) & (x < width) & (y >= 0) & (y < height)


def _attributes(
    scene: Scene, full: np.ndarray, boxes: np.ndarray, absent: np.ndarray, inside: np.ndarray, seen: np.ndarray
) -> frozenset[str]:
    """Return LaSOT's flags of what happens; thresholds as in LaSOT where it states them, scaled to the frame for LR."""
    there = ~absent
    sides = full[:, 2:] - full[:, :2]
    area, aspect = sides.prod(1), sides[:, 0] / sides[:, 1]
    middle = (full[:, :2] + full[:, 2:]) / 2
    effects = scene.effects
    gain = effects.gain * np.where(effects.neutral & (effects.veil == "dark"), 0.35, 1.0)
    step = np.abs(np.diff(middle, axis=0))
    both = there[1:] & there[:-1]
    unit = scene.size[0] * scene.size[1] / (192 * 144)
    way = np.sqrt((np.diff(scene.centre[0], axis=0) ** 2).sum(1)) * effects.shutter
    jerk = np.abs(np.diff(scene.jolt, axis=0)).max(initial=0.0)
    plain = scene.looks[0].pattern == "solid" and scene.looks[0].shape in ("circle", "ring")
    turn = 0.0 if plain and scene.squeeze.min() > 0.8 else np.ptp(scene.angle)  # a plain circle shows no turn
    flags = {
        "IV": gain.max() > 1.5 * gain.min(),
        "POC": bool((there & (seen < _PARTIAL_BELOW * np.maximum(inside, 1e-9))).any()),
        "DEF": np.ptp(scene.bend) > 0.2,
        "MB": bool((way > 3).any()) or (effects.veil == "blur" and bool(effects.neutral.any())),
        "CM": jerk > 5 * np.sqrt(unit),
        "ROT": turn > np.pi / 6,
        "BC": _clutter(scene, there, sides),
        "VC": scene.squeeze.min() < 0.75,
        "SV": bool(((area > 2 * area[0]) | (area < 0.5 * area[0]))[there].any()),
        "FOC": bool((absent & (inside >= 0.5)).any()),
        "FM": bool((both & (np.sqrt((step**2).sum(1)) > np.sqrt(area[1:]))).any()),
        "OV": bool((inside < 0.02).any()),
        "LR": effects.coarse or bool((boxes[there, 2:].prod(1) < 256 * unit).any()),
        "ARC": bool(((aspect > 2 * aspect[0]) | (aspect < 0.5 * aspect[0]))[there].any()),
    }
    return frozenset(name for name, value in flags.items() if value)


def _clutter(scene: Scene, there: np.ndarray, sides: np.ndarray) -> bool:
    """Return whether something of the target's shape or colour is within two boxes of it in a fifth of the frames."""
    target = scene.looks[0]
    alike = [i for i, look in enumerate(scene.looks) if i and target.shape == look.shape]
    if not alike:
        return False
    gap = np.abs(scene.centre[alike] - scene.centre[0]).max(2).min(0)
    return bool((there & (gap < 2 * np.sqrt(sides.prod(1)))).mean() > 0.2)
