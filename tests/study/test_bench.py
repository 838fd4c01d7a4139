"""Searches of a planted table: fair costs, regret, and what a table says of planted truths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from planted_table import planted_table

from asymnas.core.errors import DataError, JobError
from asymnas.report import bench_sections, regret_plot, truth_sections
from asymnas.search import Evaluation, RandomSearcher
from asymnas.study import BenchSettings, against_truth, run_bench, summarise_truth
from asymnas.study.bench.importance import importance
from asymnas.study.bench.regret import ratio_of_means
from asymnas.study.bench.simulate import BenchArm, _generation, _measured, arm_section, simulate
from asymnas.study.bench.truth import _noise, _training_noise, symmetric

JOB = "bench_audiovisual"


@pytest.fixture(scope="module")
def table():
    return planted_table(main=0.04, seed_noise=0.01, items=200)


def regret(result, name):
    return next(arm.regret.value for arm in result.arms if arm.name == name)


def test_estimator_and_evolution_beat_random_where_main_effects_dominate(table):
    result = run_bench(table, ["evolution+estimator", "random"], job=JOB, seeds=10)
    assert regret(result, "evolution+estimator") < regret(result, "random") < result.chance
    ratio = result.ratios[0]
    assert (ratio.arm, ratio.other) == ("evolution+estimator", "random") and ratio.ratio.high < 1
    assert result.best == table.truth.max() and len(result.arms[0].finals) == 10


def test_all_arms_may_spend_the_same(table):
    settings = BenchSettings(budget=64, items=50)
    for name, architectures in (("evolution", 64), ("random", 64), ("evolution+ladder", 160), ("random+ladder", 160)):
        arm = BenchArm.of(name)
        trace = simulate(table, arm, arm_section(arm, table, settings, JOB, ()), settings, 0)
        assert trace.spent[-1] == 64 * 50 and trace.asked == architectures
        assert list(trace.spent) == [trace.spent[0] * n for n in range(1, len(trace.spent) + 1)]


def test_a_search_is_a_function_of_its_seed_and_arms_see_the_same_items(table):
    settings, arm = BenchSettings(noise="none"), BenchArm.of("evolution")
    section = arm_section(arm, table, settings, JOB, ())
    assert simulate(table, arm, section, settings, 5) == simulate(table, arm, section, settings, 5)
    assert simulate(table, arm, section, settings, 5) != simulate(table, arm, section, settings, 6)


def test_without_noise_the_best_seen_is_chosen_and_regret_never_rises(table):
    settings = BenchSettings(budget=64, noise="none")
    result = run_bench(table, ["evolution", "random"], job=JOB, settings=settings, seeds=8)
    for arm in result.arms:
        values = [band.value for band in arm.curve if band is not None]
        assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(values))
    # the best of 64 random ones of 1,024 has rank 1025 / 65 on average
    assert 5 < result.arms[1].rank < 40


def test_less_noise_leaves_less_regret(table):
    found = {
        noise: run_bench(table, ["random"], job=JOB, seeds=30, settings=BenchSettings(items=20, noise=noise))
        for noise in ("seed", "items", "none")
    }
    regrets = [found[noise].arms[0].regret.value for noise in ("seed", "items", "none")]
    assert regrets[0] > regrets[1] > regrets[2]


@pytest.mark.parametrize(
    ("arms", "settings", "told"),
    [
        (["random", "random"], BenchSettings(), "each once"),
        (["random"], BenchSettings(budget=4), "pay one generation"),
        (["random"], BenchSettings(items=999), "1 to 200"),
    ],
)
def test_what_makes_no_sense_is_an_error(table, arms, settings, told):
    with pytest.raises(JobError, match=told):
        run_bench(table, arms, job=JOB, settings=settings, seeds=2)


def test_options_of_a_searcher_count(table):
    arm, settings = BenchArm.of("evolution"), BenchSettings()
    section = arm_section(arm, table, settings, JOB, ["search.mutation_prob=0.5"])
    assert section.mutation_prob == 0.5 and section.evaluations == 64


@pytest.mark.parametrize("override", ["search.population=9", "~search.budget", "search.estimator=true"])
def test_what_the_bench_decides_is_no_option(table, override):
    with pytest.raises(JobError, match="--set: the bench gives all arms their own"):
        arm_section(BenchArm.of("evolution"), table, BenchSettings(), JOB, [override])


def test_of_a_ladder_only_what_was_measured_in_full_is_chosen(table):
    arm, settings = BenchArm.of("random+ladder"), BenchSettings(items=50, budget=16)
    seen = []

    class Spied(RandomSearcher):
        def tell(self, results, evaluations=()):
            results, evaluations = list(results), list(evaluations)
            seen.extend((one.key, score, told.rung) for (one, score), told in zip(results, evaluations, strict=True))
            super().tell(results, evaluations)

    searcher = Spied(table.space, seed=0, budget=16, batch=16)
    _generation(searcher, searcher.ask(), table, arm, _measured(table, settings, 0))
    assert sum(rung for _, _, rung in seen) == 4
    assert searcher.best[1] == max(score for _, score, rung in seen if rung)


def test_the_ratio_of_means_covers_the_planted_one():
    rng, covered = np.random.default_rng(0), 0
    for trial in range(60):
        a, b = rng.gamma(2, 0.5, 100), rng.gamma(2, 1.0, 100)
        band = ratio_of_means(a, b, samples=500, seed=trial)
        covered += band.low <= 0.5 <= band.high
    assert covered >= 52
    assert np.isnan(ratio_of_means(np.ones(5), np.zeros(5)).value)


def test_importance_finds_planted_variances():
    rng = np.random.default_rng(1)
    genes = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    effect, pair = np.array([-0.3, -0.1, 0.1, 0.3]), rng.normal(size=(4, 4)) * 0.2
    pair = pair - pair.mean(0) - pair.mean(1)[:, None] + pair.mean()
    truth = effect[genes[:, 0]] + pair[genes[:, 1], genes[:, 2]]
    values = truth + rng.normal(size=len(truth)) * 0.02
    rows = importance(genes, values, 0.02**2, ["a", "b", "c"], ["one", "two", "two"], [list("wxyz")] * 3)
    shares = {row.name: row.share for row in rows}
    total = effect.var() + pair.var()
    assert shares["one"] == pytest.approx(effect.var() / total, abs=0.03)
    assert shares["two"] == pytest.approx(pair.var() / total, abs=0.03)
    assert abs(shares["b"]) < 0.03 and abs(shares["between them"]) < 0.03
    assert rows[0].best == "z" and rows[0].gain == pytest.approx(0.3, abs=0.03)


def test_asymmetry_is_found_where_it_is_planted_and_only_there():
    wants = {"conv_3x3": 0.05, "skip": -0.03}
    apart = planted_table(items=400, shift={"image": wants, "audio": {"conv_7x1": 0.05, "skip": -0.03}})
    alike = planted_table(items=400, shift={"image": wants, "audio": wants})
    chosen = symmetric(apart)
    assert chosen.sum() == 64
    for architecture in (apart.architectures[place] for place in np.flatnonzero(chosen)[:5]):
        genes = architecture.genes
        assert genes["image.stage1.block1"] == genes["audio.stage1.block1"]
    found, other = (summarise_truth(table).asymmetry[-1] for table in (apart, alike))
    assert found.difference.low > 0 and (found.symmetric, found.asymmetric) == (64, 960)
    assert found.difference.low < 0.1 < found.difference.high + 0.03  # 2 genes lose 0.05 each
    assert other.difference.low < 0.02 and other.difference.high < 0.1


def test_spread_and_noise_of_seeds_are_told_apart():
    truth = summarise_truth(planted_table(items=2000, seed_noise=0.03, main=0.03))
    row = next(row for row in truth.spreads if row.split == "test")
    item = 0.475 / 2000**0.5
    assert row.seeds == pytest.approx((0.03**2 + item**2) ** 0.5, rel=0.1)
    assert row.reliability_of_mean.value > row.reliability.low > 0.3 and row.common < 0.003
    assert truth.item_noise == pytest.approx(0.475, abs=0.02)


def test_an_interval_of_asymmetry_holds_the_noise_of_items_once():
    for noise, items in ((0.03, 200), (0.0, 100)):
        table = planted_table(items=items, seed_noise=noise, main=0.03, seed=1)
        assert _training_noise(table) == pytest.approx(noise**2, abs=1e-4)
        assert _noise(table) == pytest.approx(noise**2 + 0.475**2 / items, rel=0.1)


def test_tables_and_plot_are_drawn(table):
    result = run_bench(table, ["random+ladder", "random"], job=JOB, seeds=2)
    head, ratio = bench_sections(result)
    assert head.rows[1][0] == "random" and ratio.rows[0][0] == "random+ladder / random"
    assert regret_plot(result).startswith(b"\x89PNG")
    titles = [section.title for section in truth_sections(summarise_truth(table))]
    assert titles[:2] == ["A table of the truth", "Spread and seed noise"]


def test_scores_of_a_run_against_the_truth(table):
    def scored(place, value, **more):
        values = {"key": str(place), "index": place, "genes": table.architectures[place].genes, "split": "validation"}
        values |= {"stage": "search", "conditions": ["both"], "reward": "accuracy", "status": "ok", "items": {"a": 1.0}}
        return Evaluation(**(values | {"value": value} | more))

    places = range(0, 1024, 17)
    exact = [scored(place, table.truth[place]) for place in places]
    found = against_truth(table, [*exact, scored(3, 9.0, stage="test")])
    assert found.architectures == len(exact) and found.tau.value == pytest.approx(1) == pytest.approx(found.pearson)
    assert found.chosen == max(table.truth[list(places)])
    turned = [scored(place, -table.truth[place]) for place in places]
    assert against_truth(table, turned).tau.value == pytest.approx(-1)
    first, more = scored(5, 0.1), scored(5, 0.9, items={"a": 1.0, "b": 1.0})
    assert against_truth(table, [*exact[:5], first, more]).architectures == 6
    with pytest.raises(DataError, match="at least 3"):
        against_truth(table, exact[:2])
