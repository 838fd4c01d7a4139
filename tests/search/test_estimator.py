"""The estimator: recovers planted worths, is calibrated, uses cheap measures, is fair to those that stayed longer."""

from __future__ import annotations

import numpy as np
import pytest
from planted_worths import Planted, distinct, fitted, tell, values
from scipy.stats import kendalltau, norm

from asymnas.core.errors import ArchitectureMismatch, EvaluationError
from asymnas.core.seeding import rng_for
from asymnas.search._items import additive_fit, kinship_noise
from asymnas.search.estimator import Estimator
from asymnas.search.worth import Posterior
from asymnas.space import load_space

Z80 = norm.ppf(0.9)


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


@pytest.fixture(scope="module")
def small(space):
    return space.replace(fix={name: "shuffle_3x3" for name in space.matching("search.*")}, name="small")


def test_planted_main_effects_are_found(small):
    worth = Planted(small, 0, main=1.0, pairs=0.0, residual=0.0)
    architectures = distinct(small, 0, 120)
    estimator = fitted(small, architectures, values([worth(item) for item in architectures], 50, 3.0, rng_for(0, "x")))
    effects = estimator.effects()
    truth = np.array([worth.main[row.gene][row.op] for row in effects])
    assert np.corrcoef(truth, [row.mean for row in effects])[0, 1] > 0.9
    inside = np.abs(truth - [row.mean for row in effects]) < Z80 * np.array([row.sd for row in effects])
    assert 0.65 < inside.mean() < 0.97
    components = estimator.components()
    share = sum(sd**2 for sd in components.branches.values())
    assert share > 4 * (components.interactions**2 + components.residual**2)
    assert components.measures["suc"].noise == pytest.approx(3.0, rel=0.05)


def test_branches_are_told_apart(space):
    worth = Planted(space, 1, main=1.0, pairs=0.0, residual=0.0)
    for gene in space.free_genes:
        if not gene.id.startswith("search."):
            worth.main[gene.id] = dict.fromkeys(gene.ops, 0.0)
    architectures = distinct(space, 1, 80)
    table = values([worth(item) for item in architectures], 50, 1.0, rng_for(1, "x"))
    branches = fitted(space, architectures, table).components().branches
    assert set(branches) == {"template", "template mixers", "search", "search mixers"}
    assert branches["search"] > 3 * branches["template"]


def test_ranks_better_than_means_where_noise_is_large(small):
    """And what is best by the estimator is not flattered, as the best mean is."""
    gains, ours, means = [], [], []
    for seed in range(12):
        worth, rng = Planted(small, seed), rng_for(seed, "x")
        architectures = distinct(small, seed, 80)
        truth = np.array([worth(item) for item in architectures])
        table = values(truth, 20, 8.0, rng)
        mean, raw = fitted(small, architectures, table).predict(architectures).mean, table.mean(1)
        gains.append(kendalltau(mean, truth).statistic - kendalltau(raw, truth).statistic)
        ours.append(mean.max() - truth[mean.argmax()])
        means.append(raw.max() - truth[raw.argmax()])
    assert np.mean(gains) > 0.01
    assert np.mean(means) > 1.5
    assert abs(np.mean(ours)) < 0.5


@pytest.mark.parametrize(("told", "noise"), [(6, 2.0), (25, 4.0), (60, 8.0)])
def test_intervals_hold_what_they_say(small, told, noise):
    """80 % intervals hold 70 to 90 %, for architectures seen and unseen, over many planted worths."""
    seen, unseen, reliability, explained = [], [], [], []
    for seed in range(20):
        worth, rng = Planted(small, 100 + seed), rng_for(seed, "x")
        architectures = distinct(small, 100 + seed, told + 40)
        truth = np.array([worth(item) for item in architectures])
        estimator = fitted(small, architectures[:told], values(truth[:told], 20, noise, rng))
        posterior = estimator.predict(architectures)
        inside = np.abs(truth - posterior.mean) < Z80 * posterior.sd
        seen.append(inside[:told].mean())
        unseen.append(inside[told:].mean())
        reliability.append(estimator.components().reliability)
        explained.append(np.corrcoef(posterior.mean[:told], truth[:told])[0, 1] ** 2)
    assert 0.7 < np.mean(seen) < 0.9
    assert 0.7 < np.mean(unseen) < 0.9
    assert np.mean(reliability) == pytest.approx(np.mean(explained), abs=0.15)


