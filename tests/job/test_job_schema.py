"""Loading of jobs: round trips, overrides, inheritance, presets, hashes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from asymnas.core.errors import JobError
from asymnas.job import find_job, launch_job, list_jobs, load_compare, load_job, validate_file
from asymnas.search import SEARCHERS, SearcherPlugin
from asymnas.space import load_space

JOBS = Path(__file__).resolve().parents[2] / "jobs"
FILES = sorted(JOBS.rglob("*.yaml"))


def test_there_are_jobs_to_check() -> None:
    assert len(FILES) >= 4
    assert {str(path.relative_to(JOBS).with_suffix("")) for path in FILES} == set(list_jobs())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(JOBS)))
def test_shipped_jobs_are_valid_and_explained(path: Path) -> None:
    assert validate_file(path) == []
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("name", [name for name in list_jobs() if "compare" not in name])
def test_resolved_job_loads_as_it_is(name: str, tmp_path: Path) -> None:
    job = load_job(name)
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job.resolved(), sort_keys=False))
    again = load_job(tmp_path / "job.yaml")
    assert again.resolved() == job.resolved()
    assert again.hash == job.hash
    assert load_job(job.resolved()).hash == job.hash


def test_resolved_job_holds_the_trackers_defaults() -> None:
    assert load_job("vlt_scar").resolved()["tracker"]["loss_weights"] == [1.0, 3.0, 1.0]


@given(steps=st.integers(1000, 10**6), lr=st.floats(1e-6, 1.0), seed=st.integers(0, 2**31))
def test_overrides_survive_the_round_trip(steps: int, lr: float, seed: int) -> None:
    job = load_job("vlt_scar", [f"training.steps={steps}", f"training.lr={lr!r}", f"seed={seed}"])
    assert (job.training.steps, job.training.lr, job.seed) == (steps, lr, seed)
    assert load_job(job.resolved()).identity() == job.identity()


def test_short_exponent_is_a_number() -> None:
    assert load_job("vlt_scar", ["training.lr=1e-4"]).training.lr == 1e-4


def test_removing_a_key_brings_its_default_back() -> None:
    assert load_job("vlt_scar").training.warmup_steps != 0
    assert load_job("vlt_scar", ["~training.warmup_steps"]).training.warmup_steps == 0


def test_override_reaches_into_a_list() -> None:
    for key in ("data.test.sources[1].videos", "data.test.sources.1.videos"):
        assert load_job("vlt_scar", [f"{key}=3"]).data.test.sources[1].videos == 3


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.steps", "key=value"),
        ("~training.budget", "not given"),
        ("data.test.sources[9].videos=1", "no such list entry"),
        ("seed.x=1", "holds a value"),
        ("trainig.steps=3", "Did you mean 'training'"),
    ],
)
def test_bad_override_is_explained(override: str, words: str) -> None:
    with pytest.raises(JobError, match=words):
        load_job("vlt_scar", [override])


def test_hash_ignores_where_a_job_runs_and_nothing_else() -> None:
    plain = load_job("vlt_scar").hash
    same = ["resources.workers=7", "resources.threads=3", "training.workers=1", "data.root=somewhere"]
    assert all(load_job("vlt_scar", [override]).hash == plain for override in same)
    other = ["seed=1", "training.steps=801", "search.mutation_prob=0.2", "tracker.window=0.31", "space=tiny_symmetric"]
    assert len({load_job("vlt_scar", [override]).hash for override in other} | {plain}) == len(other) + 1


def test_extends_merges_mappings_and_replaces_lists(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("extends: vlt_scar\nname: base\nsearch: {generations: 9}\n")
    (tmp_path / "job.yaml").write_text("extends: base.yaml\nname: top\nbaselines: {trackers: [static]}\n")
    job, shipped = load_job(tmp_path / "job.yaml"), load_job("vlt_scar").search.population
    assert (job.name, job.search.generations, job.search.population) == ("top", 9, shipped)
    assert job.baselines.trackers == ["static"]


def test_job_that_extends_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(JobError, match="must not extend itself"):
        load_job(tmp_path / "a.yaml")


def test_space_path_is_relative_to_the_job_and_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "mine.yaml").write_text("extends: tiny_asymmetric\nname: mine\n")
    (tmp_path / "job.yaml").write_text("extends: vlt_scar\nname: x\nspace: spaces/mine.yaml\n")
    monkeypatch.chdir("/")
    job = load_job(tmp_path / "job.yaml")
    assert job.resolved()["space"]["name"] == "mine"
    assert load_job(job.resolved()).hash == job.hash


def test_what_a_written_out_space_extends_is_relative_to_the_job(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: tiny_asymmetric\nname: mine\n")
    (tmp_path / "job.yaml").write_text(
        "extends: vlt_scar\nname: x\nspace: {extends: mine.yaml, ops: [shuffle_3x3, skip]}\n"
    )
    space = load_space(load_job(tmp_path / "job.yaml").space)
    assert {op for gene in space.genes for op in gene.ops} == {"shuffle_3x3", "skip"}
    spaces = "[mine.yaml, {extends: mine.yaml, name: other, ops: [shuffle_3x3, skip]}]"
    (tmp_path / "pair.yaml").write_text(f"kind: compare\nname: pair\nbase: vlt_scar\nspaces: {spaces}\n")
    load_compare(tmp_path / "pair.yaml")
    (tmp_path / "job.yaml").write_text("extends: vlt_scar\nname: x\nspace: {extends: tiny_asymmetric}\n")
    load_job(tmp_path / "job.yaml")


class Heat(BaseModel):
    """Options of a searcher, by a model that says nothing of unknown keys."""

    heat: float = 0.5


def test_unknown_keys_of_any_searcher_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEARCHERS._objects, "hot", SearcherPlugin("hot", "a test", lambda *_: None, Heat))
    search = ["search.algorithm=hot", "search.heat=0.2"]
    assert load_job("vlt_scar", search).search.heat == 0.2
    with pytest.raises(JobError, match=r"search\.heats: unknown key.*Did you mean 'heat'"):
        load_job("vlt_scar", [*search, "search.heats=1"])


def test_shipped_job_is_found_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = {find_job(name) for name in ("vlt_scar", "jobs/vlt_scar.yaml", "./jobs/vlt_scar.yaml")}
    assert len(found) == 1
    with pytest.raises(JobError, match="Did you mean 'vlt_scar'"):
        find_job("vlt_skar")


def test_released_reward_fills_what_is_open() -> None:
    job = load_job("paper/vlt_scar")
    (source,) = job.data.validation.sources
    assert (source.videos, source.frames) == (20, 11)
    assert (job.evaluation.recalibration.batches, job.evaluation.recalibration.batch_size) == (50, 64)
    assert load_job("paper/vlt_scar", ["data.validation.sources[0].videos=7"]).data.validation.sources[0].videos == 7


def test_paper_budget() -> None:
    job = load_job("paper/vlt_scar")
    assert job.search.evaluations == 1000
    assert job.training.steps * job.training.batch_size == 5 * 1_200_000


def test_launch_options_go_over_the_file() -> None:
    job = launch_job("vlt_scar", workers=8)
    assert (job.resources.workers, job.training.workers) == (8, job.training.shards)
    alone = launch_job("vlt_scar", engine="inprocess")
    assert (alone.resources.engine, alone.resources.workers, alone.training.workers) == ("inprocess", 1, 1)
    assert job.hash == alone.hash


def test_launch_options_are_values_and_no_yaml(tmp_path: Path) -> None:
    for name in ("a #b", "x: y", "[c]", "null", "{", "'"):
        assert launch_job("vlt_scar", data_root=tmp_path / name).data.root == str(tmp_path / name)
    for address in ("[::1]:6379", "1e4", "a: b"):
        assert launch_job("vlt_scar", ["resources.engine=ray"], address=address).resources.address == address


def test_compare_makes_a_run_of_each_arm_and_seed() -> None:
    compare = load_compare("compare_symmetry")
    made, arms = compare.runs, ["tiny_asymmetric", "tiny_symmetric"]
    assert [(run.arm, run.seed) for run in made] == [(arm, seed) for seed in compare.seeds for arm in arms]
    assert all(run.job.space == run.arm and run.job.seed == run.seed and run.job.name == run.name for run in made)
    assert all(run.job.training.steps == compare.overrides["training.steps"] for run in made)
