"""Reliability: variance components, ranks and their corrections against planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.core.reliability import (
    complete_block,
    components,
    corrected_tau,
    cross_half_tau,
    items_needed,
    kendall_tau,
    reliability,
    split_half_tau,
)
from asymnas.core.winner import chance_of_best_share, holm, not_worse_than_best, paired_p, winners_shrinkage


def expected_tau(reliability_a, reliability_b, tau=1.0):
    """The tau of noisy values of which the true ones have `tau`, both normal."""
    return 2 / np.pi * np.arcsin(np.sin(np.pi / 2 * tau) * np.sqrt(reliability_a * reliability_b))


def table(rng, architectures=40, items=20, architecture=0.5, item=1.0, residual=1.0):
    true = rng.normal(0, architecture, (architectures, 1))
    return true[:, 0], true + rng.normal(0, item, (1, items)) + rng.normal(0, residual, (architectures, items))


def test_components_find_what_was_planted():
    found = components(table(np.random.default_rng(0), 2000, 400, 0.3, 0.7, 1.5)[1])
    assert found.architecture.value == pytest.approx(0.09, rel=0.1)
    assert found.item.value == pytest.approx(0.49, rel=0.2)
    assert found.residual.value == pytest.approx(2.25, rel=0.01)
    assert found.reliability().value == pytest.approx(0.09 / (0.09 + 2.25 / 400), abs=0.01)
    assert found.reliability(20).value == pytest.approx(0.09 / (0.09 + 2.25 / 20), abs=0.03)
    needed = items_needed(found, 0.9)
    assert needed.value == pytest.approx(9 * 2.25 / 0.09, rel=0.1)
    assert needed.low < 225 < needed.high and found.reliability(needed.value).value >= 0.9
    assert found.reliability(needed.value - 1).value < 0.9


@pytest.mark.parametrize(("shape", "architecture"), [((25, 20), 0.1), ((25, 20), 0.5), ((8, 6), 1.0), ((60, 20), 0.0)])
def test_intervals_hold_what_they_say(shape, architecture):
    rng, hits = np.random.default_rng(1), []
    truth = architecture**2 / (architecture**2 + 1 / shape[1])
    for _ in range(400):
        found = components(table(rng, *shape, architecture)[1])
        held = (found.architecture, architecture**2), (found.item, 1.0), (found.residual, 1.0)
        held += ((found.reliability(), truth),)
        hits.append([each.low - 1e-12 <= value <= each.high + 1e-12 for each, value in held])
    low, high = 0.91, 0.985
    for name, rate in zip(("architecture", "item", "residual", "reliability"), np.mean(hits, 0), strict=True):
        assert low < rate < (1.0 if architecture == 0 else high), name  # at zero both tails cannot miss


def test_reliability_is_the_intraclass_correlation_of_consistency():
    # Shrout and Fleiss (1979), table 2: six targets, four judges; ICC(3,4) = 0.91
    values = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    found = reliability(values)
    assert found.value == pytest.approx(0.9093, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((0.676, 0.986), abs=1e-3)
    assert reliability(values, 1).value == pytest.approx(0.7148, abs=1e-4)


def test_missing_cells_leave_the_items_that_all_have():
    _, values = table(np.random.default_rng(2), 10, 12)
    nested = values.copy()
    nested[4:, 5:] = np.nan
    found = components(nested)
    assert (found.architectures, found.items, found.complete) == (10, 5, False)
    assert found.reliability() == components(values[:, :5]).reliability()
    gap = values.copy()
    gap[3, 1:] = np.nan  # one with a single item: it is left out, not all items of the others
    assert len(complete_block(gap).rows) == 9 and len(complete_block(gap).columns) == 12
    unmeasured = values.copy()
    unmeasured[0] = np.nan
    assert complete_block(unmeasured).rows == tuple(range(1, 10))
    for bad in (values[:1], values[:, :1], np.full((3, 3), np.nan), np.array([[np.inf, 1.0], [1.0, 2.0]])):
        with pytest.raises(DataError):
            components(bad)


def test_without_noise_or_without_spread():
    exact = np.arange(4.0)[:, None] + np.arange(3.0)
    assert components(exact).residual.value == 0
    assert (reliability(exact).value, items_needed(components(exact), 0.9).value) == (1, 1)
    alike = np.tile(np.arange(3.0), (4, 1))
    assert reliability(alike).value == 0 and items_needed(components(alike), 0.8).value == np.inf


def test_what_rounding_leaves_of_no_spread_is_none():
    values = np.random.default_rng(0).normal(size=(4, 10))
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    noise = (rest**2).sum() / 27  # the mean square of the rest, and of four architectures whose means spread as much
    spread = np.array([-1.5, -0.5, 0.5, 1.5]) * np.sqrt(noise / 10 / (5 / 3)) * (1 + 1e-13)
    table = rest + spread[:, None]
    assert reliability(table).value == 0 and items_needed(components(table), 0.9).value == np.inf


@pytest.mark.parametrize("tau", [-0.7, 0.0, 0.3, 0.8])
def test_corrected_tau_undoes_the_noise_of_both_sides(tau):
    rng, rho = np.random.default_rng(3), np.sin(np.pi / 2 * tau)
    true = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 3000)
    seen = true + rng.normal(0, [1.0, 0.5], true.shape)
    a, b = 1 / 2, 1 / 1.25
    found = kendall_tau(*seen.T).value
    assert found == pytest.approx(expected_tau(a, b, tau), abs=0.03)
    assert corrected_tau(found, a, b) == pytest.approx(tau, abs=0.06)
    assert corrected_tau(expected_tau(a, b, tau), a, b) == pytest.approx(tau)
    assert corrected_tau(0.9, 0.2, 0.2) == 1 and np.isnan(corrected_tau(0.3, 0, 1))


def test_intervals_of_tau_hold_what_they_say():
    rng, hits = np.random.default_rng(4), []
    for _ in range(400):
        pair = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 30)
        found = kendall_tau(*pair.T)
        hits.append(found.low <= 2 / np.pi * np.arcsin(0.6) <= found.high)
    assert 0.91 < np.mean(hits) < 0.985


def test_split_half_tau_is_that_of_half_the_items():
    _, values = table(np.random.default_rng(5), 300, 40, 0.3)
    half = reliability(values, 20).value
    assert split_half_tau(values, halves=40).value == pytest.approx(expected_tau(half, half), abs=0.04)


def test_measures_of_the_same_items_are_compared_on_different_halves():
    rng = np.random.default_rng(6)
    noise = rng.normal(0, 1, (400, 20))  # all that the two share: neither says anything of an architecture
    a, b = noise + rng.normal(0, 0.1, noise.shape), noise + rng.normal(0, 0.1, noise.shape)
    assert kendall_tau(a.mean(1), b.mean(1)).value > 0.8
    assert abs(cross_half_tau(a, b, halves=40).value) < 0.06


@pytest.mark.parametrize("architecture", [0.0, 0.2, 1.0])
def test_chance_of_the_best_tenth_and_shrinkage_come_true(architecture):
    rng, hits, chances, lost, expected, by_order = np.random.default_rng(7), [], [], [], [], []
    truth = architecture**2 / (architecture**2 + 1 / 20)
    for k in range(600):
        true, values = table(rng, 40, 20, architecture)
        means = values.mean(1)
        winner = int(means.argmax())
        rank = int((true > true[winner]).sum()) if architecture else rng.integers(40)
        hits.append(rank < 4)
        chances.append(chance_of_best_share(means, truth, samples=200, seed=k))
        lost.append(means[winner] - means.mean() - (true[winner] - true.mean()))
        shrinkage = winners_shrinkage(means, truth)
        expected.append(shrinkage.expected)
        by_order.append(shrinkage.by_order)
    assert np.mean(chances) == pytest.approx(np.mean(hits), abs=0.05)
    assert np.mean(expected) == pytest.approx(np.mean(lost), abs=0.015)
    assert np.mean(by_order) == pytest.approx(np.mean(lost), abs=0.015)


def test_paired_tests_err_as_often_as_they_say():
    rng = np.random.default_rng(8)
    p = np.array([paired_p(*rng.normal(0, 1, (2, 15))) for _ in range(600)])
    assert 0.03 < (p < 0.05).mean() < 0.07
    assert paired_p(np.ones(5), np.ones(5)) == 1
    families = rng.random((400, 10))
    assert 0.02 < np.mean([holm(row).min() < 0.05 for row in families]) < 0.08
    assert holm([0.03, 0.01, 0.02]).tolist() == pytest.approx([0.04, 0.03, 0.04])


def test_who_can_be_told_from_the_best():
    rng = np.random.default_rng(9)
    values = rng.normal(0, 1, (1, 60)) + rng.normal(0, 0.1, (9, 60))
    assert not_worse_than_best(values) >= 7
    values[0] += 1
    assert not_worse_than_best(values) == 0
