"""The ask/tell contract of a searcher, and the drawing of distinct architectures that all searchers share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel

from asymnas.core.errors import EvaluationError, InfeasibleConstraint, JobError, SearchSpaceExhausted
from asymnas.core.plugins import Registry
from asymnas.space import ENUMERABLE, Architecture, SearchSpace, available

if TYPE_CHECKING:
    from asymnas.search.estimator import Estimator
    from asymnas.search.results import Evaluation


TRIES_PER_CHILD = 10
"""Draws for each child that a searcher wants, before it goes without."""


class Searcher(ABC):
    """Proposes architectures generation by generation; it never evaluates.

    What is asked is a function of (space, settings, seed, results so far) alone, so a new searcher that gets the same
    results asks the same architectures. A generation is asked
    completely before the next one is proposed, and no architecture is asked twice.

    Args:
        space: where architectures come from.
        seed: >= 0; decides every draw.
        total: how many architectures are asked over the whole search.
        generation_size: how many belong to one generation; the last one may be smaller.

    Attributes:
        seen: keys of all architectures asked so far; `space`, `seed`, `total` and `generation_size` are there too.
        estimator: what architectures are worth, fitted by whoever runs the search before results are told; where there
            is one, `ranked` goes by its posterior mean, and not by the scores alone.
        screen: how many architectures are proposed for each that is asked, where there is an estimator.
        evaluations: by an architecture's key all that was measured of it, where it was told.

    Raises:
        SearchSpaceExhausted: the space has fewer than `total` architectures (see `asymnas.space.available`).
    """

    name: ClassVar[str]

    def __init__(self, space: SearchSpace, *, seed: int, total: int, generation_size: int) -> None:
        found = available(space, total)
        if found < total:
            kept = f" that keep its constraints, of {space.size}" if space.constraints else ""
            raise SearchSpaceExhausted(
                f"{self.name} search asks for {total} distinct architectures, but the space '{space.name}' has only "
                f"{found}{kept}. Lower the budget or free more genes."
            )
        self.space, self.seed, self.total, self.generation_size = space, seed, total, generation_size
        self._archive: list[tuple[Architecture, float | None]] = []
        self._plan: list[Architecture] = []  # of the current generation, not told yet
        self._asked = 0  # how many of the plan are out for evaluation
        self.seen: set[str] = set()
        self.estimator: Estimator | None = None
        self.screen = 1
        self.evaluations: dict[str, Evaluation] = {}

    @property
    def archive(self) -> list[tuple[Architecture, float | None]]:
        """All (architecture, score) in the order they were told; score None for a failed evaluation."""
        return list(self._archive)

    @property
    def generation(self) -> int:
        """Index of the generation that is being asked or told, from 0."""
        return min(len(self._archive), self.total - 1) // self.generation_size

    @property
    def generations(self) -> int:
        """Number of generations of the whole search."""
        return math.ceil(self.total / self.generation_size)

    @property
    def done(self) -> bool:
        """Whether every architecture of the budget was told."""
        return len(self._archive) >= self.total

    @property
    def best(self) -> tuple[Architecture, float] | None:
        """The architecture with the highest score, the first told of equals, and its score; None before any success."""
        ranked = self.ranked()
        return ranked[0] if ranked else None

    def ranked(self) -> list[tuple[Architecture, float]]:
        """All successes and their scores (their worth by the estimator where there is one), best first; equal ones stay
        in the order they were told. Without an estimator those that a rung of the ladder left behind, whose scores are
        of fewer items, come after those that it did not."""
        successes = [(architecture, score) for architecture, score in self._archive if score is not None]
        if self.estimator is not None and successes:
            found = [architecture for architecture, _ in successes]
            successes = list(zip(found, self.estimator.predict(found).mean.tolist(), strict=True))
            return sorted(successes, key=lambda item: -item[1])
        return sorted(successes, key=lambda item: (-self._rung(item[0]), -item[1]))

    def _rung(self, architecture: Architecture) -> int:
        found = self.evaluations.get(architecture.key)
        return 0 if found is None else found.rung or 0

    def screened(self, proposals: Sequence[Architecture], count: int, rng: np.random.Generator) -> list[Architecture]:
        """Return `count` of the proposals: for each place the best of a draw of what all are worth (Thompson sampling).

        Without an estimator, or with no more than `count` proposals, the first ones.
        """
        if self.estimator is None or not self._archive or len(proposals) <= count:
            return list(proposals[:count])
        chosen: list[int] = []
        for worth in self.estimator.predict(proposals).draw(rng, count):
            worth[chosen] = -np.inf
            chosen.append(int(np.argmax(worth)))
        return [proposals[index] for index in chosen]

    def bred(
        self, draw: Callable[[], Architecture], wanted: int, rng: np.random.Generator, taken: Iterable[str] = ()
    ) -> dict[str, Architecture]:
        """Draw up to `wanted` new architectures, by key: with an estimator the best of `screen` times as many.

        Args:
            draw: makes a child; one that was asked before, is among `taken`, or cannot keep the constraints is drawn
                again, `TRIES_PER_CHILD` draws for each in all.
            wanted: how many.
            rng: of the choice among the proposals.
            taken: keys that are not to be drawn.
        """
        proposals: dict[str, Architecture] = {}
        unwanted = self.seen | set(taken)
        count = wanted * (self.screen if self.estimator is not None and self._archive else 1)
        for _ in range(TRIES_PER_CHILD * count):
            if len(proposals) == count:
                break
            try:
                architecture = draw()
            except InfeasibleConstraint:
                continue  # of these parents no child keeps the constraints; others or random ones take the place
            if architecture.key not in unwanted:
                proposals.setdefault(architecture.key, architecture)
        return {item.key: item for item in self.screened(list(proposals.values()), wanted, rng)}

    def ask(self, n: int | None = None) -> list[Architecture]:
        """Return the next architectures to evaluate.

        Args:
            n: at most so many; None for all that the generation still has.

        Returns:
            Architectures never asked before; empty when the generation waits for results or the search is done.

        Raises:
            SearchSpaceExhausted: no further distinct architecture was found.
            InfeasibleConstraint: no architecture meets the constraints of the space.
        """
        if self.done:
            return []
        if not self._plan:
            size = min(self.generation_size, self.total - len(self._archive))
            self._plan = self.propose(self.generation, size)
            self.seen.update(architecture.key for architecture in self._plan)
        end = len(self._plan) if n is None else min(self._asked + n, len(self._plan))
        asked = self._plan[self._asked : end]
        self._asked = end
        return asked

    def tell(
        self, results: Iterable[tuple[Architecture, float | None]], evaluations: Iterable[Evaluation] = ()
    ) -> None:
        """Take results in the order the architectures were asked; a score of None is a failed evaluation.

        `evaluations` are of the same architectures, for searchers that look at more than the score.

        Raises:
            EvaluationError: an architecture was not asked, comes out of order, or its score is not finite.
        """
        told = iter(evaluations)
        for architecture, score in results:
            if not self._asked or self._plan[0].key != architecture.key:
                raise EvaluationError(f"architecture {architecture.key} was told, but it is not the next one asked.")
            if score is not None and not math.isfinite(score):
                raise EvaluationError(f"architecture {architecture.key} scored {score}; a failure is told as None.")
            self._archive.append((self._plan.pop(0), None if score is None else float(score)))
            self._asked -= 1
            evaluation = next(told, None)
            if evaluation is not None:
                self.evaluations[architecture.key] = evaluation

    @abstractmethod
    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return `size` distinct architectures whose keys are not in `seen`, drawn by `rng_for(seed, ...)` alone."""


