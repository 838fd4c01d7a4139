"""NSGA-II: the contract, its sorting against pymoo, the true front of a small space, objectives, what is picked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asymnas.core.errors import DataError, EvaluationError, JobError, RunFolderError
from asymnas.runs.pareto import ParetoFile, ParetoPoint
from asymnas.search import Estimator, Evaluation, RandomSearcher
from asymnas.search.nsga2 import NSGA2Searcher
from asymnas.search.objectives import Objectives, order_by_fronts
from asymnas.space import load_space
from asymnas.testing._search import SearcherContract

SMALL = {"extends": "tiny_asymmetric", "name": "small", "fix": {"search.*": "shuffle_3x3", "*.mixer*": "shuffle_3x3"}}


class TestNSGA2Contract(SearcherContract):
    def searcher(self, space, seed):
        return NSGA2Searcher(space, seed=seed, budget=30, population=8)


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


@pytest.fixture(scope="module")
def small():
    return load_space(SMALL)


def planted(space, seed):
    rng = np.random.default_rng(seed)
    worth = {(gene.id, op): rng.normal() for gene in space.free_genes for op in gene.ops}
    return lambda architecture: sum(worth[item] for item in architecture.free.items())


def evaluation(with_it, without):
    return Evaluation(value=(with_it + without) / 2, by_condition={"with": with_it, "without": without})


def finish(searcher, one, two):
    while not searcher.done:
        asked = searcher.ask()
        results = [evaluation(one(item), two(item)) for item in asked]
        searcher.tell([(item, result.score) for item, result in zip(asked, results, strict=True)], results)
    return searcher


def matrices(columns=3):
    rows = st.integers(1, 30)
    return rows.flatmap(lambda n: arrays(float, (n, columns), elements=st.integers(0, 6).map(float)))


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_fronts_and_crowding_are_pymoo_s(losses):
    metrics = pytest.importorskip("pymoo.operators.survival.rank_and_crowding.metrics")
    sorting = pytest.importorskip("pymoo.util.nds.non_dominated_sorting")
    ranks, crowding = order_by_fronts(losses)
    for rank, front in enumerate(sorting.NonDominatedSorting().do(losses)):
        assert set(front) == set(np.flatnonzero(ranks == rank))
    distinct = np.unique(losses, axis=0)
    plain = np.random.default_rng(len(losses)).normal(size=distinct.shape)  # without equal values, whose order is free
    ranks, crowding = order_by_fronts(plain)
    for rank in np.unique(ranks):
        front = plain[ranks == rank]
        expected = metrics.calc_crowding_distance(front) * front.shape[1]
        if len(front) > 2:
            assert crowding[ranks == rank] == pytest.approx(expected)


def test_finds_the_front_of_an_enumerable_space(small):
    """A quarter of the space gives almost the whole hypervolume, and more than as many random architectures."""
    import moocore

    one, two = planted(small, 1), planted(small, 2)
    everything = np.array([[-one(item), -two(item)] for item in small.enumerate()])
    corner = everything.max(0)
    true = moocore.hypervolume(everything, ref=corner)

    def volume(archive):
        return moocore.hypervolume(np.array([[-one(item), -two(item)] for item, _ in archive]), ref=corner) / true

    budget, shares = small.size // 4, []
    for seed in range(3):
        names = ("condition:with", "condition:without")
        searcher = NSGA2Searcher(small, seed=seed, budget=budget, population=32, objectives=names)
        random = RandomSearcher(small, seed=seed, budget=budget)
        shares.append([volume(finish(item, one, two).archive) for item in (searcher, random)])
    found, by_chance = np.mean(shares, 0)
    assert found > 0.985 and found > by_chance + 0.02


def test_values_of_all_objectives(space):
    names = ["reward", "worst_condition", "condition:without", "macs", "macs.template", "params", "params.search"]
    (architecture,) = RandomSearcher(space, seed=1, budget=1).ask()
    cost = space.cost(architecture)
    row = Objectives(names, space).values([architecture], [0.7], [evaluation(0.5, 0.3)])[0]
    branch = cost.branches
    assert row.tolist() == [
        0.7, 0.3, 0.3, cost.macs, branch["template"].macs, cost.params, branch["search"].params
    ]  # fmt: skip
    assert Objectives(names, space).signs.tolist() == [-1, -1, -1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["reward"], "two or more different"),
        (["reward", "reward"], "two or more different"),
        (["reward", "speed"], "must name an objective, but got 'speed'"),
        (["reward", "reward.template"], "must name an objective"),
        (["reward", "macs.serch"], "Did you mean 'search'"),
        (["reward", "condition"], "must name a condition"),
    ],
)
def test_wrong_objectives(space, names, text):
    with pytest.raises(JobError, match=text):
        Objectives(names, space)


def test_latency_is_a_sum_over_the_genes_of_a_branch(space):
    objectives = Objectives(["reward", "latency", "latency.search"], space)
    assert objectives.timed and not Objectives(["reward", "macs"], space).timed
    rng = np.random.default_rng(0)
    objectives.latency = {gene.id: {op: rng.random() for op in gene.ops} for gene in space.genes}
    architecture = space.sample(rng)
    ((_, whole, search),) = objectives.values([architecture], [0.5], [None])
    times = {gene: objectives.latency[gene][op] for gene, op in architecture.genes.items()}
    assert whole == pytest.approx(sum(times.values()))
    assert search == pytest.approx(sum(value for gene, value in times.items() if gene.startswith("search.")))
    assert objectives.signs.tolist() == [-1, 1, 1]


def test_objectives_of_conditions_need_several(space):
    objectives = Objectives(["worst_condition", "condition:without"], space)
    assert objectives.conditions(["with", "without"]) == []
    assert len(objectives.conditions(["without"])) == 2
    assert "evaluation.language: both" in objectives.conditions(["with"])[0].way_out
    searcher = NSGA2Searcher(space, seed=0, budget=8, population=4, objectives=("reward", "worst_condition"))
    searcher.tell([(item, 0.5) for item in searcher.ask()])
    with pytest.raises(EvaluationError, match="worst_condition was not measured"):
        searcher.ask()


def test_constraints_are_kept():
    rare = load_space(SMALL | {"constraints": [{"measure": "count", "op": "shuffle_7x7", "min": 3}]})
    searcher = finish(NSGA2Searcher(rare, seed=0, budget=60, population=12), planted(rare, 0), planted(rare, 1))
    assert all(rare.satisfies(item) for item, _ in searcher.archive)


def test_screened_children_are_nearer_to_the_front(space):
    score, found = planted(space, 3), []
    for screen in (1, 6):
        searcher = NSGA2Searcher(space, seed=0, budget=60, population=15)
        if screen > 1:
            searcher.estimator, searcher.screen = Estimator(space, ["suc"], "suc", starts=1, draws=0), screen
        while not searcher.done:
            asked = searcher.ask()
            if searcher.estimator is not None:
                for item in asked:
                    searcher.estimator.tell(item, "suc", {"a": score(item), "b": score(item) + 0.01})
                searcher.estimator.fit()
            searcher.tell([(item, score(item)) for item in asked])
        archive = [item for item, _ in searcher.archive]
        found.append(np.array([[-score(item), item.space.cost(item).macs] for item in archive]))
    import moocore

    both = np.concatenate(found)
    scaled = [(part - both.min(0)) / np.ptp(both, 0) for part in found]
    plain, screened = (moocore.hypervolume(part, ref=[1.0, 1.0]) for part in scaled)
    assert screened > plain


def front(rows):
    points = [
        ParetoPoint(key=str(n), genes={}, generation=generation, values={"reward": reward, "macs": macs})
        for n, (generation, reward, macs) in enumerate(rows)
    ]
    return ParetoFile.of(["reward", "macs"], points)


@pytest.fixture(scope="module")
def drawn():
    return front([(0, 0.2, 1e6), (0, 0.1, 5e6), (1, 0.5, 2e6), (1, 0.6, 5e6), (1, 0.55, 4e6), (2, 0.3, 4.5e6)])


def test_the_front_and_its_volume(drawn, tmp_path):
    assert [point.key for point in drawn.points] == ["3", "4", "2", "0"]
    assert drawn.others == [[0.1, 5e6], [0.3, 4.5e6]]
    assert drawn.reference == pytest.approx({"reward": 0.09, "macs": 5.4e6})
    assert drawn.ideal == {"reward": 0.6, "macs": 1e6}
    first = (0.2 - 0.09) / 0.51  # the first point beats the whole width
    assert drawn.hypervolume[0] == pytest.approx(first)
    grid = [(0.2, 1e6), (0.5, 2e6), (0.55, 4e6), (0.6, 5e6)]
    total, last = 0.0, 0.09
    for reward, macs in grid:  # boxes one above the other
        total += (reward - last) / 0.51 * (5.4e6 - macs) / 4.4e6
        last = reward
    assert drawn.hypervolume[1:] == pytest.approx([total, total])
    drawn.write(tmp_path / "pareto.json")
    assert ParetoFile.read(tmp_path / "pareto.json") == drawn


@pytest.mark.parametrize(
    "damage",
    [
        {"points": []},
        {"objectives": ["reward"]},
        {"objectives": ["reward", "speed"]},
        {"reference": {"reward": 0.0}},
        {"others": [[0.1]]},
        {"points": [{"key": "0", "genes": {}, "generation": 0, "values": {"reward": 0.1}}]},
    ],
)
def test_a_damaged_front_is_refused(drawn, tmp_path, damage):
    (tmp_path / "pareto.json").write_text(json.dumps(drawn.model_dump() | damage))
    with pytest.raises(RunFolderError, match="must be the Pareto front of a run"):
        ParetoFile.read(tmp_path / "pareto.json")


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("knee", "2"), ("best-reward", "3"), ("best-macs", "0"), ("2", "4"), ("macs<=4.1e6", "4"),
        ("macs <= 1e6", "0"), ("reward>=0.5", "2"), ("macs>=0", "3"),
    ],
)  # fmt: skip
def test_picks(drawn, wanted, key):
    assert drawn.pick(wanted).key == key


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("elbow", "must be a point of the front, but got 'elbow'.*knee, best-reward, macs<=NUMBER"),
        ("0", "number from 1 to 4"),
        ("5", "number from 1 to 4"),
        ("macs<=e", "must be a point"),
        ("best-speed", "no such objective"),
        ("mac<=1", "Did you mean 'macs'"),
        ("macs<=10", "macs is 1e\\+06 to 5e\\+06"),
    ],
)
def test_wrong_picks(drawn, wanted, text):
    with pytest.raises(DataError, match=text):
        drawn.pick(wanted)


def test_a_front_of_one_point_and_no_spread():
    one = front([(0, 0.5, 1e6), (0, 0.5, 1e6)])
    assert len(one.points) == 2 and one.hypervolume == [0.0]
    assert one.pick("knee").key == "0"
