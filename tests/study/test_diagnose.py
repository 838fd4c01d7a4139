"""A diagnosis: what the log of a planted search says, and what is measured anew with a small task."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from toy_task import BRANCHES, ToyTask, toy_space

from asymnas.core.errors import DataError, JobError, RunFolderError
from asymnas.job import Job, load_job
from asymnas.runs import RunData, read_diagnosis, read_run
from asymnas.search import Evaluation
from asymnas.space import load_space
from asymnas.study import diagnose, run_job
from asymnas.study.diagnosis.diagnose import from_log, share_text
from asymnas.study.diagnosis.rankings import agreement, tables_of
from asymnas.study.diagnosis.remeasure import recalibration_noise
from asymnas.task import TASKS, Split, TaskPlugin


def planted(stage="search", count=40, items=20, architecture=0.05, noise=0.1, seed=0, reward="suc", first=0, **more):
    """Lines of a log: `count` architectures whose true worth is the same for the same seed."""
    true = np.random.default_rng(seed).normal(0, architecture, count)
    rng = np.random.default_rng([seed, len(reward), first])
    values = 0.5 + true[:, None] + rng.normal(0, 0.2, items) + rng.normal(0, noise, (count, items))
    return [
        Evaluation(
            stage=stage, index=place, genes={"g": str(place)}, split="validation", reward=reward, seconds=2.0,
            value=float(row.mean()), items={f"v{first + i}": float(value) for i, value in enumerate(row)}, **more,
        )
        for place, row in enumerate(values)
    ]  # fmt: skip


def logged(lines) -> RunData:
    return RunData(Path("x"), {"name": "x"}, evaluations=lines)


def test_the_log_alone_finds_what_was_planted():
    found = from_log(logged(planted(count=200) + planted("random", count=100, seed=1)))
    assert [item.stage for item in found.rankings] == ["search", "random", "search and random"]
    first = found.rankings[0]
    assert first.reliability.value == pytest.approx(0.0025 / (0.0025 + 0.01 / 20), abs=0.05)
    assert first.reliability.low < 5 / 6 < first.reliability.high
    assert first.at(first.items) == first.reliability
    assert first.at(first.needed["0.9"].value).value >= 0.9
    assert first.seconds == 2.0 and first.lead > first.shrinkage > 0
    assert f"reliability {first.reliability.value:.2f}" in found.sentence and "20 items" in found.sentence


def test_copies_failures_and_slices_are_put_together():
    lines = planted(items=8)
    half = [line.but(items=dict(list(line.items.items())[:4])) for line in lines]
    rest = [line.but(items=dict(list(line.items.items())[4:]), index=40 + line.index) for line in lines]
    copies = [line.but(cached=True, seconds=0.0, index=80 + line.index) for line in half[:5]]
    broken = [Evaluation(stage="search", index=90, genes={"g": "x"}, reward="suc", status="failed", error="e")]
    (table,) = tables_of(half + rest + copies + broken, ["search"], {})
    (whole,) = tables_of(lines, ["search"], {})
    assert table.rows == whole.rows and table.failed == 1 and table.seconds == 4.0
    baseline = Evaluation(stage="search", index=91, baseline="b", reward="suc", value=1.0, items={"v1": 1.0})
    assert tables_of([*lines, baseline], ["search"], {})[0].rows == whole.rows


def test_two_measures_of_one_worth_agree_once_their_noise_is_taken_out():
    cheap, true = planted(count=300, noise=0.2, reward="pairs", first=100), planted(count=300, noise=0.2)
    (pair,) = from_log(logged(cheap + true)).agreements
    assert pair.tau.value < 0.5 < 0.75 < pair.corrected.value
    assert pair.first.startswith("pairs") and pair.how == "20 items against 20"
    other = planted(count=300, noise=0.2, seed=5)
    (pair,) = from_log(logged(cheap + other)).agreements
    assert abs(pair.corrected.value) < 0.25


def test_measures_of_the_same_items_share_no_noise():
    rng = np.random.default_rng(0)
    noise = {line.genes["g"]: rng.normal(0, 0.3, 20) for line in planted(count=150)}

    def noisy(line):
        pairs = zip(line.items.items(), noise[line.genes["g"]], strict=True)
        return line.but(items={item: value + more for (item, value), more in pairs})

    one = [noisy(line) for line in planted(count=150, architecture=0.05, noise=0.01, seed=2)]
    two = [noisy(line) for line in planted(count=150, architecture=0.05, noise=0.01, seed=3, reward="iou")]
    (pair,) = from_log(logged(one + two)).agreements
    assert abs(pair.corrected.value) < 0.25 and "different halves" in pair.how
    a, b = (np.array([line.value for line in lines]) for lines in map(revalued, (one, two)))
    assert np.corrcoef(a, b)[0, 1] > 0.4  # what would be seen on the same items


def revalued(lines):
    return [line.but(value=float(np.mean(list(line.items.values())))) for line in lines]


def test_rungs_add_up_and_the_higher_one_is_compared_by_what_it_adds():
    low = [line.but(rung=0) for line in planted(count=60, items=10, noise=0.2)]
    high = [line.but(rung=1) for line in planted(count=60, items=30, noise=0.2, first=10)[:20]]
    found = from_log(logged(low + high))
    assert [(item.rung, item.items, item.architectures) for item in found.rankings] == [(0, 10, 60), (1, 40, 20)]
    assert "The reward of the last rung orders" in found.sentence and "suc, 10 items 0." in found.sentence
    (pair,) = found.agreements
    assert pair.architectures == 20 and "10 items against 30 further" in pair.how


def test_too_little_says_nothing():
    found = from_log(logged(planted(count=1)))
    assert found.rankings == [] and "Too few" in found.sentence
    alike = from_log(logged([line.but(items=dict.fromkeys(line.items, 0.5)) for line in planted(count=5)]))
    assert alike.rankings[0].needed["0.9"].value is None and "all of what selects parents" in alike.sentence
    assert agreement(*[tables_of(planted(count=3), ["search"], {})[0]] * 2) is None


def test_a_rung_of_a_single_item_has_no_agreement():
    low = [line.but(rung=0) for line in planted(count=8, items=1)]
    high = [line.but(rung=1) for line in planted(count=8, items=20, first=1)]
    found = from_log(logged(low + high))
    assert [item.rung for item in found.rankings] == [1] and found.agreements == []


def test_noise_of_recalibration_is_what_differs_between_numbers_of_batches():
    (first,) = tables_of(planted(count=200, noise=0.05), ["search"], {})
    rng, tables = np.random.default_rng(1), []
    for shift in (0.1, 0.0, -0.1):  # shared by all architectures: it changes no ranking
        moved = {key: rng.normal(shift, 0.02) for key in first.rows}
        rows = {key: {item: value + moved[key] for item, value in row.items()} for key, row in first.rows.items()}
        tables.append(replace(first, rows=rows))
    found = recalibration_noise(tables, (1, 2, 4))
    assert found.noise.low < 0.02 < found.noise.high and found.noise.value == pytest.approx(0.02, rel=0.1)
    assert found.means == pytest.approx([found.means[1] + shift for shift in (0.1, 0, -0.1)], abs=0.01)
    for pair in found.agreement:
        assert pair.corrected.value == pytest.approx(pair.tau.value) and pair.tau.value > 0.5
    alike = replace(first, rows={key: dict.fromkeys(row, 0.5) for key, row in first.rows.items()})
    assert recalibration_noise([alike, alike], (1, 2)).agreement == [None]


@pytest.mark.parametrize(("share", "text"), [(0.81, "four fifths"), (0.5, "half"), (0.999, "all"), (0.03, "3%")])
def test_shares_in_words(share, text):
    assert share_text(share) == text


class FreshTask(ToyTask):
    """The toy task over the job's space, with 6 items to search by and at most 50 new ones."""

    def __init__(self, job):
        super().__init__(job)
        self.space = load_space(job.space)

    @cached_property
    def splits(self):
        return {name: Split(tuple(f"{name}/{i}" for i in range(6)), name, "images") for name in ("validation", "test")}

    def fresh(self, reward, count):
        if count > 50:
            raise DataError(f"only 50 further images, not {count}")
        self.splits["fresh"] = Split(tuple(f"fresh/{i}" for i in range(count)), f"fresh {count}", "images")
        return "fresh"


