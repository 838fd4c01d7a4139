"""The reward ladder: rungs and their items, who goes on, what the estimator hears, finals on items of their own."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from toy_task import open_toy, toy_candidates

from asymnas.core.errors import JobError
from asymnas.core.runtime.pool import InProcessPool
from asymnas.core.seeding import rng_for
from asymnas.search import (
    Climb,
    Estimator,
    Evaluation,
    EvolutionSearcher,
    RandomSearcher,
    Request,
    ResultLog,
    Rung,
    ScoreSettings,
    failed_evaluation,
    joined,
    run_finals,
    run_search,
    rungs_of,
)
from asymnas.space import load_space
from asymnas.task import Reward, Split

REWARDS = {"cheap": Reward("cheap", "cheap"), "true": Reward("true", "true")}
SETTINGS = ScoreSettings(space="s", weights="w", splits={"validation": "v"})
LADDER = (Rung("cheap", span=(0, 20), keep=0.5), Rung("true", span=(0, 4)), Rung("true", span=(4, 10)))


@dataclass
class Section:
    reward: str | None = None
    items: int | None = None
    keep: float = 1.0


class Planted:
    """Scores by planted effects of the ops: "cheap" with little noise, "true" with much; fails for some genes."""

    def __init__(self, failing=""):
        self.failing, self.seen, self.threads = failing, [], 1

    @staticmethod
    def worth(genes):
        return sum(float(rng_for(0, *gene).normal()) for gene in genes) * 0.02

    def handle(self, request):
        self.seen.append(request)
        if self.failing and dict(request.genes)["search.stage1.block1"] == self.failing:
            raise ValueError("no")
        noise = {"cheap": 0.02, "true": 0.2}[request.reward]
        items = {
            f"{request.reward}{i}": self.worth(request.genes)
            + noise * float(rng_for(1, request.reward, i, *request.genes[0], *request.genes[-1]).normal())
            for i in range(*request.span)
        }
        reward = REWARDS[request.reward]
        found = {"reward": reward.name, "items": items, "value": reward.value(items), "se": reward.se(items)}
        return Evaluation(genes=dict(request.genes), split="validation", span=request.span, **found)


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


def search(space, path, worker, *, rungs=LADDER, estimator=True, kind=EvolutionSearcher, on_progress=None):
    given = {"population": 8, "parents": 3, "mutants": 4, "children": 2, "generations": 3}
    searcher = kind(space, seed=1, **given) if kind is EvolutionSearcher else kind(space, seed=1, budget=24, batch=8)
    if estimator:
        searcher.estimator, searcher.screen = Estimator(space, ["cheap", "true"], "true"), 3
    pool = InProcessPool(lambda: worker, failed=failed_evaluation)
    result = run_search(searcher, pool, ResultLog(path), settings=SETTINGS, conditions=("with",), rungs=rungs,
                        rewards=REWARDS, on_progress=on_progress)  # fmt: skip
    return result, searcher, pool


def test_beginnings_of_the_nested_order_hold_all_parts():
    parts = {f"a{i}": "a" for i in range(4)} | {f"b{i}": "b" for i in range(8)}
    order = Split(tuple(parts), "f", parts=parts).nested
    assert sorted(order) == sorted(parts)
    for count in (3, 6, 9, 12):
        assert sum(parts[item] == "a" for item in order[:count]) == count // 3
    assert [item for item in order if parts[item] == "a"] == ["a0", "a1", "a2", "a3"]


def task_of(**sizes):
    rewards = {name: Reward(name, name, split=name) for name in sizes}
    splits = {name: Split(tuple(f"{name}{i}" for i in range(size)), name) for name, size in sizes.items()}
    first = next(iter(rewards.values()))
    return SimpleNamespace(rewards=rewards, splits=splits, reward=first, job=SimpleNamespace(task="toy"))


def test_rungs_take_up_items_where_lower_ones_left_them():
    task = task_of(true=30, cheap=100)
    ladder = rungs_of(task, [Section("cheap", 40, 0.5), Section(items=5), Section("true", 10)], where="ladder")
    assert [(rung.reward, rung.span, rung.keep) for rung in ladder] == [
        ("cheap", (0, 40), 0.5), ("true", (0, 5), 1.0), ("true", (5, 10), 1.0),
    ]  # fmt: skip
    finals = rungs_of(task, [Section("cheap", 30), Section()], after=ladder, where="finals")
    assert [rung.span for rung in finals] == [(40, 70), (10, 30)]
    (whole,) = rungs_of(task, [Section()], where="ladder")
    assert whole == Rung("true", "true", None)


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ([Section("tru")], "ladder[0].reward"),
        ([Section(items=31)], "ladder[0].items"),
        ([Section(items=5), Section(items=5)], "ladder[1].items"),
    ],
)
def test_a_rung_that_cannot_be_is_named(sections, where):
    with pytest.raises(JobError) as error:
        rungs_of(task_of(true=30), sections, where="ladder")
    assert error.value.problems[0].where == where


def test_the_best_of_a_rung_go_on_and_nothing_is_measured_twice(space, tmp_path):
    worker = Planted()
    result, _, _ = search(space, tmp_path / "log", worker)
    assert len(worker.seen) == len(set(worker.seen)) == 24 + 12 + 12
    for start in (0, 8, 16):
        lines = [item for item in result.evaluations if start <= item.candidate < start + 8]
        first = {item.candidate: item.value for item in lines if item.rung == 0}
        best = sorted(sorted(first, key=lambda place: -first[place])[:4])
        for rung in (1, 2):
            assert [item.candidate for item in lines if item.rung == rung] == best
    assert [item.index for item in result.evaluations] == list(range(48))


def test_rungs_of_one_reward_are_joined():
    def part(start, stop, value):
        items = {f"v{i}": value for i in range(start, stop)}
        more = {"by_condition": {"with": value}, "facts": {"frames": 10, "protocol": "x"}, "seconds": 1.0}
        return Evaluation(reward="true", split="validation", span=(start, stop), value=value, items=items, **more)

    found = joined(
        [Evaluation(reward="cheap", value=3.0, items={"v0": 3.0}), part(0, 1, 0.0), part(1, 4, 1.0)], REWARDS
    )
    assert found.value == 0.75 and len(found.items) == 4 and found.by_condition == {"with": 0.75}
    assert found.se == pytest.approx(0.25) and found.facts == {"frames": 20, "protocol": "x"} and found.seconds == 2.0


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("every", [1, 7])
def test_killed_with_estimator_and_ladder_and_resumed(space, tmp_path, every):
    whole, _, _ = search(space, tmp_path / "whole", Planted("shuffle_7x7"))
    worker, path = Planted("shuffle_7x7"), tmp_path / "log"
    while True:
        before = len(worker.seen)

        def kill(progress, before=before):
            if len(worker.seen) - before >= every:
                raise Killed

        try:
            result, _, _ = search(space, path, worker, on_progress=kill)
            break
        except Killed:
            pass
    assert (tmp_path / "whole").read_text().count("\n") == path.read_text().count("\n")
    plain = [item.but(seconds=0.0, traceback="") for item in whole.evaluations]
    assert [item.but(seconds=0.0, traceback="") for item in result.evaluations] == plain
    assert [(one.key, worth) for one, worth in result.ranked] == [(one.key, worth) for one, worth in whole.ranked]
    assert whole.failed > 0


def test_the_estimator_finds_better_ones_than_the_scores_alone(space, tmp_path):
    true_alone = (Rung("true", span=(0, 10)),)
    plain, _, _ = search(space, tmp_path / "plain", Planted(), rungs=true_alone, estimator=False)
    ladder, _, _ = search(space, tmp_path / "ladder", Planted())
    assert Planted.worth(ladder.best.genes.items()) > Planted.worth(plain.best.genes.items())


def test_random_search_is_ranked_by_its_estimator(space, tmp_path):
    result, searcher, _ = search(space, tmp_path / "log", Planted(), kind=RandomSearcher)
    worths = searcher.estimator.predict([one for one, _ in result.ranked]).mean
    assert list(worths) == sorted(worths, reverse=True) == [worth for _, worth in result.ranked]


@pytest.mark.parametrize("estimator", [True, False])
def test_finalists_are_measured_on_items_that_chose_nothing(space, tmp_path, estimator):
    ladder = LADDER if estimator else (Rung("true", span=(0, 10)),)
    result, searcher, pool = search(space, tmp_path / "log", Planted(), rungs=ladder, estimator=estimator)
    climb = Climb(pool=pool, log=ResultLog(tmp_path / "log"), settings=SETTINGS, stage="finals", conditions=("with",),
                  rungs=(Rung("true", span=(10, 400)),), rewards=REWARDS, estimator=searcher.estimator,
                  on_result=lambda evaluation, fresh: None)  # fmt: skip
    final, finalists = run_finals(result, 4, climb, seed=0)
    entrants = [one.key for one, _ in result.ranked[:4]]
    assert sorted(item.architecture.key for item in finalists) == sorted(entrants)
    searched = {name for item in result.evaluations for name in item.items}
    assert not searched & {name for item in finalists for name in item.evaluation.items}
    assert sum(item.chance for item in finalists) == pytest.approx(1)
    assert final.best == finalists[0].architecture == max(finalists, key=lambda item: item.worth).architecture
    true = [Planted.worth(item.architecture.genes.items()) for item in finalists]
    assert np.corrcoef(true, [item.worth for item in finalists])[0, 1] > 0.7


def test_who_stayed_behind_ranks_below_who_went_on(space, tmp_path):
    """Without an estimator; a score of few items may be higher, and is worth less."""
    rungs = (Rung("true", span=(0, 2), keep=0.25), Rung("true", span=(2, 60)))
    result, searcher, pool = search(space, tmp_path / "log", Planted(), rungs=rungs, estimator=False)
    reached = [searcher.reached[one.key] for one, _ in result.ranked]
    assert reached == sorted(reached, reverse=True) and {0, 1} == set(reached)
    assert result.best_evaluation.rung == 1 and result.ranked[0][1] < max(score for _, score in result.ranked)
    climb = Climb(pool=pool, log=ResultLog(tmp_path / "log"), settings=SETTINGS, stage="finals", conditions=("with",),
                  rungs=(Rung("true", span=(60, 64), keep=0.5), Rung("true", span=(64, 400))), rewards=REWARDS,
                  estimator=None, on_result=lambda evaluation, fresh: None)  # fmt: skip
    final, finalists = run_finals(result, 4, climb, seed=0)
    assert [item.evaluation.rung for item in finalists] == [1, 1, 0, 0] and len(final.best_evaluation.items) == 340


def finals_of(space, path, rungs, *, estimator):
    ladder = LADDER if estimator else (Rung("true", span=(0, 10)),)
    result, searcher, pool = search(space, path, Planted(), rungs=ladder, estimator=estimator)
    climb = Climb(pool=pool, log=ResultLog(path), settings=SETTINGS, stage="finals", conditions=("with",), rungs=rungs,
                  rewards=REWARDS, estimator=searcher.estimator, on_result=lambda evaluation, fresh: None)  # fmt: skip
    return run_finals(result, 4, climb, seed=0)


@pytest.mark.parametrize("estimator", [True, False])
def test_finals_may_leave_finalists_behind(space, tmp_path, estimator):
    rungs = (Rung("true", span=(10, 15), keep=0.5), Rung("true", span=(15, 40)))
    final, finalists = finals_of(space, tmp_path / "log", rungs, estimator=estimator)
    assert final.best == finalists[0].architecture and sum(item.chance for item in finalists) == pytest.approx(1)
    items = sorted(len(item.evaluation.items) for item in finalists)
    assert items == [5, 5, 30, 30]


def test_equal_finalists_share_the_chance(space, tmp_path, monkeypatch):
    monkeypatch.setattr(Planted, "worth", staticmethod(lambda genes: 0.5))
    monkeypatch.setattr(Planted, "handle", lambda self, request: Evaluation(
        genes=dict(request.genes), split="validation", span=request.span, reward="true", value=0.5, se=0.0,
        items={f"true{i}": 0.5 for i in range(*request.span)}))  # fmt: skip
    _, finalists = finals_of(space, tmp_path / "log", (Rung("true", span=(10, 15)),), estimator=False)
    assert [item.chance for item in finalists] == pytest.approx([0.25] * 4)


def test_without_an_estimator_those_that_went_on_rank_first(space, tmp_path):
    rungs = (Rung("true", span=(0, 3), keep=0.3), Rung("true", span=(3, 60)))
    result, searcher, _ = search(space, tmp_path / "log", Planted(), rungs=rungs, estimator=False)
    items = [len(searcher.evaluations[one.key].items) for one, _ in result.ranked]
    assert items == sorted(items, reverse=True) and set(items) == {3, 60}
    values = [worth for (_, worth), count in zip(result.ranked, items, strict=True) if count == 60]
    assert max(worth for _, worth in result.ranked) > values[0] == max(values)  # a lucky one of few items was left


def test_finals_without_items_left_say_what_to_do():
    task = task_of(true=30)
    ladder = rungs_of(task, [Section()], where="evaluation.ladder")
    with pytest.raises(JobError, match=r"Give the rungs of `evaluation.ladder` with true `items`"):
        rungs_of(task, [Section(items=5)], after=ladder, where="evaluation.finals")


def test_a_higher_rung_finds_the_statistics_of_a_lower_one(monkeypatch):
    from asymnas.nn import _recalibrate

    task, worker, calls = open_toy(), toy_candidates(), []
    plain = _recalibrate.recalibrate
    monkeypatch.setattr(_recalibrate, "recalibrate", lambda *given: (calls.append(1), plain(*given)))
    architecture = task.space.sample(rng_for(0, "x"))
    parts = [Request.of(architecture, "validation", task.scored, span=span) for span in ((0, 1), (1, 3))]
    found = [worker.handle(part) for part in parts]
    assert len(calls) == 1
    for part, result in zip(parts, found, strict=True):
        assert toy_candidates().handle(part).items == result.items
