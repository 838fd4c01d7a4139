"""Standard errors and bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asymnas.core.errors import DataError
from asymnas.core.statistics import bootstrap_ci, crossed_gap, mean_se, paired_difference


def test_mean_and_standard_error_agree_with_scipy():
    values = np.random.default_rng(0).random(17)
    mean, se = mean_se(values)
    assert mean == pytest.approx(values.mean())
    assert se == pytest.approx(stats.sem(values))
    assert np.isnan(mean_se(np.array([0.5])).se)


def test_bootstrap_of_many_values_agrees_with_scipy():
    values = np.random.default_rng(1).random(400)
    ours = bootstrap_ci(values, samples=9000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9000, method="percentile", rng=np.random.default_rng(2))
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.002)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.002)


@pytest.mark.parametrize("count", [2, 3, 6, 30])
def test_coverage_is_about_its_level_for_few_values_too(count):
    rng = np.random.default_rng(3)
    hits = [bootstrap_ci(rng.normal(1, 1, count), samples=300, seed=k) for k in range(250)]
    assert 0.91 < np.mean([i.low <= 1 <= i.high for i in hits]) < 0.99


def test_one_value_is_clear_of_nothing():
    assert not bootstrap_ci(np.array([0.4])).clear_of_zero


@pytest.mark.parametrize("seeds", [1, 3])
def test_coverage_of_a_gap_counts_the_videos_of_both_sides(seeds):
    rng = np.random.default_rng(8)
    hits = []
    for k in range(200):
        a = 0.5 + rng.normal(0, 0.15, (1, 12)) + rng.normal(0, 0.05, (seeds, 12))
        b = 0.4 + rng.normal(0, 0.15, (1, 20)) + rng.normal(0, 0.05, (seeds, 20))
        interval = crossed_gap(a, b, samples=200, seed=k)
        hits.append(interval.low <= 0.1 <= interval.high)
    assert 0.9 < np.mean(hits) < 1


def test_pairs_remove_what_videos_share():
    rng = np.random.default_rng(4)
    hard = rng.random(30)
    a, b = hard + 0.05 + rng.normal(0, 0.01, 30), hard
    assert paired_difference(a, b).clear_of_zero
    assert not paired_difference(b, rng.permutation(b)).clear_of_zero
    with pytest.raises(DataError):
        paired_difference(a, b[:-1])


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="finite"):
        mean_se(np.array([0.1, np.nan]))
