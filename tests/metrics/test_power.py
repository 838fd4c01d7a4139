"""Differences over seeds and items: planted ones are found as often as promised, and others are not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binomtest

from asymnas.core.errors import DataError
from asymnas.core.power import CrossedVariance, crossed_interval, crossed_variance, expected, seeds_needed
from asymnas.core.statistics import Interval

NOISE = 0.14
COMPARISONS = 200


def simulated(variance: CrossedVariance, seeds: int, items: int, effect: float = 0.0, count: int = COMPARISONS):
    """Paired differences (seeds, items) of many comparisons, the arms of which differ by `effect`."""
    rng = np.random.default_rng([seeds, items, round(1e6 * variance.seed), round(1e6 * variance.item)])
    for _ in range(count):
        of_seeds = rng.normal(0, variance.seed**0.5, (seeds, 1))
        of_items = rng.normal(0, variance.item**0.5, (1, items))
        yield effect + of_seeds + of_items + rng.normal(0, variance.interaction**0.5, (seeds, items))


def intervals(*arguments, **more) -> Iterator[Interval]:
    return map(crossed_interval, simulated(*arguments, **more))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("item_sd", [0.0, 0.3])
def test_without_a_difference_one_is_found_in_5_percent(seeds: int, seed_sd: float, item_sd: float) -> None:
    variance = CrossedVariance(seed_sd**2, item_sd**2, NOISE**2)
    wrong = sum(interval.clear_of_zero for interval in intervals(variance, seeds, 60))
    assert binomtest(wrong, COMPARISONS, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize("seeds", [3, 5, 8])
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.05])
def test_a_planted_difference_is_found_with_the_promised_power(seeds: int, seed_sd: float) -> None:
    """Asymmetry matters by as much as is said to be detectable."""
    variance = CrossedVariance(seed_sd**2, 0.03**2, NOISE**2)
    promised = expected(variance, seeds, 60)
    found = list(intervals(variance, seeds, 60, effect=promised.detectable))
    assert binomtest(sum(interval.low > 0 for interval in found), COMPARISONS, 0.8).pvalue > 0.01
    widths = np.array([interval.high - interval.low for interval in found]) / 2
    assert binomtest(int((widths < promised.half_width).sum()), COMPARISONS, 0.5).pvalue > 0.01


def test_equal_arms_are_rarely_called_equivalent_where_they_are_not() -> None:
    variance, margin = CrossedVariance(0.003**2, 0.0, NOISE**2), 0.02
    for effect, few, many in ((margin, 0, 0.05), (0.0, 0.8, 1)):
        found = list(intervals(variance, 8, 400, effect=effect))
        share = np.mean([max(abs(interval.low), abs(interval.high)) < margin for interval in found])
        assert few <= share <= many


def test_variances_are_recovered() -> None:
    planted = CrossedVariance(0.02**2, 0.05**2, NOISE**2)
    found = [crossed_variance(table) for table in simulated(planted, 12, 100, count=300)]
    for name in ("seed", "item", "interaction"):
        assert np.mean([getattr(item, name) for item in found]) == pytest.approx(getattr(planted, name), rel=0.1)


def test_the_interval_of_few_seeds_is_theirs_and_of_many_items_that_of_items() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.02, (3, 40))
    agree = crossed_interval(0.05 + noise)
    disagree = crossed_interval(np.array([[0.2], [0.05], [-0.1]]) + noise)
    assert agree.clear_of_zero and not disagree.clear_of_zero
    one = crossed_interval(noise[:1])
    assert one.high - one.value == pytest.approx(2.0227 * noise[0].std(ddof=1) / 40**0.5, rel=1e-3)
    alone = crossed_interval(np.array([[0.4]]))
    assert (alone.low, alone.high) == pytest.approx((-0.6, 1.4))


def test_seeds_needed_are_the_fewest() -> None:
    variance = CrossedVariance(0.01**2, 0.01**2, NOISE**2)
    needed = seeds_needed(variance, 100, 0.01)
    assert needed is not None
    assert expected(variance, needed, 100).half_width <= 0.01 < expected(variance, needed - 1, 100).half_width
    assert seeds_needed(CrossedVariance(0.0, 0.1**2, 0.0), 50, 0.01) is None


def test_more_of_either_narrows_the_interval() -> None:
    variance = CrossedVariance(0.01**2, 0.02**2, NOISE**2)
    base = expected(variance, 3, 50)
    for seeds, items in ((5, 50), (3, 200)):
        more = expected(variance, seeds, items)
        assert more.half_width < base.half_width and more.detectable < base.detectable


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="finite"):
        crossed_interval(np.array([[0.1, np.nan]]))
