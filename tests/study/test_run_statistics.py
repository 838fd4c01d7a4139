"""Differences and tables of a run's final stage."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.tracking.task.statistics import above_median, language_effect, parts_table, score_table


def _scores(values):
    return {f"v{index}": float(value) for index, value in enumerate(values)}


def test_above_the_median_of_others():
    rng = np.random.default_rng(0)
    base = rng.random(30)
    others = [_scores(base + shift) for shift in (-0.02, 0.0, 0.02)]
    clear = above_median(_scores(base + 0.1), others)
    assert clear.value == pytest.approx(0.1)
    assert clear.low > 0
    among = above_median(_scores(base), others)
    assert among.low < 0 < among.high


def test_the_effect_of_language_is_paired_and_by_part():
    rng = np.random.default_rng(1)
    names = [f"v{index}" for index in range(20)]
    without = dict(zip(names, rng.random(20), strict=True))
    parts = {name: "critical" if index < 10 else "" for index, name in enumerate(names)}
    with_ = {name: score + (0.2 if parts[name] else 0.0) for name, score in without.items()}
    critical, everything = language_effect(with_, without, parts)
    assert (critical["part"], critical["n"]) == ("critical", 10)
    assert critical["difference"]["value"] == pytest.approx(0.2)
    assert critical["difference"]["low"] > 0
    assert (everything["part"], everything["n"]) == ("all", 20)
    assert everything["difference"]["value"] == pytest.approx(0.1)


def test_tables_hold_means_errors_and_counts():
    videos = _scores([0.2, 0.4, 0.9])
    table = score_table(videos, 33, protocol="lasot")
    assert table["suc"] == pytest.approx(0.5)
    assert table["frames"] == 33
    assert table["se"] == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1) / np.sqrt(3))
    parts = parts_table(videos, {"v0": "a", "v1": "a", "v2": "b"})
    assert parts["a"]["n"] == 2
    assert parts["a"]["suc"] == pytest.approx(0.3)
    assert parts["b"]["n"] == 1


def test_one_video_has_no_standard_error() -> None:
    table = score_table({"a": 0.5}, 6)
    assert (table["suc"], table["se"]) == (0.5, None)
    assert parts_table({"a": 0.5, "b": 0.25}, {"a": "x", "b": "y"})["x"] == {"suc": 0.5, "se": None, "n": 1}
