"""Trackers against the truth: their rows laid along its frames, and the hits at each threshold counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.metrics._frames import Block, Truth
from asymnas.tracking.metrics._kernels import BLOCK, Scratch, distances, overlaps, place

if TYPE_CHECKING:
    from asymnas.tracking.metrics._protocol import Protocol

__all__ = ["Hits", "Rows", "hits", "overlaps_of"]

NOWHERE = (-1e12, -1e12, 0.0, 0.0)
"""What stands for a row without a box: one that overlaps nothing and is near nothing."""

LOST = (2 * NOWHERE[0], *NOWHERE[1:])
"""What stands for a row that the tracker did not give: a miss even where a protocol takes every box for near."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What one tracker did, a row a video.

    Args:
        curves: kind ("success", "precision", "normalised precision") to (V, K) hits at each threshold.
        overlap: (V,) sum of the overlaps of the counted frames.
        covered: (V,) counted frames whose x + y + w + h is positive; only where the protocol measures coverage.
    """

    curves: Mapping[str, np.ndarray]
    overlap: np.ndarray
    covered: np.ndarray


class Rows:
    """One tracker's boxes, laid along the frames of a `Truth` by the protocol's rules of first and invalid rows.

    Rows that the tracker did not give, or all of a video without predictions, are misses of every measure, unless the
    protocol fills missing videos (`Protocol.filling`).

    Attributes:
        short: video to (rows given, frames) where there are too few rows.
        long: likewise where there are too many; they are cut.
        invalid: video to the number of rows without a finite box of positive size; complete once all blocks are filled.

    Raises:
        DataError: predictions that are not (m, 4); all of them at once.
    """

    def __init__(self, truth: Truth, predictions: Mapping[str, np.ndarray]) -> None:
        self.truth = truth
        self.short: dict[str, tuple[int, int]] = {}
        self.long: dict[str, tuple[int, int]] = {}
        self.invalid: dict[str, int] = {}
        self._given: dict[int, int] = {}
        self._parts: list[np.ndarray] = []
        self._merged: np.ndarray | None = None
        problems = []
        for index, (video, frames) in enumerate(zip(truth.videos, truth.lengths.tolist(), strict=True)):
            part = predictions.get(video.name)
            if part is None:
                filling = truth.protocol.filling
                part = np.full((frames, 4), LOST if filling is None else filling)
                if filling is None:
                    self._given[index] = 0
            part = np.asarray(part, np.float64)
            if part.ndim != 2 or part.shape[1] != 4:
                rule = "predicted boxes must be (m, 4): x, y, w, h"
                problems.append(Problem(f"video {video.name}", rule, str(part.shape), "Give one row a frame."))
            elif len(part) > frames:
                self.long[video.name] = (len(part), frames)
            elif len(part) < frames:
                self.short[video.name] = (len(part), frames)
                self._given[index] = len(part)
                part = np.concatenate([part, np.full((frames - len(part), 4), LOST)])
            self._parts.append(part)
        if problems:
            raise DataError(problems)
        if self._given:
            self._mend()

    def fill(self, block: Block, out: np.ndarray) -> None:
        """Write the rows of a block as (4, n) columns."""
        merged = self._merged
        if merged is None:
            for video, source, target in block.pieces:
                out[:, target] = self._parts[video][source].T
            if self.truth.protocol.first_frame_given and len(block.firsts):
                out[:, block.firsts] = self.truth.boxes[:, block.part][:, block.firsts]
            if out[2:].min() > 0 and np.isfinite(out.sum()):
                return
            merged = self._mend()
        np.copyto(out, merged[block.part].T)

    def _mend(self) -> np.ndarray:
        """Put all rows together, count the invalid ones, and replace them by the protocol's rule."""
        truth = self.truth
        boxes = np.concatenate([part[:n] for part, n in zip(self._parts, truth.lengths.tolist(), strict=True)])
        if truth.protocol.first_frame_given:
            boxes[truth.starts] = truth.boxes[:, truth.starts].T
        finite = np.isfinite(boxes).all(1)
        valid = finite & (boxes[:, 2:] > 0).all(1)
        wanted = np.ones(len(boxes), bool)
        for index, rows in self._given.items():
            wanted[truth.starts[index] + rows : truth.starts[index] + truth.lengths[index]] = False
        counts = np.add.reduceat((wanted & ~valid).astype(int), truth.starts)
        self.invalid = {video.name: int(n) for video, n in zip(truth.videos, counts, strict=True) if n}
        if truth.protocol.repair:
            valid[truth.starts] = True
            last = np.maximum.accumulate(np.where(valid, np.arange(len(boxes)), 0))
            boxes, finite = boxes[last], finite[last]
        boxes[~finite] = NOWHERE
        boxes[~wanted] = LOST
        self._merged = boxes
        return boxes