def test_items_that_suit_some_ops_are_not_taken_for_worth(small):
    """Noise that relatives share on an item: intervals of the worth over all items still hold what they say."""
    genes, inside, shares = small.free_genes, [], []
    for seed in range(12):
        rng = rng_for(seed, "kinship")
        worth, architectures = Planted(small, seed), distinct(small, seed, 40)
        codes = np.array([[item.free[gene.id] == op for gene in genes for op in gene.ops] for item in architectures])
        suits = rng.standard_normal((codes.shape[1], 25)) * 3.0 / np.sqrt(len(genes))
        table = values([worth(item) for item in architectures], 25, 1.0, rng) + codes @ suits
        estimator = fitted(small, architectures, table)
        found, truth = estimator.predict(architectures), np.array([worth(item) for item in architectures])
        error = found.mean - found.mean.mean() - truth + truth.mean()
        inside += (np.abs(error) < Z80 * found.sd).tolist()
        fit = additive_fit(table)
        shares.append(kinship_noise(fit, estimator._kinship("suc"))[0])
    assert 0.7 < np.mean(inside) < 0.93
    assert 0.6 < np.mean(shares) < 0.95


def test_independent_noise_is_not_taken_for_kinship(small):
    architectures = distinct(small, 3, 40)
    estimator = fitted(small, architectures, values(np.zeros(40), 200, 1.0, rng_for(3, "x")))
    fit = additive_fit(estimator._table("suc"))
    share, covariance = kinship_noise(fit, estimator._kinship("suc"))
    assert share < 0.1
    np.testing.assert_allclose(covariance, fit.covariance, atol=0.1 * fit.covariance[0, 0])


def ladder(space, seed, correlation, counts=(50, 15)):
    """Return truth and posterior means without and with a cheap measure of all; the target is told of some."""
    worth, other, rng = Planted(space, seed), Planted(space, 1000 + seed), rng_for(seed, "x")
    architectures = distinct(space, seed, counts[0])
    truth = np.array([worth(item) for item in architectures])
    cheap = correlation * truth + np.sqrt(1 - correlation**2) * np.array([other(item) for item in architectures])
    table = values(truth[: counts[1]], 20, 3.0, rng)
    with_cheap = Estimator(space, ["loss", "suc"], "suc")
    tell(with_cheap, architectures, values(cheap, 100, 2.0, rng), "loss")
    tell(with_cheap, architectures[: counts[1]], table)
    with_cheap.fit()
    alone = fitted(space, architectures[: counts[1]], table)
    return truth, alone.predict(architectures), with_cheap.predict(architectures), with_cheap.components()


def test_a_cheap_measure_that_goes_with_the_target_helps(small):
    gains, inside, correlations = [], [], []
    for seed in range(10):
        truth, alone, both, components = ladder(small, seed, 0.8)
        gains.append(kendalltau(both.mean, truth).statistic - kendalltau(alone.mean, truth).statistic)
        inside.append((np.abs(truth - both.mean) < Z80 * both.sd).mean())
        correlations.append(components.measures["loss"].correlation)
    assert np.mean(gains) > 0.1
    assert 0.7 < np.mean(inside) < 0.9
    assert 0.55 < np.mean(correlations) < 0.95