@dataclass(frozen=True, slots=True)
class SearcherPlugin:
    """What a package registers for a searcher (entry-point group `asymnas.searchers`).

    Args:
        name: as a job's `search.algorithm` names it.
        summary: one line for `asymnas list searchers`.
        build: (space, seed, section) -> searcher; `section` is the job's `search` section, with its own `population`
            and `evaluations` (the budget) and all that `options` adds.
        options: pydantic model of the keys that this searcher adds to the section; None for none.
    """

    name: str
    summary: str
    build: Callable[[SearchSpace, int, Any], Searcher]
    options: type[BaseModel] | None = None


SEARCHERS: Registry[SearcherPlugin] = Registry(
    "searcher", "asymnas.searchers", "asymnas.search.searcher:SearcherPlugin", JobError
)
"""The searchers: evolution, random, NNI's, and those of installed packages."""


def distinct_samples(space: SearchSpace, rng: np.random.Generator, count: int, seen: set[str]) -> list[Architecture]:
    """Draw `count` distinct architectures uniformly among those whose keys are not in `seen`.

    Draws are bounded. Where they run out in a small space, the rest is drawn from its enumeration, so that an error
    means that there really are too few.

    Raises:
        SearchSpaceExhausted: fewer than `count` new architectures exist, or were found in a large space.
    """
    found: dict[str, Architecture] = {}
    for _ in range(10 * count + 100):
        if len(found) == count:
            return list(found.values())
        architecture = space.sample(rng)
        if architecture.key not in seen:
            found.setdefault(architecture.key, architecture)
    if space.size <= ENUMERABLE:
        rest = [a for a in space.enumerate() if a.key not in seen and a.key not in found and space.satisfies(a)]
        for index in rng.permutation(len(rest))[: count - len(found)]:
            found[rest[index].key] = rest[index]
    if len(found) < count:
        raise SearchSpaceExhausted(
            f"{count} more distinct architectures are needed, but only {len(found)} were found in the space "
            f"'{space.name}' ({space.size} points before constraints, {len(seen)} used already). "
            "Lower the budget, loosen the constraints or free more genes."
        )
    return list(found.values())