def hits(truth: Truth, trackers: Sequence[Rows]) -> list[Hits]:
    """Count the hits of many trackers; each block of the truth serves all of them while it is in the cache."""
    scratch = Scratch.of(min(BLOCK, truth.boxes.shape[1]))
    tallies = [_Tally(truth) for _ in trackers]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for block in truth.blocks():
            part = scratch.first(block.columns.shape[1])
            offsets = {kind: block.slot * float(len(grid) + 1) for kind, grid in truth.protocol.thresholds.items()}
            for rows, tally in zip(trackers, tallies, strict=True):
                rows.fill(block, part.predicted)
                tally.add(block, part, offsets)
    return [tally.hits() for tally in tallies]


class _Tally:
    """The running counts of one tracker."""

    def __init__(self, truth: Truth) -> None:
        self.protocol = truth.protocol
        videos = len(truth.videos)
        self.tables = {
            kind: np.zeros((videos, len(grid) + 1), np.intp) for kind, grid in self.protocol.thresholds.items()
        }
        self.overlap = np.zeros(videos)
        self.covered = np.zeros(videos)

    def add(self, block: Block, scratch: Scratch, offsets: Mapping[str, np.ndarray]) -> None:
        """Count the frames of one block, whose rows lie in `scratch.predicted`."""
        protocol = self.protocol
        for kind, values in _values(protocol, block, scratch).items():
            if kind == "success" and "AO" in protocol.measures:
                np.multiply(values, block.counts, out=scratch.spare[0])
                self.overlap[block.videos] += np.add.reduceat(scratch.spare[0], block.begins)
            if kind == "success" and protocol.inclusive:  # at or above t is strictly above it for the next number
                values = np.nextafter(values, np.inf)
                values[scratch.predicted[0] <= NOWHERE[0]] = 0
            grid = protocol.thresholds[kind]
            index = place(values, float(grid[1]), scratch)
            index += offsets[kind]
            np.copyto(scratch.index, index, casting="unsafe")
            table, width = self.tables[kind][block.videos], len(grid) + 1
            table += np.bincount(scratch.index, minlength=(len(table) + 1) * width)[:-width].reshape(table.shape)
        if "Coverage" in protocol.measures:
            used = np.multiply(scratch.predicted.sum(0) > 0, block.counts)
            self.covered[block.videos] += np.add.reduceat(used, block.begins)

    def hits(self) -> Hits:
        """Return the hits at each threshold: above it for overlaps, at most it for distances."""
        curves = {}
        for kind, table in self.tables.items():
            if kind == "success":
                curves[kind] = np.cumsum(table[:, :0:-1], axis=1, dtype=float)[:, ::-1]
            else:
                curves[kind] = np.cumsum(table[:, :-1], axis=1, dtype=float)
        return Hits(curves, self.overlap, self.covered)


def _values(protocol: Protocol, block: Block, scratch: Scratch) -> dict[str, np.ndarray]:
    """Return overlap and distances of the frames of one block, none negative or NaN, with the protocol's exceptions.

    `scratch.predicted` is changed as the protocol changes boxes.
    """
    masks, predicted = block.masks, scratch.predicted
    lost = None if masks.near is None and masks.near_scaled is None else predicted[0] == LOST[0]
    protocol.shape(predicted, block.limits)
    values = dict(zip(protocol.thresholds, scratch.values, strict=False))
    overlaps(predicted, block.columns, values["success"], scratch)
    if protocol.clip:
        np.minimum(values["success"], scratch.ones, out=values["success"])
    if masks.missed is not None:
        values["success"][masks.missed] = 0
    if "precision" in values:
        distances(predicted, block.columns, values["precision"], values.get("normalised precision"), scratch)
    apart = (("precision", masks.near, masks.far), ("normalised precision", masks.near_scaled, masks.far_scaled))
    for kind, near, far in apart:
        if kind in values:
            grid = protocol.thresholds[kind]
            beyond = len(grid) * float(grid[1])
            np.fmin(values[kind], beyond, out=values[kind])  # NaN too
            if near is not None and lost is not None:
                values[kind][near & ~lost] = 0
            if far is not None:
                values[kind][far] = beyond
    return values


def overlaps_of(truth: Truth, rows: Rows) -> np.ndarray:
    """Return the overlap of every frame, (N,), -1 where the protocol makes it a miss."""
    found = np.empty(truth.boxes.shape[1])
    scratch = Scratch.of(min(BLOCK, len(found)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for block in truth.blocks():
            part = scratch.first(block.columns.shape[1])
            rows.fill(block, part.predicted)
            found[block.part] = _values(truth.protocol, block, part)["success"]
    if truth.masks.missed is not None:
        found[truth.masks.missed] = -1
    return found
