"""NNI as a neighbour: spaces as `nni.mutable` objects, samples both ways, NNI's tuners as searchers."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from asymnas.core.errors import InfeasibleConstraint, SearchSpaceExhausted
from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin
from asymnas.space import Architecture, Constraint, SearchSpace

if TYPE_CHECKING:
    from nni.mutable import Categorical, MutableDict

TRIES_PER_PROPOSAL = 50
"""How often the tuner may propose what was evaluated already, or breaks a constraint, for each architecture wanted."""


def to_nni(space: SearchSpace) -> MutableDict:
    """Lower a space to NNI.

    Every free gene becomes one `Categorical` labelled with its id, and stands at each of its places, so that a tie is a
    shared label. Fixed genes are left out. A constraint on op counts becomes an `ExpressionConstraint` labelled
    `constraint.0.max` and so on. Constraints on MACs and weights are not lowered, being sums over all genes and ops;
    `not_lowered` lists them.

    Returns:
        A `MutableDict` keyed by gene id; its samples are keyed by free gene id.
    """
    from nni.mutable import Categorical, ExpressionConstraint, MutableDict

    free = {gene.id: Categorical(list(gene.ops), label=gene.id) for gene in space.free_genes}
    ordered: dict[str, Any] = {place: free[first] for place, first in space.tied_to.items() if first in free}
    for n, constraint in enumerate(space.constraints):
        if constraint.measure != "count":
            continue
        total, counted = _count_expression(space, constraint, free)
        if counted == 0:
            continue
        for side, limit in (("max", constraint.max), ("min", constraint.min)):
            if limit is not None:
                label = f"constraint.{n}.{side}"
                rule = total <= limit if side == "max" else total >= limit
                ordered[label] = ExpressionConstraint(rule, label=label)
    return MutableDict(ordered)


def not_lowered(space: SearchSpace) -> tuple[Constraint, ...]:
    """Return the constraints that `to_nni` leaves out: those on MACs and weights."""
    return tuple(item for item in space.constraints if item.measure != "count")


def _count_expression(space: SearchSpace, constraint: Constraint, free: Mapping[str, Categorical]) -> tuple[Any, int]:
    """The number of places with the op as an NNI expression, and how many free genes it depends on."""
    from nni.mutable import MutableExpression

    places = set(space.matching(constraint.genes))
    total: Any = sum(op == constraint.op for name, op in space.fixed.items() if name in places)
    counted = 0
    for gene in space.free_genes:
        weight = len(places.intersection(gene.places))
        if weight and constraint.op in gene.ops:
            total = total + MutableExpression.to_int(free[gene.id] == constraint.op) * weight
            counted += 1
    return total, counted


def to_sample(arch: Architecture) -> dict[str, str]:
    """Return an architecture as a sample of `to_nni(arch.space)`: free gene id -> op."""
    return arch.free


def from_nni(sample: Mapping[str, Any], space: SearchSpace) -> Architecture:
    """Read an NNI sample, strictly: every free gene with one of its ops, nothing else.

    Raises:
        ArchitectureMismatch: with all that is wrong.
    """
    return space.expand(sample)


class NNISearcher(Searcher):
    """NNI's TPE or evolution tuner, proposing architectures of a space.

    Proposals that were evaluated already, or break a constraint, are handed back to the tuner as failed trials, or with
    their score, and replaced, in a bounded number of tries. TPE soon repeats itself; NNI would then walk a grid from
    the first op of every gene. Here a mutation of the repeated proposal takes its place, and TPE learns its score. The
    tuner's random states are set from the seed; the process-wide one of NNI's evolution is put back after each call.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        algorithm: `tpe` or `evolution`.
        batch: architectures proposed before results are told; also the size of the evolution's population.

    Raises:
        SearchSpaceExhausted: the space, or the tuner's ideas, run out before the budget.
    """

    name: ClassVar[str] = "nni"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        budget: int,
        algorithm: Literal["tpe", "evolution"] = "tpe",
        batch: int = 50,
    ) -> None:
        super().__init__(space, seed=seed, total=budget, generation_size=min(batch, budget))
        self.algorithm = algorithm
        self._tuner = _Tuner(space, algorithm, seed, self.generation_size)
        self._running: dict[str, int | None] = {}  # architecture key -> the tuner's id of the trial; None: not its own
        self._told = 0  # how much of the archive the tuner knows
        self._next_id = 0

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return what the tuner draws, without what was asked before."""
        for architecture, score in self._archive[self._told :]:
            self._tuner.tell(self._running.pop(architecture.key), architecture.free, score)
        self._told = len(self._archive)
        known = {architecture.key: score for architecture, score in self._archive}
        found: dict[str, Architecture] = {}
        for _ in range(TRIES_PER_PROPOSAL * size):
            if len(found) == size:
                break
            trial, self._next_id = self._next_id, self._next_id + 1
            parameters = self._tuner.ask(trial)
            if parameters is None:
                break
            architecture = from_nni(parameters, self.space)
            taken = self.seen | found.keys()
            own: int | None = trial
            if architecture.key in taken or not self.space.satisfies(architecture):
                repeated = known.get(architecture.key) if self.algorithm == "evolution" else None
                self._tuner.tell(trial, parameters, repeated)
                replacement = self._replacement(architecture, trial, taken) if self.algorithm == "tpe" else None
                if replacement is None:
                    continue
                architecture, own = replacement, None
            found[architecture.key] = architecture
            self._running[architecture.key] = own
        if len(found) < size:
            raise SearchSpaceExhausted(
                f"NNI's {self.algorithm} tuner was asked for {size} new architectures of '{self.space.name}' and found "
                f"{len(found)} in {TRIES_PER_PROPOSAL * size} tries ({len(self.seen)} were asked before). "
                "Lower the budget, loosen the constraints or use the built-in evolution."
            )
        return list(found.values())

    def _replacement(self, architecture: Architecture, trial: int, taken: set[str]) -> Architecture | None:
        """A new architecture near a repeated one, or anywhere where the proposal breaks a constraint."""
        rng = rng_for(self.seed, "search", "nni", "replacement", trial)
        for prob in (0.1, 0.2, 0.4, 0.8):
            try:
                if self.space.satisfies(architecture):
                    other = self.space.mutate(architecture, rng, prob)
                else:
                    other = self.space.sample(rng)
            except InfeasibleConstraint:  # none was drawn this time; the number of tries is bounded
                continue
            if other.key not in taken:
                return other
        return None


