"""What the statistics of a comparison say, and a comparison in small on Ray Tune."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from scipy.stats import binomtest

from asymnas.core import power
from asymnas.core.errors import DataError
from asymnas.core.power import CrossedVariance, expected
from asymnas.core.statistics import weighted_se
from asymnas.job import load_compare
from asymnas.report.comparison import comparison_sections
from asymnas.runs import CompareSummary
from asymnas.runs.summary import ClimbedReward
from asymnas.study import run_compare
from asymnas.study._compare_statistics import CompareSettings, compare_arms

THREE = CompareSettings([0, 1, 2], samples=200)
ONE = CompareSettings([0], samples=200)


def row_of(arms, settings=THREE):
    """The one difference of two arms in the test score."""
    (row,) = [row for row in compare_arms(arms, settings)[1] if row.kind == "test"]
    return row


def arms_of(make_summary, first, other):
    """Two arms with these scores (seeds, items)."""
    return {name: dict(enumerate(map(make_summary, rows))) for name, rows in (("a", first), ("b", other))}


def test_a_difference_in_all_items_and_seeds_is_no_noise(make_summary):
    base = np.random.default_rng(0).random((3, 20))
    test = row_of(arms_of(make_summary, base + 0.1, base))
    assert test.difference.value == pytest.approx(0.1)
    assert test.difference.clear_of_zero and not test.equivalent
    assert "SUC" in test.verdict and "a is better" in test.verdict
    assert test.per_seed == pytest.approx([0.1] * 3)


def test_noise_is_called_noise(make_summary):
    rng = np.random.default_rng(1)
    test = row_of(arms_of(make_summary, rng.random((3, 20)), rng.random((3, 20))))
    assert not test.difference.clear_of_zero and not test.equivalent
    assert "noise" in test.verdict and "undecided" in test.verdict


def test_arms_that_surely_differ_by_little_are_equivalent(make_summary):
    rng = np.random.default_rng(2)
    base = rng.random((3, 50))
    for shift, said in ((0.0, "equivalent"), (0.006, "a is better at this budget, and the difference is smaller")):
        test = row_of(arms_of(make_summary, base + shift + rng.normal(0, 0.003, base.shape), base))
        assert test.equivalent and said in test.verdict and "smaller than 0.01 either way" in test.verdict


@pytest.mark.parametrize(
    ("seed_sd", "item_sd", "largest"), [(0.1, 0.0, "seed"), (0.0, 0.5, "item"), (0.0, 0.0, "interaction")]
)
def test_the_variance_is_shared_out_to_what_made_it(make_summary, seed_sd, item_sd, largest):
    rng = np.random.default_rng(3)
    paired = rng.normal(0, seed_sd, (12, 1)) + rng.normal(0, item_sd, (1, 60)) + rng.normal(0, 0.05, (12, 60))
    outlook = row_of(arms_of(make_summary, paired, 0 * paired), CompareSettings(range(12), samples=100)).outlook
    assert max(outlook.share, key=outlook.share.get) == largest
    assert sum(outlook.share.values()) == pytest.approx(1)
    assert (outlook.prospects[0].seeds, outlook.prospects[0].items) == (12, 60)


@pytest.mark.parametrize("seeds", [3, 5])
def test_planted_asymmetry_is_found_as_often_as_promised_and_none_in_5_percent(make_summary, monkeypatch, seeds):
    """200 comparisons, in which asymmetry matters by what was said to be detectable, and 200 in which it does not."""
    variance, items, rng = CrossedVariance(0.01**2, 0.02**2, 0.14**2), 24, np.random.default_rng(seeds)
    detectable = expected(variance, seeds, items).detectable
    monkeypatch.setattr(power, "DRAWS", 100)
    settings, found = CompareSettings(range(seeds), samples=100), {0.0: 0, detectable: 0}
    for effect in found:
        for _ in range(200):
            base = 0.4 + rng.normal(0, 0.2, items)
            noise = rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, 0.02, items) + rng.normal(0, 0.14, (seeds, items))
            row = row_of(arms_of(make_summary, base + effect + noise, np.tile(base, (seeds, 1))), settings)
            found[effect] += row.difference.low > 0 if effect else row.difference.clear_of_zero
    assert binomtest(found[detectable], 200, 0.8).pvalue > 0.01
    assert binomtest(found[0.0], 200, 0.05, alternative="greater").pvalue > 0.01


def test_a_reward_with_a_rule_of_its_own_is_compared_by_it(make_summary):
    """A ratio of sums, of which the mean of the items says something else."""
    rng = np.random.default_rng(4)
    hits, weights = rng.random((3, 40)), np.where(np.arange(40) < 5, 20.0, 1.0)

    def rule(values, items):
        weight = np.array([weights[int(item.rpartition("/")[2])] for item in items])
        return float(weight @ values / weight.sum())

    other = hits - np.where(weights > 1, 0.2, 0.0)
    settings = CompareSettings([0, 1, 2], samples=100, rule=rule)
    test = row_of(arms_of(make_summary, hits, other), settings)
    assert test.difference.value == pytest.approx(0.2 * 100 / 135)
    plain = row_of(arms_of(make_summary, hits, other))
    assert plain.difference.value == pytest.approx(0.025)
    half = 2.02 * weighted_se((hits - other)[0], weights)
    assert test.difference.high - test.difference.value == pytest.approx(half, rel=0.25)


def test_the_rule_of_the_mean_is_the_mean(make_summary):
    rng = np.random.default_rng(5)
    arms = arms_of(make_summary, rng.random((3, 12)), rng.random((3, 12)))
    settings = CompareSettings([0, 1, 2], samples=100, rule=lambda values, items: float(np.mean(values)))
    assert row_of(arms, settings).difference.low == pytest.approx(row_of(arms).difference.low)


def test_named_parts_of_the_test_are_compared_too(make_summary):
    base = np.random.default_rng(6).random((3, 20))
    gain = np.where(np.arange(20) < 5, 0.1, 0.0)
    parts = {f"synthetic/{i}": "critical" if i < 5 else "standard" for i in range(20)}
    settings = CompareSettings([0, 1, 2], samples=100, parts=parts)
    rows = {row.kind: row for row in compare_arms(arms_of(make_summary, base + gain, base), settings)[1]}
    assert list(rows) == ["test", "test critical", "test standard", "validation", "random_search"]
    assert [row.items for row in rows.values()] == [20, 5, 15, 2, 20]
    assert rows["test critical"].difference.value == pytest.approx(0.1)
    assert rows["test standard"].difference.value == pytest.approx(0.0)
    alone = CompareSettings([0, 1, 2], parts=dict.fromkeys(parts, "standard"))
    assert alone.kinds == ["test", "validation", "random_search"]


def test_the_gap_is_validation_minus_test(make_summary):
    arms = {name: {0: make_summary([0.4, 0.6], [0.7, 0.7])} for name in "ab"}
    result = compare_arms(arms, ONE)[0]["a"]
    assert result.gap.value == pytest.approx(0.2)
    assert result.seeds[0].gap == pytest.approx(0.2)
    assert result.budget == 4


def test_scores_of_two_rewards_have_no_gap(make_summary):
    arms = {name: {0: make_summary([0.4, 0.6], [-1.7, -1.5])} for name in "ab"}
    climbed = ClimbedReward(name="pair_loss", title="pair loss", noun="pairs")
    arms = {name: {0: by_seed[0].model_copy(update={"climbed": climbed})} for name, by_seed in arms.items()}
    results, differences = compare_arms(arms, ONE)
    assert results["a"].gap is None and results["a"].seeds[0].gap is None and "gap" not in results["a"].mean
    settings = CompareSettings([0], samples=100, rule=lambda values, items: 0.5 * float(np.mean(values)))
    low = make_summary([0.2, 0.2], [-1.0, -1.0]).model_copy(update={"climbed": climbed})
    wholes = {row.kind: row for row in compare_arms({**arms, "b": {0: low}}, settings)[1]}
    assert wholes["test"].difference.value == pytest.approx(0.15)  # by the reward's rule
    assert wholes["validation"].difference.value == pytest.approx(-0.6)  # the mean
    titles = {row.kind: row.verdict for row in differences}
    assert "+0.0000 SUC" in titles["test"] and "+0.0000 pair loss" in titles["validation"]


def test_one_seed_says_nothing_of_others(make_summary):
    row = row_of({"a": {0: make_summary([0.1, 0.2, 0.4])}, "b": {0: make_summary([0.3, 0.2, 0.4])}}, ONE)
    assert "One seed says nothing" in row.verdict
    assert {item.seeds for item in row.outlook.prospects} == {1} and row.outlook.seeds_needed is None


def test_different_items_cannot_be_compared(make_summary):
    arms = {name: {0: make_summary([0.1, 0.2]), 1: make_summary([0.1, 0.2, 0.3])} for name in "ab"}
    with pytest.raises(DataError, match="different items"):
        compare_arms(arms, CompareSettings([0, 1], samples=200))


def test_arms_scored_on_different_items_cannot_be_compared(make_summary):
    arms = {"a": {0: make_summary([0.1, 0.2])}, "b": {0: make_summary([0.1, 0.2, 0.3])}}
    with pytest.raises(DataError, match=r"test: a and b must be scored on the same items.*synthetic/2"):
        compare_arms(arms, ONE)


def test_arms_scored_by_other_rules_cannot_be_compared(make_summary):
    arms = {}
    for name, protocol in (("a", "lasot"), ("b", "got10k")):
        summary = make_summary([0.1, 0.2])
        best = summary.test.best.model_copy(update={"facts": {"protocol": protocol, "frames": len(arms)}})
        arms[name] = {0: summary.model_copy(update={"test": summary.test.model_copy(update={"best": best})})}
    with pytest.raises(DataError, match=r"a and b must be scored by the same rules.*lasot.*got10k"):
        compare_arms(arms, ONE)


def test_the_level_is_written_as_it_is(make_summary):
    arms = {name: {0: make_summary([0.1, 0.2, 0.4])} for name in "ab"}
    for level, text in ((0.95, "95% interval"), (0.995, "99.5% interval"), (0.683, "68.3% interval")):
        row, *_ = compare_arms(arms, CompareSettings([0], level=level, samples=200))[1]
        assert text in row.verdict


def test_runs_side_by_side_and_a_resumed_comparison_runs_none_again(small, silent, tmp_path):
    overrides = dict(item.split("=", 1) for item in small)
    values = {key: yaml.safe_load(value) for key, value in overrides.items()}
    values |= {"search.generations": 1, "training.steps": 3, "training.warmup_path_steps": 0}
    values |= {"baselines.random_architectures": 0}
    compare = load_compare(
        {
            "kind": "compare",
            "name": "small",
            "base": "vlt_scar",
            "arms": {"tied": {"space": "tiny_symmetric"}, "few-steps": {"training": {"steps": 2}}},
            "seeds": [0, 1],
            "overrides": values | {"training.warmup_steps": 1},
            "bootstrap": {"samples": 200},
            "concurrency": 2,
        }
    )
    said = []
    summary = run_compare(compare, tmp_path / "run", progress=silent(), on_power=said.append)
    assert list(summary.arms) == ["tied", "few-steps"]
    kinds = [row.kind for row in summary.differences]
    assert kinds == ["test", "test language_critical", "test standard", "validation", "random_search"]
    assert summary.power == said[0] and said[0].prospects[0].items == summary.test_items == 4
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*/summary.json")}
    assert {path.parent.name for path in kept} == {"tied-seed0", "tied-seed1", "few-steps-seed0", "few-steps-seed1"}
    again = run_compare(compare, tmp_path / "run", resume=True, progress=silent())
    assert again.differences == summary.differences
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    read = CompareSummary.read(tmp_path / "run" / "summary.json")
    assert any("What more budget buys" in section.title for section in comparison_sections(read))
