"""Which source and target each pair comes from: weights, epochs of fixed numbers, and the share of sentences."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.seeding import rng_for
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.lazy import all_of, scene_groups

__all__ = ["LanguageShare", "Mixture", "PairSource"]

log = logging.getLogger("asymnas.tracking.data")


@dataclass(frozen=True, slots=True, eq=False)
class PairSource:
    """One data set to draw pairs from.

    Args:
        dataset: its videos.
        weight: how often the source is drawn, relative to the others' weights, > 0; "videos": as many as it has of what
            `draw` says.
        frame_range: greatest distance of template and search frame, counted in visible frames of the track; >= 0.
        template_frames: the template is one of the first so many visible frames; None for any frame. 1 is what one-pass
            evaluation does.
        pairs: pairs an epoch, "videos" for one of each that `draw` says, None for a share by weight.
        draw: "target" draws each target equally often, "video" each video (or image), and then one of its targets.
        language: share of the described pairs that keep their sentence; None for the sampler's.
    """

    dataset: Dataset
    weight: float | Literal["videos"] = 1.0
    frame_range: int = 100
    template_frames: int | None = None
    pairs: int | Literal["videos"] | None = None
    draw: Literal["target", "video"] = "target"
    language: float | None = None

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"pair source {self.dataset.name}/{self.dataset.split}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageShare:
    """How many pairs carry a sentence.

    Args:
        kept: share of the pairs of described videos that keep their sentence, 0..1; a source may have its own.
        without: share of all pairs that have none; described pairs lose theirs at random to reach it, 0..1. None leaves
            it to the sources. The paper's half.
        volume: share of each source's described targets that keep their sentence at all, 0..1 (the paper's table 8a).
            The targets of a smaller volume are among those of a larger one. `without` counts before this.
        seed: of the choice of these targets.
    """

    kept: float = 1.0
    without: float | None = None
    volume: float = 1.0
    seed: int = 0


class Mixture:
    """The sources and how often each is drawn.

    Without epochs every pair is drawn on its own by the sources' weights. With them (any source has `pairs`, or
    `pairs_per_epoch` is given; sources without `pairs` share the rest by weight) an epoch holds a fixed number of pairs
    of each source, in an order drawn anew every epoch, and a source goes through its videos in an order drawn anew
    every time it is through.

    Raises:
        DataError: numbers that contradict each other, all at once.
    """

    def __init__(
        self,
        sources: Sequence[PairSource],
        *,
        seed: int,
        pairs_per_epoch: int | None = None,
        language: LanguageShare | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self.seed = seed
        self._groups = [scene_groups(item.dataset.videos) if item.draw == "video" else None for item in self.sources]
        self.units = [
            len(source.dataset) if group is None else len(group[1]) - 1
            for source, group in zip(self.sources, self._groups, strict=True)
        ]
        weights = np.array([self._many(i, source.weight) for i, source in enumerate(self.sources)], dtype=np.float64)
        self.pairs = self._pairs(weights, pairs_per_epoch)
        self.shares = weights / weights.sum() if self.pairs is None else self.pairs / self.pairs.sum()
        self._edges = np.cumsum(self.shares)
        self._bounds = None if self.pairs is None else np.cumsum(self.pairs)
        self._share_out(LanguageShare() if language is None else language)

    @property
    def epoch(self) -> int | None:
        """Pairs of one epoch; None where pairs are drawn by weights alone."""
        return None if self._bounds is None else int(self._bounds[-1])

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return a random source and target in it."""
        source = min(int(np.searchsorted(self._edges, rng.random(), side="right")), len(self.sources) - 1)
        return source, self._target(source, int(rng.integers(self.units[source])), rng)

    def planned(self, position: int, rng: np.random.Generator) -> tuple[int, int]:
        """Return source and target of the pair at a position over all epochs; `rng` draws among a video's targets."""
        if self._bounds is None or self.pairs is None:
            raise ValueError("the mixture has no epochs")
        epoch, place = divmod(position, int(self._bounds[-1]))
        slot = int(_order(int(self._bounds[-1]), self.seed, "epoch", epoch)[place])
        source = int(np.searchsorted(self._bounds, slot, side="right"))
        pairs, units = int(self.pairs[source]), self.units[source]
        visit = epoch * pairs + slot - (int(self._bounds[source]) - pairs)
        through, at = divmod(visit, units)
        return source, self._target(source, int(_order(units, self.seed, "source", source, through)[at]), rng)

    def keeps(self, source: int) -> float:
        """Return the share of a source's pairs of described targets that keep their sentence."""
        return self._keeps[source]

    def drops(self, source: int, target: int) -> bool:
        """Whether a target's sentence is left out for the volume of language."""
        dropped = self._dropped_of[source]
        return dropped is not None and bool(dropped[target])

    def summary(self) -> list[dict[str, Any]]:
        """Return a row a source: its name, targets, what is drawn, frame range, share, pairs an epoch."""
        return [
            {
                "source": f"{source.dataset.name}/{source.dataset.split}",
                "targets": len(source.dataset),
                "drawn": f"{self.units[i]} {source.draw}s",
                "frame_range": source.frame_range,
                "share": float(self.shares[i]),
                "pairs_per_epoch": None if self.pairs is None else int(self.pairs[i]),
                "sentences_kept": self._keeps[i],
            }
            for i, source in enumerate(self.sources)
        ]

    def _many(self, index: int, value: float | str) -> float:
        return float(self.units[index] if value == "videos" else value)

    def _target(self, source: int, unit: int, rng: np.random.Generator) -> int:
        group = self._groups[source]
        if group is None:
            return unit
        order, bounds = group
        first, last = int(bounds[unit]), int(bounds[unit + 1])
        return int(order[first if last - first == 1 else first + int(rng.integers(last - first))])

    def _pairs(self, weights: np.ndarray, whole: int | None) -> np.ndarray | None:
        given = [None if item.pairs is None else int(self._many(i, item.pairs)) for i, item in enumerate(self.sources)]
        if whole is None and all(item is None for item in given):
            return None
        is_open = np.array([item is None for item in given])
        stated = sum(item for item in given if item is not None)
        rest = (stated if whole is None else whole) - stated
        problems = []
        if whole is None and is_open.any():
            rule = "`pairs` must be given for every source, or `pairs_per_epoch` for all together"
            problems = [Problem(self.sources[i].where, rule) for i in np.flatnonzero(is_open)]
        elif rest < is_open.sum() or (rest and not is_open.any()):
            more = ", and more for those without" if is_open.any() else ""
            rule = f"must be the sum of the sources' `pairs`, {stated}{more}"
            problems = [Problem("pairs_per_epoch", rule, str(whole), "Change it, or the sources' `pairs`.")]
        if problems:
            raise DataError(problems)
        # Largest remainders: the parts are whole numbers and sum to the rest.
        exact = np.where(is_open, weights, 0.0)
        exact = exact * (rest / exact.sum()) if is_open.any() else exact
        pairs = np.floor(exact).astype(np.int64)
        most = np.argsort(pairs - exact, kind="stable")[: rest - int(pairs.sum())]
        pairs[most] += 1
        return pairs + np.array([item or 0 for item in given], dtype=np.int64)

    def _share_out(self, language: LanguageShare) -> None:
        own = [language.kept if item.language is None else item.language for item in self.sources]
        has = None
        if language.without is not None or language.volume < 1:
            has = [all_of(source.dataset.videos).described for source in self.sources]
        factor = 1.0
        if language.without is not None and has is not None:
            share = sum(self.shares[i] * own[i] * self._described(i, has[i]) for i in range(len(own)))
            factor = min(1.0, (1 - language.without) / share) if share > 0 else 1.0
            if share < 1 - language.without - 0.005:
                log.warning(
                    "%.1f %% of the pairs have no sentence, more than the %.1f %% asked for: the sources have no more",
                    100 * (1 - share), 100 * language.without,
                )  # fmt: skip
        self._keeps = [share * factor for share in own]
        self._dropped_of: list[np.ndarray | None] = [None] * len(self.sources)
        if language.volume < 1 and has is not None:
            self._dropped_of = [
                _dropped(item.dataset, mask, language) for item, mask in zip(self.sources, has, strict=True)
            ]

    def _described(self, source: int, has: np.ndarray) -> float:
        """The share of a source's draws that show a described target."""
        group = self._groups[source]
        if group is None:
            return float(has.mean())
        order, bounds = group
        return float(np.mean(np.add.reduceat(has[order].astype(float), bounds[:-1]) / np.diff(bounds)))


@lru_cache(maxsize=512)
def _order(n: int, seed: int, *purpose: str | int) -> np.ndarray:
    """Return a random order of range(n), (n,) int32, of (seed, purpose)."""
    return rng_for(seed, "shuffle", *purpose).permutation(np.arange(n, dtype=np.int32))


def _dropped(dataset: Dataset, has: np.ndarray, language: LanguageShare) -> np.ndarray:
    """Return (n,) bool, True for the described targets (`has`) that lose their sentence for the volume of language."""
    names, targets = all_of(dataset.videos).names, np.flatnonzero(has)
    prefix = f"{language.seed}\0{dataset.name}\0{dataset.split}\0"
    ranks = {index: hashlib.blake2b((prefix + names[index]).encode(), digest_size=16).digest() for index in targets}
    dropped = np.zeros(len(names), dtype=bool)
    dropped[sorted(targets, key=ranks.__getitem__)[round(language.volume * len(targets)) :]] = True
    return dropped
