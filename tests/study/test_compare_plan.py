"""Before a comparison: what it will see, by assumptions or an earlier one, and whether its arms can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asymnas.core.errors import JobError, RunFolderError
from asymnas.job import load_compare
from asymnas.report import power_sections
from asymnas.runs import CompareSummary
from asymnas.study import _compare_plan, plan_compare
from asymnas.study._compare_statistics import CompareSettings, compare_arms
from asymnas.task import Reward

FEW = {"data.test.sources": [{"dataset": "synthetic", "split": "test", "videos": 4, "frames": 6}]}
TWO_MORE = {"data.test.sources": [{"dataset": "synthetic", "split": "test", "videos": 6, "frames": 6}]}


def comparison(**arm: Any) -> Any:
    return load_compare(
        {
            "kind": "compare",
            "name": "c",
            "base": "vlt_scar",
            "arms": {"one": {}, "two": {"space": "tiny_symmetric", **arm}},
            "overrides": FEW,
            "margin": 0.02,
        }
    )


def finished(folder: Path, make_summary: Any, rows: Any, reward: str = "suc") -> Path:
    """Write the summary of a comparison of two arms with these scores (seeds, items)."""
    arms = {"a": dict(enumerate(map(make_summary, rows))), "b": {seed: make_summary([0.0] * 4) for seed in range(3)}}
    results, differences = compare_arms(arms, CompareSettings([0, 1, 2], samples=100))
    run = arms["a"][0]
    summary = CompareSummary(
        task="tracking", job="c", reward={"name": reward, "title": reward}, noun="videos", climbed=run.climbed,
        training=run.training, test_items=4, test_facts={}, validation_items=2, level=0.95, margin=0.01,
        seeds=[0, 1, 2], arms=results, differences=differences, seconds=1.0, versions={},
    )  # fmt: skip
    folder.mkdir()
    summary.write(folder / "summary.json")
    return folder


def test_what_is_assumed_is_said() -> None:
    power = plan_compare(comparison())
    assert power is not None and power.sd == {"seed": 0.01, "item": 0.0, "interaction": 0.14}
    assert (power.prospects[0].seeds, power.prospects[0].items, power.margin, power.noun) == (3, 4, 0.02, "videos")
    (section,) = power_sections(power)
    assert "assumed" in section.note and "0.14" in section.note and "videos" in section.note
    assert section.rows[0][0] == "3 seeds, 4 videos"


def test_an_earlier_comparison_tells_more(tmp_path: Path, make_summary: Any) -> None:
    rows = [[0.1, 0.3, 0.2, 0.4], [0.3, 0.1, 0.4, 0.2], [0.1, 0.2, 0.5, 0.1]]
    earlier = finished(tmp_path / "earlier", make_summary, rows)
    for found in (plan_compare(comparison(), like=earlier), plan_compare(comparison(), earlier)):
        (row,) = [row for row in CompareSummary.read(earlier / "summary.json").differences if row.kind == "test"]
        assert found is not None and found.sd == pytest.approx(row.outlook.sd)
        assert str(earlier) in found.source
    assert "assumed" in plan_compare(comparison(), tmp_path / "nothing").source
    (earlier / "summary.json").write_text("{}")
    assert "assumed" in plan_compare(comparison(), earlier).source
    with pytest.raises(RunFolderError, match=r"summary\.json"):
        plan_compare(comparison(), like=earlier)


def test_only_a_comparison_by_the_same_reward_tells(tmp_path: Path, make_summary: Any) -> None:
    other = finished(tmp_path / "other", make_summary, [[0.1, 0.3, 0.2, 0.4]] * 3, reward="iou")
    with pytest.raises(RunFolderError, match=r"a finished comparison by SUC, of two seeds or more.*by iou"):
        plan_compare(comparison(), like=other)
    (tmp_path / "search").mkdir()
    make_summary().write(tmp_path / "search" / "summary.json")
    with pytest.raises(RunFolderError, match=r"a finished comparison.*a search"):
        plan_compare(comparison(), like=tmp_path / "search")
    with pytest.raises(RunFolderError, match="no summary"):
        plan_compare(comparison(), like=tmp_path)


def test_assumptions_are_those_of_the_rewards_range() -> None:
    variance, _ = _compare_plan._variance(Reward("percent", "percent", high=100.0), None, None)
    assert (variance.seed**0.5, variance.interaction**0.5) == pytest.approx((1.0, 14.0))
    endless = Reward("log", "log", low=-float("inf"))
    assert _compare_plan._variance(endless, None, None) is None
    assert "not known" in power_sections(None)[0].note


def test_arms_with_other_test_items_or_another_reward_are_told() -> None:
    with pytest.raises(JobError, match=r"arms\.two: the test items of all arms must be those of 'one'"):
        plan_compare(comparison(**TWO_MORE))
    with pytest.raises(JobError, match=r"arms\.two: the reward of all arms must be those of 'one'"):
        plan_compare(comparison(**{"evaluation.protocol": "got10k"}))


def test_the_power_of_one_seed_says_that_it_knows_no_other_seed(tmp_path):
    power = plan_compare(load_compare("compare_mixer", ["seeds=[0]"]), tmp_path, None)
    (section,) = power_sections(power)
    assert section.note.startswith("With 1 seed and ") and "says nothing of other seeds" in section.note