def test_a_measure_that_says_nothing_does_little_harm(small):
    losses, correlations = [], []
    for seed in range(8):
        truth, alone, both, components = ladder(small, seed, 0.0, counts=(40, 40))
        losses.append(kendalltau(alone.mean, truth).statistic - kendalltau(both.mean, truth).statistic)
        correlations.append(components.measures["loss"].correlation)
    assert np.mean(losses) < 0.05
    assert abs(np.mean(correlations)) < 0.25


def test_a_measure_that_is_upside_down_is_turned(space):
    truth, alone, both, components = ladder(space, 3, -0.95, counts=(60, 40))
    assert components.measures["loss"].loading < 0
    assert kendalltau(both.mean, truth).statistic > kendalltau(alone.mean, truth).statistic


def test_survivors_of_a_selection_are_judged_fairly(space):
    """Items that only the chosen saw are harder; means punish the chosen, and first items flatter them."""
    naive, first, ours, inside = [], [], [], []
    for seed in range(15):
        worth, rng = Planted(space, seed), rng_for(seed, "x")
        architectures = distinct(space, seed, 40)
        truth = np.array([worth(item) for item in architectures])
        table = truth[:, None] + 4.0 * rng.standard_normal((40, 100))
        table[:, 20:] -= 3.0  # the level of all items is 2.4 lower than that of the first
        chosen = np.argsort(-table[:, :20].mean(1))[:10]
        counts = np.full(40, 20)
        counts[chosen] = 100
        estimator = Estimator(space, ["suc"], "suc")
        tell(estimator, architectures, table, counts=counts)
        estimator.fit()
        posterior, level = estimator.predict(architectures), truth - 2.4
        means = np.array([line[:count].mean() for line, count in zip(table, counts, strict=True)])
        others = np.setdiff1d(np.arange(40), chosen)
        gap = truth[chosen].mean() - truth[others].mean()
        naive.append(means[chosen].mean() - means[others].mean() - gap)
        first.append(table[chosen, :20].mean() - table[others, :20].mean() - gap)
        ours.append(posterior.mean[chosen].mean() - posterior.mean[others].mean() - gap)
        inside.append((np.abs(level - posterior.mean) < Z80 * posterior.sd).mean())
    assert np.mean(naive) < -1.5
    assert np.mean(first) > 0.5
    assert abs(np.mean(ours)) < 0.25
    assert 0.7 < np.mean(inside) < 0.9


def test_shared_noise_is_not_taken_for_shared_worth(space):
    """A measure of the same videos, whose noise is the target's and whose truth is not."""
    correlations, inside = [], []
    for seed in range(8):
        worth, other, rng = Planted(space, seed), Planted(space, 1000 + seed), rng_for(seed, "x")
        architectures = distinct(space, seed, 40)
        truth, own = ([planted(item) for item in architectures] for planted in (worth, other))
        noise = 6.0 * rng.standard_normal((40, 20))
        tables = {"open": values(own, 20, 1.0, rng) + noise, "suc": values(truth, 20, 1.0, rng) + noise}
        estimator = Estimator(space, ["open", "suc"], "suc")
        for name, table in tables.items():
            tell(estimator, architectures, table, name)
        estimator.fit()
        posterior = estimator.predict(architectures)
        correlations.append(estimator.components().measures["open"].correlation)
        inside.append((np.abs(truth - posterior.mean) < Z80 * posterior.sd).mean())
    assert np.mean(correlations) < 0.5
    assert 0.7 < np.mean(inside) < 0.95


def test_the_same_data_give_the_same_bits(space):
    worth, architectures = Planted(space, 4), distinct(space, 4, 30)
    table = values([worth(item) for item in architectures], 10, 3.0, rng_for(4, "x"))
    one, two = (fitted(space, architectures, table) for _ in range(2))
    two.fit()
    a, b = one.predict(architectures), two.predict(architectures)
    assert (a.mean == b.mean).all() and (a.covariance == b.covariance).all()
    assert one.components() == two.components() and one.effects() == two.effects()


