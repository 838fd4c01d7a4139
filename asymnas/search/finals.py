"""The finals: the best of a search are measured again on items that chose nothing, and the best of them wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asymnas.core.errors import EvaluationError
from asymnas.core.seeding import rng_for
from asymnas.search._run import Climb, SearchResult
from asymnas.search.results import Evaluation
from asymnas.space import Architecture

DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Finalist:
    """One of the best.

    Args:
        architecture: the architecture.
        evaluation: what it scored in the finals, on the last rung.
        worth: what it is worth by the estimator, all evidence taken together; without one its value in the finals.
        sd: standard deviation of `worth`; without an estimator the standard error.
        chance: probability that it is the best of the finalists.
    """

    architecture: Architecture
    evaluation: Evaluation
    worth: float
    sd: float
    chance: float


def run_finals(found: SearchResult, count: int, climb: Climb, *, seed: int) -> tuple[SearchResult, list[Finalist]]:
    """Measure the `count` best of a search again and return the search's result with the winner, and all finalists:
    without an estimator those that reached the highest rung of the finals.

    Args:
        found: what the search ended with.
        count: how many.
        climb: measures them on the items of the finals; its estimator, the search's, has the evidence of the search.
        seed: of the draws behind `chance`.

    Raises:
        EvaluationError: none could be scored.
    """
    entrants = [architecture for architecture, _ in found.ranked[:count]]
    results = climb(entrants, 0)
    scored = [(one, result) for one, result in zip(entrants, results, strict=True) if result.ok]
    if not scored:
        raise EvaluationError(f"{climb.stage}: no finalist could be scored. The last error was: {results[-1].error}")
    finalists = _judged([one for one, _ in scored], [result for _, result in scored], climb, seed)
    reached = [0 if climb.estimator is not None else item.evaluation.rung or 0 for item in finalists]
    order = sorted(range(len(finalists)), key=lambda place: (-reached[place], -finalists[place].worth))
    finalists = [finalists[place] for place in order]
    best = finalists[0]
    return replace(found, best=best.architecture, best_evaluation=best.evaluation), finalists


def _judged(entrants: list[Architecture], results: Sequence[Evaluation], climb: Climb, seed: int) -> list[Finalist]:
    rng = rng_for(seed, climb.stage, "chance")
    if climb.estimator is not None:
        climb.estimator.fit()
        posterior = climb.estimator.predict(entrants)
        worth, sd = posterior.mean, posterior.sd
        chance = posterior.chance_of_best(rng, DRAWS)
    else:  # the bootstrap over the items that all have
        common = [name for name in results[0].items if all(name in result.items for result in results)]
        values = np.array([[result.items[name] for name in common] for result in results])  # (finalists, items)
        worth = np.array([result.value for result in results], float)
        sd = np.array([result.se or 0.0 for result in results], float)
        counts = rng.multinomial(len(common), np.full(len(common), 1 / len(common)), DRAWS)  # (DRAWS, items)
        drawn = values @ counts.T  # (finalists, DRAWS)
        best = drawn == drawn.max(0)
        chance = (best / best.sum(0)).mean(1)  # equal ones share
    rows = zip(entrants, results, worth.tolist(), sd.tolist(), chance.tolist(), strict=True)
    return [Finalist(*row) for row in rows]