class FreshPlugin(TaskPlugin):
    name = "fresh"
    summary = "the toy task with new items"

    def schema(self):
        return Job

    def open(self, job):
        return FreshTask(job)


def a_job(**values):
    return load_job(
        {
            "task": "fresh",
            "name": "g",
            "space": toy_space(3, BRANCHES).to_dict(),
            "training": {"steps": 4, "batch_size": 12, "shards": 2},
            "search": {"population": 4, "parents": 2, "mutants": 1, "children": 1, "generations": 3},
            "baselines": {"random_architectures": 2},
            "evaluation": {"recalibration": {"batches": 2, "batch_size": 6}},
            "resources": {"engine": "inprocess"},
        }
        | values
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished search of the task."""
    TASKS.register("fresh", FreshPlugin(), replace=True)
    folder = tmp_path_factory.mktemp("diagnose") / "run"
    run_job(a_job(), folder)
    yield folder
    del TASKS._objects["fresh"]


def test_a_search_ends_with_its_diagnosis(run):
    found = read_diagnosis(run)
    assert found.job == "g" and {item.stage for item in found.rankings} >= {"search", "random"}
    assert found.rankings[0].noun == "images" and found.rankings[0].items == 6
    assert diagnose(run) == found


def test_a_sample_is_measured_anew_and_what_was_measured_stays(run):
    found = diagnose(run, items=20, sample=7)
    assert found.new_items.items == 20 and found.new_items.architectures in (7, 8)
    assert found.new_agreement.first == "items of the search" and found.new_agreement.how == "6 images against 20"
    found = diagnose(run, sample=7, conditions=True, recalibration=True)
    assert found.new_items is not None
    (pair,) = found.conditions
    assert (pair.first, pair.other) == ("both", "left")
    assert found.recalibration.batches == [1, 2, 4, 8, 16] and len(found.recalibration.agreement) == 4
    lines = (run / "diagnosis" / "evaluations.jsonl").read_text().splitlines()
    assert {json.loads(line)["recalibration"] for line in lines} == {1, 2, 4, 8, 16}
    assert diagnose(run, items=20, sample=7, conditions=True, recalibration=True) == found
    assert (run / "diagnosis" / "evaluations.jsonl").read_text().splitlines() == lines  # nothing was measured again
    assert diagnose(run) == found == read_diagnosis(run)


def test_supernets_of_two_seeds_and_architectures_trained_alone(run, tmp_path):
    run_job(a_job(seed=1), tmp_path / "other")
    found = diagnose(run, sample=7, seeds=[tmp_path / "other"], standalone=5)
    (pair,) = found.seeds
    assert (pair.first, pair.other) == (str(run), str(tmp_path / "other")) and pair.x != pair.y
    assert found.standalone.architectures in (4, 5) and found.standalone.other == "trained alone"
    assert len(list((run / "diagnosis" / "standalone").glob("*/summary.json"))) == 5
    found = diagnose(run, sample=7, standalone=5, hold=["left"])
    (held,) = found.held
    assert (held.first, held.other) == ("in the supernet, left held", "trained alone, left held")
    assert 4 <= held.architectures <= 5 and held.x != found.standalone.x
    genes = [json.loads(file.read_text())["genes"] for file in (run / "diagnosis" / "standalone").glob("*.json")]
    best = read_run(run).architecture["genes"]
    alike = [all(item[gene] == op for gene, op in best.items() if gene.startswith("left.")) for item in genes]
    assert sum(alike) >= 5 and not all(alike)
    with pytest.raises(JobError, match=r"--hold: must name a branch"):
        diagnose(run, sample=7, standalone=5, hold=["middle"])
    run_job(a_job(space=toy_space(2, BRANCHES).to_dict()), tmp_path / "smaller")
    with pytest.raises(RunFolderError, match="must be of the search space of"):
        diagnose(run, seeds=[tmp_path / "smaller"])
    with pytest.raises(RunFolderError, match="must have another supernet than"):
        diagnose(run, sample=7, seeds=[run])


def test_a_search_of_a_single_item_is_measured_anew_on_two(run, tmp_path):
    evaluation = {"recalibration": {"batches": 2, "batch_size": 6}, "ladder": [{"items": 1}]}
    run_job(a_job(evaluation=evaluation), tmp_path / "single")
    found = diagnose(tmp_path / "single", items=4, sample=5, recalibration=True, conditions=True)
    assert found.recalibration.batches[0] == 1 and found.new_items.items == 4


def test_a_search_with_ladder_finals_and_estimator_is_diagnosed(run, tmp_path):
    job = a_job(
        search={
            "population": 6, "parents": 2, "mutants": 1, "children": 1, "generations": 2, "finalists": 3,
            "estimator": True,
        },
        evaluation={
            "recalibration": {"batches": 2, "batch_size": 6},
            "ladder": [{"items": 2, "keep": 0.7}, {"items": 4}],
            "finals": [{"items": 2}],
        },
    )  # fmt: skip
    summary = run_job(job, tmp_path / "ladder")
    found = read_diagnosis(tmp_path / "ladder")
    rungs = [(item.rung, item.items) for item in found.rankings if item.stage == "search"]
    assert rungs == [(0, 2), (1, 4)]
    low, high = (item for item in found.rankings if item.stage == "search")
    assert low.architectures == 12 > high.architectures
    assert {item.stage for item in found.rankings} >= {"finals", "random finals"}
    assert found.estimator_reliability == summary.search.reliability is not None
    assert "The reward of the last rung" in found.sentence and "The estimator" in found.sentence
    (pair,) = found.agreements
    assert pair.how == "2 images against 2 further"


def test_another_reward_of_the_task_can_be_measured(run):
    found = diagnose(run, sample=5, items=4, reward="best")
    assert found.new_items.reward == "best" and found.new_agreement is None  # the search did not use it


def test_what_cannot_be_diagnosed_is_told(run, tmp_path):
    with pytest.raises(JobError, match="must name a reward of task 'fresh'"):
        diagnose(run, items=4, reward="bets")
    with pytest.raises(DataError, match="only 50 further"):
        diagnose(run, items=51)
    with pytest.raises(RunFolderError, match="is no run folder"):
        diagnose(tmp_path)
    text = (run / "diagnosis.json").read_text()
    (run / "diagnosis.json").write_text("{}")
    with pytest.raises(RunFolderError, match="must be a diagnosis of this version"):
        diagnose(run)
    (run / "diagnosis.json").write_text(text)
