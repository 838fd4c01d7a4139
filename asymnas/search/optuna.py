"""Optuna's samplers as a searcher, and its measure of how much genes matter."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from asymnas.core.errors import MissingDependency, Problem
from asymnas.core.models import JobModel
from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin
from asymnas.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Sampler = Literal["tpe", "gp", "nsga2", "qmc", "random"]


class OptunaSearcher(Searcher):
    """One of Optuna's samplers, proposing architectures of a space: each free gene is a categorical parameter.

    For every generation a study is made anew from all results so far, with the worths of the estimator where there is
    one, and a sampler seeded by the generation. A proposal that was asked before, or breaks a constraint, is replaced
    by a mutation of it or by a random architecture.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        sampler: `tpe` (tree-structured Parzen estimator), `gp` (Gaussian process), `nsga2` (a genetic algorithm, here
            of one objective), `qmc` or `random`.
        batch: architectures proposed before results are told.

    Raises:
        MissingDependency: Optuna is not installed.
    """

    name: ClassVar[str] = "optuna"

    def __init__(
        self, space: SearchSpace, *, seed: int, budget: int, sampler: Sampler = "tpe", batch: int = 50
    ) -> None:
        if not installed():
            rule, way_out = "needs the package optuna", "Run pip install 'asymnas[optuna]'."
            raise MissingDependency(Problem("search.algorithm", rule, "'optuna'", way_out))
        super().__init__(space, seed=seed, total=budget, generation_size=min(batch, budget))
        self.sampler = sampler
        self._traces: dict[str, dict[str, Any]] = {}  # by key, what the sampler noted of its own proposals

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return what the sampler draws, repeats and what breaks a constraint replaced."""
        rng = rng_for(self.seed, "search", "optuna", generation)
        sampler = _sampler(self.sampler, rng, self.generation_size)
        study = study_of(self.space, self.successes(), sampler, self._traces)
        domains = distributions(self.space)
        notes: dict[str, dict[str, Any]] = {}

        def draw() -> Architecture:
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                trial = study.ask(domains)
            architecture = self.space.expand(trial.params)
            if not self.space.satisfies(architecture):
                architecture = self.space.sample(rng)
            elif architecture.key in self.seen or architecture.key in notes:
                architecture = self.space.mutate(architecture, rng, float(rng.choice([0.1, 0.2, 0.4, 0.8])))
            attributes = study.get_trials(deepcopy=False)[trial.number].system_attrs
            notes.setdefault(architecture.key, dict(attributes))
            return architecture

        found = self.bred(draw, size, rng)
        self._traces |= {key: notes[key] for key in found}
        return self.filled(found, size, rng)


def installed() -> bool:
    """Whether Optuna is there."""
    return find_spec("optuna") is not None


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return the free genes as Optuna's parameters."""
    from optuna.distributions import CategoricalDistribution

    return {gene.id: CategoricalDistribution(gene.ops) for gene in space.free_genes}


def study_of(
    space: SearchSpace,
    results: Sequence[tuple[Architecture, float]],
    sampler: BaseSampler | None = None,
    traces: dict[str, dict[str, Any]] | None = None,
) -> Study:
    """Return a study that has seen (architecture, worth) in this order; `traces`: what its sampler noted of each."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study, domains = optuna.create_study(direction="maximize", sampler=sampler), distributions(space)
    notes = traces or {}

    def trial(architecture: Architecture, worth: float) -> FrozenTrial:
        attributes = notes.get(architecture.key, {})
        return optuna.trial.create_trial(
            params=architecture.free, distributions=domains, value=worth, system_attrs=attributes
        )

    study.add_trials([trial(*result) for result in results])
    return study


def gene_importance(space: SearchSpace, results: Sequence[tuple[Architecture, float]]) -> dict[str, float]:
    """Return the importance of each free gene for being among the best tenth (at least five) by PED-ANOVA (Watanabe et
    al. 2023, https://arxiv.org/abs/2304.10255); they sum to 1.

    {} without Optuna or with fewer than ten results.
    """
    if not installed() or len(results) < 10:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings(action="ignore", category=UserWarning):
        evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, 5 / len(results)))  # at least five are good
        found = get_param_importances(study_of(space, results), evaluator=evaluator)
    return dict(found)


def _sampler(name: Sampler, rng: np.random.Generator, population: int) -> BaseSampler:
    from optuna import samplers

    seed = int(rng.integers(2**31))
    with warnings.catch_warnings(action="ignore"):  # that some are experimental
        if name == "tpe":
            return samplers.TPESampler(seed=seed)
        if name == "gp":
            return samplers.GPSampler(seed=seed, deterministic_objective=False)
        if name == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=max(2, population))
        return samplers.QMCSampler(seed=seed, scramble=True) if name == "qmc" else samplers.RandomSampler(seed=seed)


class OptunaOptions(JobModel):
    """What a job adds."""

    sampler: Sampler = "tpe"
    """Which of Optuna's samplers proposes."""


def _build(space: SearchSpace, seed: int, section: Any) -> OptunaSearcher:
    return OptunaSearcher(
        space, seed=seed, budget=section.evaluations, sampler=section.sampler, batch=section.population
    )


plugin = SearcherPlugin(
    "optuna", "Optuna's samplers: tpe, gp, nsga2, qmc, random (extra `optuna`)", _build, OptunaOptions
)
