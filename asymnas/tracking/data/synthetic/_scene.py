"""A scene: everything that happens in a video, as arrays over its frames, drawn from one random stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.tracking.data.synthetic._motion import curve, knots
from asymnas.tracking.data.synthetic._words import COLOURS, GROUNDS, PATTERNS, SHAPES, Look, held_out

__all__ = ["Effects", "Scene", "base_scene", "curve_between", "draw_look", "pose"]

_COLOUR_NAMES = tuple(COLOURS)
_HELD_OUT_SHARE = 0.4


@dataclass(slots=True)
class Effects:
    """What happens to whole frames."""

    gain: np.ndarray  # (n,) factor on all pixels
    neutral: np.ndarray  # (n,) bool, frames without colours: every object has the neutral look
    veil: str = ""  # how frames without colours look: "grey", "dark", "blur" or "cast"
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors B, G, R of the veil "cast"
    shutter: float = 0.0  # share of a frame's motion that smears the objects
    coarse: bool = False  # drawn at half the resolution


@dataclass(slots=True)
class Scene:
    """A video before it is drawn; j objects (the target first), n frames, q occluders, pixels of the frame."""

    size: tuple[int, int]  # width and height of the frame
    looks: list[Look]
    large: bool  # whether the target is one of the large objects
    order: list[int]  # object indices from the bottom to the top
    centre: np.ndarray  # (j, n, 2) x and y, continuous (pixel i covers [i, i + 1))
    shape: np.ndarray  # (j, n, 2, 2) matrices from units of the radius to pixels
    angle: np.ndarray  # (n,) turn of the target, radians
    bend: np.ndarray  # (n,) shear of the target
    squeeze: np.ndarray  # (n,) narrowing of the target by a turn in depth, 1 for none
    camera: np.ndarray  # (n, 2) int, offset of the frame on the ground
    jolt: np.ndarray  # (n, 2) abrupt part of the camera's motion, which moves the objects too
    occluders: np.ndarray  # (q, 4) int x, y, w, h on the ground
    ground: str
    variant: int  # of the ground's texture
    tone: np.ndarray  # (3,) shift of its colours, B, G, R
    screen: str  # ground word of the occluders
    screen_tone: np.ndarray
    effects: Effects


def draw_look(rng: np.random.Generator, split: str) -> Look:
    """Draw the target's look: a combination of train in train and val, often a held-out one in test."""
    wanted = split == "test" and rng.random() < _HELD_OUT_SHARE
    while True:
        shape, colour, pattern = (int(8 * rng.random()), int(8 * rng.random()), int(4 * rng.random()))
        look = Look(SHAPES[shape], _COLOUR_NAMES[colour], PATTERNS[pattern])
        if held_out(look) == wanted:
            return look


def base_scene(rng: np.random.Generator, looks: list[Look], frames: int, size: tuple[int, int]) -> Scene:
    """Return a scene with its ground, camera and target size drawn, and objects that rest in the middle."""
    width, height = size
    count = len(looks)
    ground = int(len(GROUNDS) * rng.random())
    screen = (ground + 1 + int((len(GROUNDS) - 1) * rng.random())) % len(GROUNDS)
    at = np.arange(frames, dtype=float)
    drift_times = knots(rng, frames, 12, 24)
    speed = rng.uniform(0.2, 2.2) * width / 192
    steps = rng.uniform(-1, 1, (len(drift_times), 2)) * speed * np.diff(drift_times, prepend=0.0)[:, None]
    drift = curve(drift_times, np.cumsum(steps, axis=0), at)
    return Scene(
        size=size,
        looks=looks,
        large=bool(rng.random() < 0.5),
        order=[int(item) for item in rng.permutation(count)],
        centre=np.full((count, frames, 2), (width / 2, height / 2)),
        shape=np.zeros((count, frames, 2, 2)),
        angle=np.zeros(frames),
        bend=np.zeros(frames),
        squeeze=np.ones(frames),
        camera=np.rint(drift + rng.uniform(0, 256, 2)).astype(int),
        jolt=np.zeros((frames, 2)),
        occluders=np.zeros((0, 4), int),
        ground=GROUNDS[ground],
        variant=int(rng.integers(3)),
        tone=rng.uniform(-18, 18) + rng.uniform(-5, 5, 3),
        screen=GROUNDS[screen],
        screen_tone=rng.uniform(-45, -15) + rng.uniform(-5, 5, 3),
        effects=Effects(np.ones(frames), np.zeros(frames, bool)),
    )


def pose(
    radius: np.ndarray, angle: np.ndarray, squeeze: np.ndarray | float = 1.0, bend: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the (..., 2, 2) matrices of objects of a radius (...,), turned, narrowed across and sheared."""
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.empty((*radius.shape, 2, 2))
    matrix[..., 0, 0] = radius * cos * squeeze
    matrix[..., 0, 1] = radius * (cos * bend - sin)
    matrix[..., 1, 0] = radius * sin * squeeze
    matrix[..., 1, 1] = radius * (sin * bend + cos)
    return matrix


def curve_between(
    rng: np.random.Generator, frames: int, low: float, high: float, start: float, pace: float = 1.0
) -> np.ndarray:
    """Return (n,) smooth values between `low` and `high` from `start` on, with a turn every 8 to 18 / `pace` frames."""
    times = knots(rng, frames, 8 / pace, 18 / pace)
    values = rng.uniform(low, high, len(times))
    values[0] = start
    return curve(times, values, np.arange(frames, dtype=float), rest=True)