def test_items_may_be_told_in_parts(space):
    worth, architectures = Planted(space, 4), distinct(space, 4, 10)
    table = values([worth(item) for item in architectures], 10, 3.0, rng_for(4, "x"))
    parts = Estimator(space, ["suc"], "suc")
    tell(parts, architectures, table[:, :4])
    tell(parts, architectures, table)  # the first four again, and six more
    parts.fit()
    whole = fitted(space, architectures, table)
    assert (parts.predict(architectures).mean == whole.predict(architectures).mean).all()


def test_harder_items_and_other_units_change_no_order(space):
    worth, architectures = Planted(space, 5), distinct(space, 5, 25)
    table = values([worth(item) for item in architectures], 15, 3.0, rng_for(5, "x"))
    plain = fitted(space, architectures, table).predict(architectures)
    shifted = fitted(space, architectures, table + np.arange(15)).predict(architectures)
    scaled = fitted(space, architectures, table * 0.01).predict(architectures)
    np.testing.assert_allclose(shifted.mean, plain.mean + 7, rtol=1e-3)
    np.testing.assert_allclose(shifted.covariance, plain.covariance, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(scaled.mean, plain.mean * 0.01, rtol=1e-3)
    np.testing.assert_allclose(scaled.sd, plain.sd * 0.01, rtol=1e-3)


def test_a_tie_is_one_gene_and_a_fixed_gene_none():
    tied = load_space("tiny_symmetric")
    architectures = distinct(tied, 6, 20)
    table = values(rng_for(6, "x").standard_normal(20), 10, 0.5, rng_for(6, "y"))
    effects = fitted(tied, architectures, table).effects()
    assert {row.gene for row in effects} == {gene.id for gene in tied.free_genes}
    fixed = tied.replace(fix={"template.stage1.block1": "shuffle_3x3"}, name="fixed")
    estimator = fitted(fixed, distinct(fixed, 6, 20), table)
    assert "template.stage1.block1" not in {row.gene for row in estimator.effects()}
    with pytest.raises(ArchitectureMismatch):
        estimator.predict([item for item in architectures if item.genes["template.stage1.block1"] != "shuffle_3x3"])


def test_architectures_of_another_space_count_where_they_fit(space):
    tied = load_space("tiny_symmetric")
    (item,) = distinct(tied, 7, 1)
    estimator = Estimator(space, ["suc"], "suc")
    estimator.tell(item, "suc", {"a": 1.0})
    estimator.tell(space.architecture(item.genes), "suc", {"b": 2.0})
    estimator.fit()
    assert len(estimator.architectures) == 1 and estimator.components().measures["suc"].items == 2


@pytest.mark.parametrize("told", [1, 2, 3])
def test_few_architectures_give_wide_answers(space, told):
    architectures = distinct(space, 8, 6)
    table = values(np.arange(told), 20, 1.0, rng_for(8, "x"))
    estimator = fitted(space, architectures[:told], table)
    posterior = estimator.predict(architectures)
    assert np.isfinite(posterior.mean).all() and (posterior.sd[told:] > 1.5 * posterior.sd[:told].max()).all()
    assert (posterior.sd > 0.15).all()
    assert posterior.chance_of_best(rng_for(8, "z")).sum() == pytest.approx(1)
    assert np.isnan(estimator.components().reliability) == (told == 1)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_values_and_no_noise(space, value):
    architectures = distinct(space, 9, 6)
    posterior = fitted(space, architectures[:4], np.full((4, 3), value)).predict(architectures)
    np.testing.assert_allclose(posterior.mean, value, atol=1e-6)
    assert (posterior.sd[:4] < 1e-3).all() and (posterior.sd[4:] > 1e-2).all()


def test_exact_tables_are_kept(space):
    """One value each without noise, as a table of the truth has: the told keep theirs."""
    worth, architectures = Planted(space, 10), distinct(space, 10, 40)
    truth = np.array([worth(item) for item in architectures])
    posterior = fitted(space, architectures[:30], truth[:30, None]).predict(architectures)
    np.testing.assert_allclose(posterior.mean[:30], truth[:30], atol=1e-4)
    assert (posterior.sd[30:] > 0.1).all()


def test_a_measure_told_once_says_nothing(space):
    architectures = distinct(space, 11, 8)
    table = values(np.arange(8), 10, 1.0, rng_for(11, "x"))
    estimator = Estimator(space, ["loss", "suc", "never"], "suc")
    tell(estimator, architectures, table)
    estimator.tell(architectures[0], "loss", {"a": 3.0})
    estimator.fit()
    alone = fitted(space, architectures, table)
    assert set(estimator.components().measures) == {"suc", "loss"}
    np.testing.assert_allclose(estimator.predict(architectures).mean, alone.predict(architectures).mean, atol=0.3)


def test_a_target_told_once_follows_the_cheap_measure(space):
    architectures = distinct(space, 12, 8)
    estimator = Estimator(space, ["loss", "suc"], "suc")
    tell(estimator, architectures, values(3.0 * np.arange(8), 10, 0.5, rng_for(12, "x")), "loss")
    tell(estimator, architectures[:1], values([0.0], 10, 0.5, rng_for(12, "y")))
    estimator.fit()
    posterior = estimator.predict(architectures)
    assert kendalltau(posterior.mean, np.arange(8)).statistic > 0.9
    assert posterior.sd[0] < 0.5 * posterior.sd[1:].min()


def test_a_space_of_one_point_and_of_one_gene(space):
    genes = space.sample(rng_for(13, "x")).genes
    point = space.replace(fix=genes, name="point")
    (only,) = point.enumerate()
    estimator = fitted(point, [only], np.array([[1.0, 2.0, 3.0]]))
    assert estimator.effects() == [] and estimator.predict([only]).mean == pytest.approx([2.0])
    first = next(iter(genes))
    gene = space.replace(fix={name: op for name, op in genes.items() if name != first}, name="gene")
    architectures = list(gene.enumerate())
    table = values(np.arange(len(architectures)), 30, 0.5, rng_for(13, "y"))
    effects = fitted(gene, architectures, table).effects()
    assert [row.mean for row in effects] == sorted(row.mean for row in effects)
    assert sum(row.mean for row in effects) == pytest.approx(0, abs=1e-9)


def test_the_chance_of_best_of_two_is_the_normal_one():
    posterior = Posterior(np.array([0.0, 1.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    chance = posterior.chance_of_best(rng_for(0, "chance"), samples=40_000)
    assert chance[1] == pytest.approx(norm.cdf(1 / np.sqrt(2.0)), abs=0.01)
    drawn = posterior.draw(rng_for(1, "chance"), 40_000)
    np.testing.assert_allclose(np.cov(drawn.T), posterior.covariance, atol=0.05)
    assert Posterior(np.zeros(3), np.zeros((3, 3))).chance_of_best(rng_for(2, "chance")) == pytest.approx(
        np.full(3, 1 / 3)
    )


def test_errors_say_what_is_missing(space):
    with pytest.raises(EvaluationError, match="no such measure, but got 'sucs'"):
        Estimator(space, ["loss", "suc"], "sucs")
    estimator = Estimator(space, ["loss", "suc"], "suc")
    (item,) = distinct(space, 14, 1)
    with pytest.raises(EvaluationError, match="Did you mean 'loss'"):
        estimator.tell(item, "los", {"a": 1.0})
    with pytest.raises(EvaluationError, match="values must be finite, but got nan for 'a'"):
        estimator.tell(item, "suc", {"a": float("nan")})
    with pytest.raises(EvaluationError, match="Call fit"):
        estimator.predict([item])
    estimator.tell(item, "loss", {"a": 1.0})
    with pytest.raises(EvaluationError, match="target measure 'suc' must be told"):
        estimator.fit()