class _Repeats:
    """In the place of NNI's deduplicator: lets repeated proposals through, for the searcher to replace."""

    def __call__(self, parameters: Any) -> Any:
        return parameters

    def add_history(self, parameters: Any) -> None:
        """Nothing is to be kept."""


class _Tuner:
    """One of NNI's tuners with all its randomness set from a seed."""

    def __init__(self, space: SearchSpace, algorithm: str, seed: int, population: int) -> None:
        import nni  # noqa: F401 - its import opens the log that is turned down next

        logging.getLogger("nni").setLevel(logging.WARNING)  # it writes every step to stdout, where results go
        rng = rng_for(seed, "search", "nni", algorithm)
        tuner_seed = int(rng.integers(2**31))
        self._random_state = random.Random(int(rng.integers(2**31))).getstate()
        domains = {gene.id: {"_type": "choice", "_value": list(gene.ops)} for gene in space.free_genes}
        if algorithm == "tpe":
            from nni.algorithms.hpo.tpe_tuner import TpeTuner

            self._tuner: Any = TpeTuner(optimize_mode="maximize", seed=tuner_seed)
            self._tuner.update_search_space(domains)
            self._tuner.dedup = _Repeats()
        else:
            from nni.algorithms.hpo.evolution_tuner import EvolutionTuner

            self._tuner = EvolutionTuner(optimize_mode="maximize", population_size=population)
            self._tuner.update_search_space(domains)
            # NNI seeds this state from the operating system and fills the population from it: both are done again.
            self._tuner.random_state = np.random.RandomState(tuner_seed)
            self._tuner.population = []
            for _ in range(population):
                self._tuner._random_generate_individual()

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """NNI's evolution draws from Python's process-wide random state: lend it ours."""
        before = random.getstate()
        random.setstate(self._random_state)
        try:
            yield
        finally:
            self._random_state = random.getstate()
            random.setstate(before)

    def ask(self, trial: int) -> dict[str, str] | None:
        """Return a proposal, or None when the tuner has no more."""
        import nni

        with self._seeded():
            try:
                return dict(self._tuner.generate_parameters(trial))
            except nni.NoMoreTrialError:
                return None

    def tell(self, trial: int | None, parameters: Mapping[str, str], score: float | None) -> None:
        """Take a score, or a failure as None; `trial` None is an architecture that the tuner did not propose."""
        with self._seeded():
            if trial is None:
                if score is not None:
                    self._tuner.import_data([{"parameter": dict(parameters), "value": score}])
            elif score is None:
                self._tuner.trial_end(trial, False)
            else:
                self._tuner.receive_trial_result(trial, parameters, score)


def _build(space: SearchSpace, seed: int, section: Any, algorithm: Literal["tpe", "evolution"]) -> NNISearcher:
    return NNISearcher(space, seed=seed, budget=section.evaluations, algorithm=algorithm, batch=section.population)


tpe = SearcherPlugin("nni_tpe", "NNI's tree-structured Parzen estimator", partial(_build, algorithm="tpe"))
evolution = SearcherPlugin("nni_evolution", "NNI's evolution tuner", partial(_build, algorithm="evolution"))
