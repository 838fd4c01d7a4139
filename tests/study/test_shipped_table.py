"""The table of the truth that comes with AsymNAS: whole, of the shipped job and space, and searched."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.job import load_job
from asymnas.space import load_space
from asymnas.study import read_table, run_bench, shipped_table, summarise_truth
from asymnas.study.bench.build import _settings
from asymnas.study.bench.simulate import BenchSettings
from asymnas.study.bench.trainings import TrainingRequest, TrainingWorker


@pytest.fixture(scope="module")
def table():
    return read_table(shipped_table())


def within(old, new) -> bool:
    """Whether all that the old settings name has its value in the new ones, which may name more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and within(value, new[key]) for key, value in old.items())
    return old == new


def test_it_is_of_the_shipped_job_and_space(table):
    assert table.header.space_hash == load_space("audiovisual_table").hash
    assert within(table.header.job, _settings(load_job("bench_audiovisual")))
    assert len(table.architectures) == 1024 and table.header.seeds == 3
    assert table.header.conditions == ["both", "image", "audio", "wrong_audio"]
    assert table.arrays["values"].shape == (1024, 3, 2, 4) and np.isfinite(table.arrays["values"]).all()
    for split in ("validation", "test"):
        np.testing.assert_allclose(table.items(split).mean(2), table.value(split), atol=1e-6)


def test_it_says_what_the_documentation_says(table):
    truth = summarise_truth(table)
    spread = next(item for item in truth.spreads if (item.split, item.condition) == ("test", "both"))
    assert (round(spread.architectures, 3), round(spread.seeds, 3)) == (0.040, 0.016)
    shares = {row.name: row.share for row in truth.importance}
    assert round(shares["audio"], 2) == 0.95 and shares["image"] < 0.01
    found = {item.share: item.difference for item in truth.asymmetry}
    assert found[0.5].low > 0 and found[1.0].low < 0 < found[1.0].high


def test_evolution_finds_more_than_random_search(table):
    settings = BenchSettings(noise="none")
    found = run_bench(table, ["evolution", "random"], job="bench_audiovisual", settings=settings, seeds=30)
    assert found.ratios[0].ratio.high < 1


@pytest.mark.slow
def test_a_training_gives_what_the_table_has(table):
    """To the noise of a training: the last bits differ between kinds of CPU, and grow."""
    job = load_job("bench_audiovisual", ["search.algorithm=random", "search.population=1", "search.budget=1"])
    place = 700
    found = TrainingWorker(job).handle(TrainingRequest(place, table.architectures[place].free_ops, 1))
    assert found.curve[0][1] == pytest.approx(table.arrays["curve"][place, 1, 0], rel=0.02)
    assert found.values["test"]["both"] == pytest.approx(table.value("test")[place, 1], abs=0.05)
