"""Evolution and random search: the contract, and what is their own."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from asymnas.core.errors import JobError, SearchSpaceExhausted
from asymnas.search import SEARCHERS, EvolutionSearcher, RandomSearcher, distinct_samples
from asymnas.space import distance, load_space
from asymnas.testing._search import SearcherContract, toy_score

SMALL = {"extends": "tiny_asymmetric", "name": "small", "fix": {"search.*": "shuffle_3x3", "*.mixer*": "shuffle_3x3"}}


def evolution(space, seed, **options):
    settings = {"population": 10, "parents": 4, "mutants": 4, "children": 4, "generations": 4} | options
    return EvolutionSearcher(space, seed=seed, **settings)


class TestEvolutionContract(SearcherContract):
    def searcher(self, space, seed):
        return evolution(space, seed)


class TestRandomContract(SearcherContract):
    def searcher(self, space, seed):
        return RandomSearcher(space, seed=seed, budget=30, batch=7)


def finish(searcher, score=lambda architecture: toy_score(architecture.genes.items())):
    while not searcher.done:
        searcher.tell([(item, score(item)) for item in searcher.ask()])
    return searcher


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


def test_published_settings_are_the_defaults(space):
    searcher = EvolutionSearcher(space, seed=0)
    assert searcher.total == 1000
    assert (searcher.generation_size, searcher.parents, searcher.mutants, searcher.children) == (50, 10, 25, 25)
    assert (searcher.mutation_prob, searcher.generations, searcher.crossover) == (0.1, 20, "gene")


def test_every_gene_mutates_in_every_list(space):
    """Every op of every gene is reached by mutants of one parent alone, without any random architecture."""
    searcher = evolution(space, 1, population=20, parents=1, mutants=20, children=0, generations=40)
    first = searcher.ask()
    searcher.tell([(item, 1.0 if item is first[0] else 0.0) for item in first])
    reached = {gene.id: {first[0].genes[gene.id]} for gene in space.genes}
    while not searcher.done:
        asked = searcher.ask()
        for item in asked:
            for name, op in item.genes.items():
                reached[name].add(op)
        searcher.tell([(item, 0.0) for item in asked])
    assert all(reached[gene.id] == set(gene.ops) for gene in space.genes)


def test_children_take_each_gene_from_one_of_two_parents(space):
    searcher = evolution(space, 2, population=12, parents=2, mutants=0, children=12, generations=2)
    first = searcher.ask()
    searcher.tell([(item, float(12 - place)) for place, item in enumerate(first)])
    children = searcher.ask()
    one, two = first[:2]
    assert all(op in (one.genes[name], two.genes[name]) for child in children for name, op in child.genes.items())
    # single genes are exchanged: whole branches could give no more than 2 new ones
    assert len({child.key for child in children}) == 12


def test_branch_crossover_exchanges_whole_branches(space):
    searcher = evolution(space, 2, population=12, parents=2, mutants=0, children=2, generations=2, crossover="branch")
    first = searcher.ask()
    searcher.tell([(item, float(12 - place)) for place, item in enumerate(first)])
    swaps = {
        space.architecture({n: (a if n.startswith("template") else b).genes[n] for n in a.genes}).key
        for a, b in [(first[0], first[1]), (first[1], first[0])]
    }
    assert {child.key for child in searcher.ask()[:2]} == swaps


def test_failures_are_never_parents(space):
    searcher = evolution(space, 3, parents=2, mutants=10, children=0, generations=2)
    first = searcher.ask()
    searcher.tell([(item, 0.1 if place in (7, 8) else None) for place, item in enumerate(first)])
    near = [min(distance(item, first[7]), distance(item, first[8])) for item in searcher.ask()]
    assert max(near) <= 10 < min(distance(first[0], first[7]), distance(first[0], first[8])) + 10
    assert sum(near) / len(near) < 5  # 24 genes at 0.1; unrelated ones differ in 18


def test_generation_without_any_success_is_random_again(space):
    searcher = evolution(space, 4, generations=2)
    searcher.tell([(item, None) for item in searcher.ask()])
    assert len(searcher.ask()) == 10


def test_last_generation_can_win(space):
    searcher = evolution(space, 5)
    finish(searcher, lambda item: float(searcher.generation))
    best, score = searcher.best
    assert score == 3.0
    assert best.key == searcher.archive[30][0].key


def test_better_than_random_on_a_separable_score(space):
    for seed in range(3):
        best = finish(evolution(space, seed, population=30, parents=6, mutants=12, children=12, generations=10)).best[1]
        assert best > finish(RandomSearcher(space, seed=seed, budget=300)).best[1]


def test_small_space_is_searched_to_the_last_point():
    small = load_space(SMALL)
    for searcher in (
        RandomSearcher(small, seed=1, budget=small.size, batch=100),
        evolution(small, 1, population=small.size // 8, parents=5, mutants=10, children=10, generations=8),
    ):
        finish(searcher)
        assert len({item.key for item, _ in searcher.archive}) == small.size


def test_constraints_hold_and_too_few_feasible_is_an_error():
    rare = load_space(SMALL | {"constraints": [{"measure": "count", "op": "shuffle_7x7", "min": 4}]})
    feasible = sum(1 for _ in rare.enumerate())
    assert 10 < feasible < 200
    searcher = finish(RandomSearcher(rare, seed=0, budget=feasible))
    assert all(rare.satisfies(item) for item, _ in searcher.archive)
    with pytest.raises(SearchSpaceExhausted, match=rf"'small' has only {feasible} that keep its constraints"):
        evolution(rare, 0, population=feasible // 2 + 1, parents=2, mutants=2, children=2, generations=2)
    with pytest.raises(SearchSpaceExhausted, match=r"only .* were found in the space 'small'"):
        distinct_samples(rare, np.random.default_rng(0), feasible + 1, set())


def test_ties_are_one_gene():
    tied = load_space("tiny_symmetric")
    for item, _ in finish(evolution(tied, 0)).archive:
        assert all(item.genes[name.replace("template.", "search.")] == op for name, op in item.genes.items())


def test_random_search_is_uniform(space):
    archive = finish(RandomSearcher(space, seed=0, budget=600)).archive
    for gene in space.genes:
        counts = Counter(item.genes[gene.id] for item, _ in archive)
        assert all(100 < counts[op] < 200 for op in gene.ops)


def test_batch_of_random_search_changes_nothing(space):
    one, two = (finish(RandomSearcher(space, seed=9, budget=20, batch=batch)).archive for batch in (3, 20))
    assert one == two


def test_wrong_settings(space):
    with pytest.raises(JobError, match="must not exceed 50, but got 40"):
        EvolutionSearcher(space, seed=0, mutants=40)


SECTION = {
    "population": 6, "parents": 3, "mutants": 2, "children": 2, "mutation_prob": 0.2, "generations": 2,
    "crossover": "stage", "evaluations": 12, "batch": 6, "tournament": 3, "sampler": "tpe",
    "objectives": ["reward", "macs"], "crossover_prob": 0.9,
}  # fmt: skip


def test_searchers_are_built_by_name_from_a_job_s_section(space):
    assert set(SEARCHERS) >= {"evolution", "regularized_evolution", "local", "optuna", "nsga2", "random", "nni_tpe"}
    built = {name: SEARCHERS.get(name).build(space, 3, SimpleNamespace(**SECTION)) for name in SEARCHERS}
    assert all(searcher.total == 12 and searcher.generation_size == 6 for searcher in built.values())
    assert built["evolution"].crossover == "stage" and built["evolution"].mutation_prob == 0.2
    with pytest.raises(JobError, match="Did you mean 'evolution'"):
        SEARCHERS.get("evolutoin")
