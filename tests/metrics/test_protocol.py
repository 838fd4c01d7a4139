"""The success score of one video under named protocols, against plain references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import DataError
from asymnas.tracking.metrics import get_protocol, suc


def _plain_suc(predicted, truth, absent):
    """The LaSOT rules, frame by frame."""
    last = truth[0]
    curve = np.zeros(21)
    for index, (p, t) in enumerate(zip(predicted, truth, strict=True)):
        p = t if index == 0 else (p if np.isfinite(p).all() and p[2] > 0 and p[3] > 0 else last)
        last = p
        if absent[index] or (t[:2] <= -1).any() or (t[2:] <= 0).any():
            continue
        w = max(0, min(p[0] + p[2], t[0] + t[2]) - max(p[0], t[0]))
        h = max(0, min(p[1] + p[3], t[1] + t[3]) - max(p[1], t[1]))
        overlap = w * h / (p[2] * p[3] + t[2] * t[3] - w * h)
        for k in range(21):
            curve[k] += overlap > 0.05 * k
    return (curve / len(truth)).mean()


@given(st.integers(0, 10_000))
def test_suc_equals_the_plain_loop(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 50, (12, 4))
    truth[rng.random(12) < 0.1] = 0
    truth[0] = [5, 5, 10, 10]
    predicted = truth + rng.normal(0, 4, (12, 4))
    predicted[rng.random(12) < 0.2] = np.nan
    absent = rng.random(12) < 0.2
    assert suc(predicted, truth, absent) == pytest.approx(_plain_suc(predicted, truth, absent), abs=1e-12)


def test_a_perfect_tracker_misses_only_the_last_threshold():
    truth = np.tile([3.0, 4.0, 10.0, 12.0], (7, 1))
    assert suc(truth, truth, np.zeros(7, bool)) == pytest.approx(20 / 21)


def test_absent_frames_count_as_misses_under_lasot_and_not_under_visible():
    truth = np.tile([3.0, 4.0, 10.0, 12.0], (4, 1))
    absent = np.array([False, False, True, True])
    assert suc(truth, truth, absent, protocol="lasot") == pytest.approx(10 / 21)
    assert suc(truth, truth, absent, protocol="visible") == pytest.approx(20 / 21)


def test_unknown_protocols_and_unequal_lengths_are_errors():
    with pytest.raises(DataError, match="lasot"):
        get_protocol("lasott")
    with pytest.raises(DataError, match="one length"):
        suc(np.zeros((3, 4)), np.zeros((2, 4)), np.zeros(3, bool))


def test_the_input_is_not_changed():
    truth = np.tile([3.0, 4.0, 10.0, 12.0], (3, 1))
    predicted = truth + 1
    predicted[1] = np.nan
    kept = predicted.copy()
    suc(predicted, truth, np.zeros(3, bool))
    np.testing.assert_array_equal(predicted, kept)
