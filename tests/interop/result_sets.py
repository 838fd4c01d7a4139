"""Small result sets and annotations for the tests of result files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Truth:
    """The least that an annotation is."""

    name: str
    boxes: np.ndarray
    absent: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    attributes: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()


def walk(seed: int, frames: int, *, whole: bool = False) -> np.ndarray:
    """A target that starts far from the corner and moves some pixels a frame, (frames, 4), 0-based."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, [3, 3, 0.5, 0.5], (frames, 4))
    boxes = np.add([140.25 + 7 * seed, 90.5 + 5 * seed, 31.75, 44.25], np.cumsum(steps, axis=0))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 5)
    return np.rint(boxes) if whole else boxes


def truths(lengths: Mapping[str, int], *, whole: bool = True) -> list[Truth]:
    return [Truth(name, walk(index, frames, whole=whole)) for index, (name, frames) in enumerate(lengths.items())]


def predictions(annotations: list[Truth]) -> dict[str, np.ndarray]:
    """The given box, then boxes near the truth."""
    rng = np.random.default_rng(5)
    boxes = {}
    for truth in annotations:
        rows = truth.boxes + rng.normal(0, 1, truth.boxes.shape)
        rows[0] = truth.boxes[0]
        boxes[truth.name] = rows
    return boxes


def write_rows(path: Path, rows: np.ndarray, separator: str = ",", ending: str = "\n", digits: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [separator.join(f"{value:.{digits}f}" for value in row) for row in np.atleast_2d(rows)]
    path.write_bytes((ending.join(lines) + ending).encode())
    return path


def write_set(folder: Path, boxes: Mapping[str, np.ndarray], base: int = 1, **form) -> Path:
    for name, rows in boxes.items():
        write_rows(folder / f"{name}.txt", np.add(rows, [base, base, 0, 0]), **form)
    return folder
