"""Reading conventions off the numbers: index base, corner boxes, a missing first row, by the given boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asymnas.tracking.boxes import iou, xyxy_to_xywh

__all__ = [
    "CORNERS",
    "Reading",
    "Votes",
    "collect_votes",
    "corner_extent",
    "expected_row",
    "share_of_corners",
    "to_xywh",
]

CORNERS = ("xywh", "xyxy", "xyxy-inclusive")
"""How four numbers say a box; the second corner is the first pixel outside, or the last one inside."""

_TOLERANCE = 0.06
"""Pixels by which a printed first row may differ from the annotation: one decimal, rounded."""

_ROUNDINGS = ("", "rounded", "cut to whole numbers")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file's first row says the given box: corner form, index base, and what became of the decimals."""

    corners: str
    base: int
    rounding: str = ""


@dataclass(frozen=True, slots=True)
class Votes:
    """What the first rows say.

    Args:
        readings: per video, the readings under which its first row is the given box; none where it is not.
        counts: files for each reading.
    """

    readings: Mapping[str, tuple[Reading, ...]]
    counts: Mapping[Reading, int]

    def of_base(self, base: int) -> int:
        """Return the files that the best reading of this base explains."""
        return max((count for reading, count in self.counts.items() if reading.base == base), default=0)

    def best(self, base: int) -> Reading | None:
        """Return the reading of this base that explains the most files; the plainest among equals."""
        found = [reading for reading, count in self.counts.items() if reading.base == base and count]
        key = {form: index for index, form in enumerate(CORNERS)}
        return max(found, default=None, key=lambda r: (self.counts[r], -key[r.corners], -_ROUNDINGS.index(r.rounding)))

    def base(self) -> int | None:
        """Return the base that the files agree on; None where none does, or too few, or they contradict each other."""
        counts = [self.of_base(0), self.of_base(1)]
        best = int(np.argmax(counts))
        enough = counts[best] >= min(3, (len(self.readings) + 1) // 2) and counts[best] > 0
        return best if enough and 10 * counts[1 - best] <= counts[best] else None


def expected_row(box: np.ndarray, reading: Reading) -> np.ndarray:
    """Return the numbers that say a 0-based box (4,) x, y, w, h under a reading, before rounding."""
    x, y, w, h = np.add(box, [reading.base, reading.base, 0, 0])
    if reading.corners == "xywh":
        return np.array([x, y, w, h])
    inside = reading.corners == "xyxy-inclusive"
    return np.array([x, y, x + w - inside, y + h - inside])


def collect_votes(rows: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> Votes:
    """Compare first rows (4,) with the given 0-based boxes (4,) of the same videos, under every reading."""
    readings = [Reading(form, base, how) for form in CORNERS for base in (0, 1) for how in _ROUNDINGS]
    found: dict[str, tuple[Reading, ...]] = {}
    counts: Counter[Reading] = Counter()
    for name, row in rows.items():
        found[name] = tuple(reading for reading in readings if _explains(reading, row, given[name]))
        counts.update(found[name])
    return Votes(found, counts)


def _explains(reading: Reading, row: np.ndarray, box: np.ndarray) -> bool:
    wanted = expected_row(box, reading)
    if reading.rounding == "":
        return bool(np.all(np.abs(row - wanted) <= _TOLERANCE))
    if reading.rounding == "rounded":
        return bool(np.all(row == np.rint(row)) and np.all(np.abs(row - wanted) <= 0.5))
    return bool(np.all(row == np.trunc(wanted)))


def corner_extent(
    rows: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray], base: int, corners: str
) -> tuple[float, float]:
    """Return the mean overlap with the given box of rows 1 to 5, read as x, y, w, h and read as corners.

    A target moves little in five frames, so the right reading overlaps clearly more.
    """
    plain, corner = [], []
    for name, numbers in rows.items():
        early = numbers[1:6]
        if len(early):
            box = given[name][None]
            plain.append(np.mean(iou(to_xywh(early, Reading("xywh", base)), box)))
            corner.append(np.mean(iou(to_xywh(early, Reading(corners, base)), box)))
    return (float(np.mean(plain)), float(np.mean(corner))) if plain else (0.0, 0.0)


def to_xywh(rows: np.ndarray, reading: Reading) -> np.ndarray:
    """Turn rows (n, 4) under a reading into 0-based x, y, w, h."""
    rows = np.array(rows, dtype=np.float64)
    if reading.corners != "xywh":
        rows = xyxy_to_xywh(rows)
        rows[:, 2:] += reading.corners == "xyxy-inclusive"
    rows[:, :2] -= reading.base
    return rows


def share_of_corners(rows: Sequence[np.ndarray]) -> float:
    """Return the share of files in which every row has its third and fourth number above its first and second."""
    kept = [table[np.isfinite(table).all(axis=1)] for table in rows]
    return float(np.mean([np.all(table[:, 2:] > table[:, :2]) for table in kept])) if kept else 0.0
