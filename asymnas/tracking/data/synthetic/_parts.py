"""The two parts of the benchmark: how a standard and a language-critical video come about."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from asymnas.tracking.data.synthetic._motion import curve, knots, wander
from asymnas.tracking.data.synthetic._scene import Effects, Scene, base_scene, curve_between, draw_look, pose
from asymnas.tracking.data.synthetic._words import COLOURS, PATTERNS, SHAPES, Look, held_out

__all__ = ["CRITICAL", "PARTS", "STANDARD", "build_scene"]

STANDARD, CRITICAL = "standard", "language_critical"
PARTS = (STANDARD, CRITICAL)
_COLOUR_NAMES = tuple(COLOURS)
_VEILS = ("grey", "dark", "blur", "cast")


def build_scene(rng: np.random.Generator, part: str, split: str, frames: int, size: tuple[int, int]) -> Scene:
    """Draw everything that happens in one video of a part and split."""
    return (_critical if part == CRITICAL else _standard)(rng, split, frames, size)


def _standard(rng: np.random.Generator, split: str, frames: int, size: tuple[int, int]) -> Scene:
    look = draw_look(rng, split)
    looks = [look, *_other_looks(rng, look, 1 + int(3 * rng.random()), split)]
    scene = base_scene(rng, looks, frames, size)
    unit = min(size[0] / 192, size[1] / 144)
    radius = unit * (rng.uniform(14.5, 18) if scene.large else rng.uniform(10.5, 13.5))
    at = np.arange(frames, dtype=float)
    time = _with_dash(rng, at) if rng.random() < 0.12 else at
    _target_path(rng, scene, radius, time)
    _distractor_paths(rng, scene, radius, unit, at)
    _target_pose(rng, scene, radius)
    if rng.random() < 0.15:
        _shake(rng, scene, unit)
    occluded = rng.random()
    if occluded < 0.5 and frames >= 8:
        _occlude(rng, scene, radius, full=occluded < 0.2)
    _standard_effects(rng, scene)
    return scene


def _other_looks(rng: np.random.Generator, target: Look, count: int, split: str) -> list[Look]:
    """Draw distractors that differ from the target in colour or in shape, and mostly in both."""
    looks: list[Look] = []
    while len(looks) < count:
        shape = target.shape if rng.random() < 0.3 else SHAPES[int(8 * rng.random())]
        colour = target.colour if rng.random() < 0.2 else _COLOUR_NAMES[int(8 * rng.random())]
        look = Look(shape, colour, PATTERNS[int(4 * rng.random())])
        if (look.shape, look.colour) != (target.shape, target.colour) and (split == "test" or not held_out(look)):
            looks.append(look)
    return looks


def _with_dash(rng: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Return times that leap ahead once or twice: the target covers several frames' way in one."""
    leaps = np.zeros_like(at)
    for _ in range(2):
        leaps[int(rng.integers(1, len(at)))] += rng.uniform(3, 4.5)
    return at + np.cumsum(leaps)


def _target_path(rng: np.random.Generator, scene: Scene, radius: float, time: np.ndarray) -> None:
    times = knots(rng, time[-1] + 1, 6, 10)
    size = np.array(scene.size, float)
    edge = np.minimum(1.1 * radius, size / 2 - 1)
    start = edge + rng.random(2) * (size - 2 * edge)
    points = wander(rng, start, (3.0 * radius, 6.0 * radius), len(times), edge, size - edge)
    if rng.random() < 0.14 and len(points) > 3:
        leave = int(rng.integers(1, len(points) - 1))
        gap = np.concatenate([points[leave], size - points[leave]])
        side = int(gap.argmin())
        points[leave, side % 2] = -1.5 * radius if side < 2 else size[side % 2] + 1.5 * radius
    scene.centre[0] = curve(times, points, time)


def _distractor_paths(rng: np.random.Generator, scene: Scene, radius: float, unit: float, at: np.ndarray) -> None:
    count = len(scene.looks) - 1
    size = np.array(scene.size, float)
    own = unit * rng.uniform(9, 17, count)
    times = knots(rng, at[-1] + 1, 6, 11)
    starts = rng.uniform(0.1, 0.9, (8, count, 2)) * size
    away = np.abs(starts - scene.centre[0, 0]).max(2) - 1.3 * (own + radius)
    start = starts[away.argmax(0), np.arange(count)]
    edge = np.full(2, 12 * unit)
    points = wander(rng, start, (20 * unit, 55 * unit), len(times), edge, size - edge)
    points[0, away.max(0) < 0, 0] = -1.5 * own.max()  # no room beside the target: start outside
    scene.centre[1:] = curve(times, points, at).transpose(1, 0, 2)
    angle = rng.uniform(-3, 3, (count, 1)) + rng.uniform(-0.12, 0.12, (count, 1)) * at
    scene.shape[1:] = pose(np.broadcast_to(own[:, None], angle.shape), angle)


