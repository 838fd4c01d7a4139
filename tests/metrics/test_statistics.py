"""Standard errors and bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asymnas.errors import DataError
from asymnas.metrics import bootstrap_ci, crossed_bootstrap, mean_se, paired_difference


def test_mean_and_standard_error_agree_with_scipy():
    values = np.random.default_rng(0).random(17)
    mean, se = mean_se(values)
    assert mean == pytest.approx(values.mean())
    assert se == pytest.approx(stats.sem(values))
    assert np.isnan(mean_se(np.array([0.5])).se)


def test_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(1).random(40)
    ours = bootstrap_ci(values, samples=9000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9000, method="percentile", rng=np.random.default_rng(2))
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def test_coverage_is_about_its_level():
    rng = np.random.default_rng(3)
    hits = [bootstrap_ci(rng.normal(1, 1, 30), samples=400, seed=k) for k in range(300)]
    assert 0.88 < np.mean([i.low <= 1 <= i.high for i in hits]) < 0.99


def test_pairs_remove_what_videos_share():
    rng = np.random.default_rng(4)
    hard = rng.random(30)
    a, b = hard + 0.05 + rng.normal(0, 0.01, 30), hard
    assert paired_difference(a, b).clear_of_zero
    assert not paired_difference(b, rng.permutation(b)).clear_of_zero
    with pytest.raises(DataError):
        paired_difference(a, b[:-1])


def test_crossed_bootstrap_widens_with_disagreeing_seeds():
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.02, (3, 40))
    agree = crossed_bootstrap(0.05 + noise)
    disagree = crossed_bootstrap(np.array([[0.2], [0.05], [-0.1]]) + noise)
    assert agree.clear_of_zero
    assert not disagree.clear_of_zero
    assert disagree.high - disagree.low > 3 * (agree.high - agree.low)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="finite"):
        mean_se(np.array([0.1, np.nan]))
