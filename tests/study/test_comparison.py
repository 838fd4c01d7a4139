"""A comparison in small on Ray Tune, and what its statistics say."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from asymnas.core.errors import DataError
from asymnas.job import load_compare
from asymnas.study import run_compare
from asymnas.study._compare_statistics import compare_arms


def test_a_difference_in_all_items_and_seeds_is_no_noise(make_summary):
    base = np.random.default_rng(0).random((3, 20))
    arms = {
        "a": {seed: make_summary(base[seed] + 0.1) for seed in range(3)},
        "b": {seed: make_summary(base[seed]) for seed in range(3)},
    }
    _, differences = compare_arms(arms, seeds=[0, 1, 2], samples=500)
    (test,) = [row for row in differences if row.kind == "test"]
    assert test.difference.value == pytest.approx(0.1)
    assert test.difference.clear_of_zero
    assert "SUC" in test.verdict and "a is better" in test.verdict
    assert test.per_seed == pytest.approx([0.1] * 3)


def test_noise_is_called_noise(make_summary):
    rng = np.random.default_rng(1)
    arms = {name: {seed: make_summary(rng.random(20)) for seed in range(3)} for name in "ab"}
    (test,) = [row for row in compare_arms(arms, seeds=[0, 1, 2], samples=500)[1] if row.kind == "test"]
    assert not test.difference.clear_of_zero
    assert "noise" in test.verdict


def test_the_gap_is_validation_minus_test(make_summary):
    arms = {name: {0: make_summary([0.4, 0.6], [0.7, 0.7])} for name in "ab"}
    result = compare_arms(arms, seeds=[0], samples=200)[0]["a"]
    assert result.gap.value == pytest.approx(0.2)
    assert result.seeds[0].gap == pytest.approx(0.2)


def test_different_items_cannot_be_compared(make_summary):
    arms = {name: {0: make_summary([0.1, 0.2]), 1: make_summary([0.1, 0.2, 0.3])} for name in "ab"}
    with pytest.raises(DataError, match="different items"):
        compare_arms(arms, seeds=[0, 1], samples=200)


def test_spaces_scored_on_different_items_cannot_be_compared(make_summary):
    arms = {"a": {0: make_summary([0.1, 0.2])}, "b": {0: make_summary([0.1, 0.2, 0.3])}}
    with pytest.raises(DataError, match=r"test: a and b must be scored on the same items.*synthetic/2"):
        compare_arms(arms, seeds=[0], samples=200)


def test_the_level_is_written_as_it_is(make_summary):
    arms = {name: {0: make_summary([0.1, 0.2, 0.4])} for name in "ab"}
    for level, text in ((0.95, "95% interval"), (0.995, "99.5% interval"), (0.683, "68.3% interval")):
        row, *_ = compare_arms(arms, seeds=[0], samples=200, level=level)[1]
        assert text in row.verdict


def test_arms_run_side_by_side_and_a_resumed_comparison_runs_none_again(small, tmp_path):
    overrides = dict(item.split("=", 1) for item in small)
    values = {key: yaml.safe_load(value) for key, value in overrides.items()}
    values |= {"search.generations": 1, "training.steps": 3, "training.warmup_path_steps": 0}
    values |= {"baselines.random_architectures": 0}
    compare = load_compare(
        {
            "kind": "compare",
            "name": "small",
            "base": "vlt_scar",
            "spaces": ["tiny_symmetric", "tiny_asymmetric"],
            "seeds": [0, 1],
            "overrides": values,
            "bootstrap": {"samples": 200},
            "concurrency": 2,
        }
    )

    class Silent:
        def update(self, *_, **__):
            pass

    summary = run_compare(compare, tmp_path / "run", progress=Silent())
    assert set(summary.spaces) == {"tiny_symmetric", "tiny_asymmetric"}
    assert len(summary.differences) == 3
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*/summary.json")}
    assert len(kept) == 4
    again = run_compare(compare, tmp_path / "run", resume=True, progress=Silent())
    assert again.differences == summary.differences
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