def _target_pose(rng: np.random.Generator, scene: Scene, radius: float) -> None:
    frames = len(scene.bend)
    start = rng.uniform(-0.4, 0.4)
    spin = 3.0 if rng.random() < 0.85 else 0.0
    scene.angle = curve_between(rng, frames, start - spin, start + spin, start, pace=1.6)
    spread = 0.5 if rng.random() < 0.85 else 0.0
    grow = radius * np.exp(curve_between(rng, frames, -spread, spread, spread * rng.uniform(-0.8, 0.8), pace=1.2))
    if rng.random() < 0.35:
        scene.squeeze = curve_between(rng, frames, 0.45, 1.0, rng.uniform(0.7, 1.0))
    if rng.random() < 0.2:
        pace, phase = rng.uniform(0.25, 0.5), rng.uniform(0, 6)
        scene.bend = rng.uniform(0.2, 0.4) * np.sin(pace * np.arange(frames) + phase)
    scene.shape[0] = pose(grow, scene.angle, scene.squeeze, scene.bend)


def _shake(rng: np.random.Generator, scene: Scene, unit: float) -> None:
    """Jolt the camera a few times: a jump within one frame, and a slow return."""
    frames = len(scene.jolt)
    age = np.arange(frames)
    for _ in range(1 + frames // 20):
        start = int(rng.integers(1, max(2, frames)))
        way = rng.uniform(8, 13) * unit * (1 if rng.random() < 0.5 else -1)
        direction = rng.uniform(0, 2 * np.pi)
        fade = np.where(age >= start, np.exp(-np.maximum(age - start, 0) / 5.0), 0.0)
        scene.jolt += way * fade[:, None] * np.array([np.cos(direction), np.sin(direction)])
    scene.jolt = np.rint(scene.jolt)
    scene.centre = scene.centre + scene.jolt
    scene.camera = scene.camera - scene.jolt.astype(int)


def _occlude(rng: np.random.Generator, scene: Scene, radius: float, *, full: bool) -> None:
    """Stand a screen on the ground where the target passes; never over the target's first frames."""
    frames = len(scene.camera)
    when = int(rng.integers(frames // 4 + 2, frames))
    where = scene.centre[0, when] + scene.camera[when]
    if full:
        span = rng.uniform(2.6, 3.2, 2) * radius
    else:
        span = np.array([rng.uniform(0.7, 1.3), rng.uniform(3.0, 6.0)]) * radius
        span = span[::-1] if rng.random() < 0.5 else span
        where = where + rng.uniform(-0.3, 0.3, 2) * radius
    add_screen(scene, where, span, radius)


def add_screen(scene: Scene, where: np.ndarray, span: np.ndarray, radius: float) -> None:
    """Add a screen centred at `where` on the ground, unless it touches the target in the first frame."""
    gap = np.abs(scene.centre[0, 0] + scene.camera[0] - where) - span / 2 - 1.6 * radius
    if gap.max() > 0:
        box = np.rint(np.concatenate([where - span / 2, span])).astype(int)
        scene.occluders = np.concatenate([scene.occluders, box[None]])


def _standard_effects(rng: np.random.Generator, scene: Scene) -> None:
    frames = len(scene.bend)
    effects = scene.effects
    if rng.random() < 0.35:
        effects.gain = np.exp(curve_between(rng, frames, -0.75, 0.28, rng.uniform(-0.2, 0.1)))
    if rng.random() < 0.2:
        effects.shutter = rng.uniform(0.6, 1.0)
    effects.coarse = bool(rng.random() < 0.1)


def _critical(rng: np.random.Generator, split: str, frames: int, size: tuple[int, int]) -> Scene:
    look = draw_look(rng, split)
    others = _twins(rng, look, 2 + int(3 * rng.random()), split)
    scene = base_scene(rng, [look, *others], frames, size)
    unit = min(size[0] / 192, size[1] / 144)
    radius = unit * (rng.uniform(12.5, 14.5) if scene.large else rng.uniform(9, 11))
    veiled = _veiled(rng, split)
    meetings = _meetings(rng, frames, veiled)
    _group_paths(rng, scene, radius, meetings)
    _group_pose(rng, scene, radius)
    for when in meetings[1:]:
        if when < frames and len(scene.occluders) < 1 + frames // 60 and rng.random() < 0.2:
            where = scene.centre[:, when].mean(0) + scene.camera[when]
            add_screen(scene, where, np.full(2, rng.uniform(2.6, 3.2) * radius), radius)
    _critical_effects(rng, scene, veiled, meetings)
    return scene


def _veiled(rng: np.random.Generator, split: str) -> int:
    """Return how many frames at the start have no colours.

    In train there are fewer, so that most pairs of the first and a later frame need the sentence.
    """
    return int(rng.integers(1, 4)) if split == "train" else int(rng.integers(4, 7))


def _twins(rng: np.random.Generator, target: Look, count: int, split: str) -> list[Look]:
    """Draw distractors of the target's shape, each of another colour; one in three videos has other patterns too."""
    mixed = rng.random() < 1 / 3
    looks: list[Look] = []
    for colour in rng.permutation(len(_COLOUR_NAMES)):
        pattern = PATTERNS[int(4 * rng.random())] if mixed else target.pattern
        look = Look(target.shape, _COLOUR_NAMES[colour], pattern)
        if look.colour != target.colour and (split == "test" or not held_out(look)):
            looks.append(look)
    return looks[:count]


def _meetings(rng: np.random.Generator, frames: int, veiled: int) -> list[int]:
    """Return the frames in which all objects meet; the first one falls into the frames without colours."""
    times = [min(max(2, veiled - 2), 2 + int(4 * rng.random()))]
    while times[-1] < frames:
        times.append(times[-1] + int(rng.integers(10, 15)))
    return times


def _group_paths(rng: np.random.Generator, scene: Scene, radius: float, meetings: list[int]) -> None:
    """Let the objects go apart and meet again and again; who leaves a meeting where is drawn anew each time.

    At a meeting all move alike and nearly at one point, so that nothing seen before tells who goes where after it.
    """
    count, frames = scene.centre.shape[:2]
    at = np.arange(frames, dtype=float)
    size = np.array(scene.size, float)
    apart = rng.uniform(1.3, 1.5) * 2 * radius
    reach = apart / (2 * np.sin(np.pi / count))
    slots = _slots(rng, len(meetings), count, reach)
    close = rng.uniform(-0.25, 0.25, (len(meetings), count, 2)) * radius
    stray = slots + rng.uniform(-0.2, 0.2, slots.shape) * radius
    times, points = [0.0], [slots[0]]
    for index, (now, then) in enumerate(pairwise(meetings)):
        times += [now, now + 0.33 * (then - now), now + 0.67 * (then - now)]
        points += [close[index], slots[index + 1], stray[index + 1]]
    times.append(meetings[-1])
    points.append(close[-1])
    offset = curve(np.array(times, float), np.stack(points), at, rest=True)
    common = knots(rng, frames, 7, 12)
    edge = np.minimum(reach + 1.0 * radius, 0.45 * size)
    start = rng.uniform(edge, size - edge)
    middle = wander(rng, start, (2 * radius, 5 * radius), len(common), edge, size - edge)
    scene.centre = (curve(common, middle, at)[:, None] + offset).transpose(1, 0, 2)


def _slots(rng: np.random.Generator, sets: int, count: int, reach: float) -> np.ndarray:
    """Return (sets, count, 2) places on a circle, each set in random order and at a random turn."""
    order = np.tile(np.arange(count) * (2 * np.pi / count), (sets, 1))
    angles = rng.permuted(order, axis=1) + rng.uniform(0, 2 * np.pi, (sets, 1))
    return reach * np.stack([np.cos(angles), np.sin(angles)], axis=2)


def _group_pose(rng: np.random.Generator, scene: Scene, radius: float) -> None:
    """Turn and scale all objects alike, so that no pose tells one from another."""
    frames = len(scene.bend)
    start = rng.uniform(-0.4, 0.4)
    spin = 1.5 if rng.random() < 0.7 else 0.0
    angle = curve_between(rng, frames, start - spin, start + spin, start)
    grow = np.full(frames, radius)
    if rng.random() < 0.5:
        grow = radius * np.exp(curve_between(rng, frames, -0.25, 0.25, 0.0))
    scene.angle = angle
    scene.shape[:] = pose(grow, angle)


def _critical_effects(rng: np.random.Generator, scene: Scene, veiled: int, meetings: list[int]) -> None:
    """Take the colours from the first frames, and from some later meetings."""
    frames = len(scene.bend)
    neutral = np.zeros(frames, bool)
    neutral[:veiled] = True
    for when in meetings[2:]:
        if rng.random() < 0.35:
            neutral[max(0, when - 2) : when + 2] = True
    veil = _VEILS[int(4 * rng.random())]
    cast = tuple(float(item) for item in rng.permutation([1.0, 0.7, 0.35]))
    scene.effects = Effects(np.ones(frames), neutral, veil=veil, cast=cast)  # type: ignore[arg-type]
    if rng.random() < 0.2:
        scene.effects.gain = np.exp(curve_between(rng, frames, -0.5, 0.2, 0.0))
