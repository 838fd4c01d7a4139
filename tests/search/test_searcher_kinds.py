"""Regularized evolution, local search and Optuna's samplers: the contract, and what is their own."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from asymnas.core.errors import MissingDependency
from asymnas.core.seeding import rng_for
from asymnas.search import SEARCHERS, Estimator, RandomSearcher
from asymnas.search.local import LocalSearcher
from asymnas.search.optuna import OptunaSearcher, gene_importance
from asymnas.search.regularized_evolution import RegularizedEvolution
from asymnas.space import distance, load_space
from asymnas.testing._search import SearcherContract

pytest.importorskip("optuna")

SMALL = {"extends": "tiny_asymmetric", "name": "small", "fix": {"search.*": "shuffle_3x3", "*.mixer*": "shuffle_3x3"}}


class TestRegularizedContract(SearcherContract):
    def searcher(self, space, seed):
        return RegularizedEvolution(space, seed=seed, budget=30, population=8, tournament=3, batch=4)


class TestLocalContract(SearcherContract):
    def searcher(self, space, seed):
        return LocalSearcher(space, seed=seed, budget=30, batch=4)


class TestTPEContract(SearcherContract):
    def searcher(self, space, seed):
        return OptunaSearcher(space, seed=seed, budget=24, batch=8)


class TestOptunaGeneticContract(SearcherContract):
    def searcher(self, space, seed):
        return OptunaSearcher(space, seed=seed, budget=24, batch=8, sampler="nsga2")


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


def planted(space, seed):
    """A worth that every op of every gene adds to, scaled to sd 1 over the space."""
    rng = np.random.default_rng(seed)
    worth = {(gene.id, op): rng.normal() for gene in space.free_genes for op in gene.ops}
    norm = np.sqrt(len(space.free_genes))
    return lambda architecture: sum(worth[item] for item in architecture.free.items()) / norm


def finish(searcher, score):
    while not searcher.done:
        asked = searcher.ask()
        if searcher.estimator is not None:
            for item in asked:
                searcher.estimator.tell(item, "suc", {"a": score(item), "b": score(item) + 0.01})
            searcher.estimator.fit()
        searcher.tell([(item, score(item)) for item in asked])
    return searcher


KINDS = {
    "regularized_evolution": lambda space, seed: RegularizedEvolution(
        space, seed=seed, budget=120, population=20, tournament=6, batch=5
    ),
    "local": lambda space, seed: LocalSearcher(space, seed=seed, budget=120, batch=10),
    "tpe": lambda space, seed: OptunaSearcher(space, seed=seed, budget=120, batch=20),
}


@pytest.mark.parametrize("kind", KINDS)
def test_better_than_random_on_a_separable_worth(space, kind):
    gains = []
    for seed in range(4):
        score = planted(space, seed)
        best = finish(KINDS[kind](space, seed), score).best[1]
        gains.append(best - finish(RandomSearcher(space, seed=seed, budget=120), score).best[1])
    assert np.mean(gains) > 0.3 and sum(gain > 0 for gain in gains) >= 3


@pytest.fixture(scope="module")
def small():
    return load_space(SMALL)


@pytest.mark.parametrize("kind", ["regularized_evolution", "local"])
def test_finds_the_optimum_of_a_small_separable_space(kind, small):
    score = planted(small, 0)
    best = max(score(item) for item in small.enumerate())
    found = [finish(KINDS[kind](small, seed), score).best[1] for seed in range(3)]
    assert found == pytest.approx([best] * 3)


def test_children_of_regularized_evolution_are_one_gene_from_a_member(space):
    searcher = RegularizedEvolution(space, seed=1, budget=20, population=8, tournament=2, batch=4)
    first = [*searcher.ask()]
    searcher.tell([(item, 0.5) for item in first])
    second = searcher.ask()
    searcher.tell([(item, 0.5) for item in second])
    assert all(min(distance(item, other) for other in [*first, *second]) == 1 for item in searcher.ask())


def test_the_oldest_member_dies_however_good_it_is(space):
    searcher = RegularizedEvolution(space, seed=1, budget=60, population=4, tournament=50, batch=4)
    first = searcher.ask()
    searcher.tell([(item, 9.0 if item is first[0] else 0.0) for item in first])
    children = searcher.ask()
    assert all(distance(item, first[0]) == 1 for item in children)
    searcher.tell([(item, float(place)) for place, item in enumerate(children)])
    assert all(distance(item, children[-1]) == 1 for item in searcher.ask())


def test_local_search_restarts_where_no_neighbour_is_better(space):
    near = sum(len(gene.ops) - 1 for gene in space.free_genes)
    searcher = LocalSearcher(space, seed=0, budget=4 * near, batch=near)
    first = searcher.ask()
    searcher.tell([(item, 1.0 if item is first[3] else 0.0) for item in first])
    beside = searcher.ask()
    assert {item.key for item in beside} == {item.key for item in space.neighbours(first[3])} - {i.key for i in first}
    searcher.tell([(item, 0.5) for item in beside])
    restart = searcher.ask()
    assert np.mean([distance(item, first[3]) for item in restart]) > 10
    searcher.tell([(item, 0.2 if item is restart[5] else 0.1) for item in restart])
    assert all(distance(item, restart[5]) == 1 for item in searcher.ask())


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "qmc", "random"])
def test_optuna_keeps_constraints_and_repeats_nothing_in_a_small_space(sampler):
    rare = load_space(
        {
            "extends": "tiny_asymmetric",
            "name": "rare",
            "fix": {"search.*": "shuffle_3x3", "*.mixer*": "shuffle_3x3"},
            "constraints": [{"measure": "count", "op": "shuffle_7x7", "min": 3}],
        }
    )
    feasible = sum(1 for _ in rare.enumerate())
    searcher = finish(OptunaSearcher(rare, seed=0, budget=feasible, batch=40, sampler=sampler), planted(rare, 1))
    assert len({item.key for item, _ in searcher.archive}) == feasible
    assert all(rare.satisfies(item) for item, _ in searcher.archive)


def test_optuna_s_gaussian_process_proposes_better_ones(small):
    score = planted(small, 5)
    archive = finish(OptunaSearcher(small, seed=0, budget=14, batch=10, sampler="gp"), score).archive
    assert np.mean([value for _, value in archive[10:]]) > np.mean([value for _, value in archive[:10]])


def test_optuna_missing_says_what_to_install(space, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr("asymnas.search.optuna.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"asymnas\[optuna\]"):
        OptunaSearcher(space, seed=0, budget=10)
    assert gene_importance(space, [(space.sample(rng_for(0, "x")), 1.0)] * 20) == {}


@pytest.mark.parametrize("kind", [*KINDS, "evolution"])
def test_the_estimator_screens_proposals(space, kind):
    """What is asked in the end is better where many more are proposed and an estimator chooses."""
    section = {"population": 15, "batch": 15, "tournament": 5, "sampler": "tpe", "evaluations": 90}
    section |= {"parents": 5, "mutants": 7, "children": 7, "mutation_prob": 0.1, "generations": 6, "crossover": "gene"}
    build, gains = SEARCHERS.get("optuna" if kind == "tpe" else kind).build, []
    for seed in range(2):
        score, found = planted(space, seed), []
        for screen in (1, 4):
            searcher = build(space, seed, type("Section", (), section))
            if screen > 1:
                searcher.estimator, searcher.screen = Estimator(space, ["suc"], "suc", starts=1, draws=0), screen
            last = [score(item) for item, _ in finish(searcher, score).archive[-15:]]
            found.append(np.mean(last))
        gains.append(found[1] - found[0])
    assert np.mean(gains) > 0.1


def test_importance_finds_the_genes_that_matter(space):
    one, two = space.free_genes[3].id, space.free_genes[10].id
    score = {op: n for n, op in enumerate(space.free_genes[3].ops)}
    archive = [
        (item, 2.0 * score[item.genes[one]] + score[item.genes[two]])
        for item, _ in finish(RandomSearcher(space, seed=1, budget=200), lambda item: 0.0).archive
    ]
    found = gene_importance(space, archive)
    assert sum(found.values()) == pytest.approx(1)
    assert sorted(found, key=lambda name: -found[name])[:2] == [one, two]
