"""What `validate` tells of a job and its space, data options and files before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from asymnas.core.errors import JobError, Problem
from asymnas.job import launch_job, load_job, validate_file

SMALL = """\
space:
  extends: tiny_asymmetric
  name: small
  fix:
    {template.*: shuffle_3x3, search.stage*: shuffle_3x3, search.*.mixed: shuffle_3x3, search.mixer4.*: shuffle_3x3}
"""
"""A space of 4 ** 3 points: the visual blocks of three mixers are free."""

KEPT = "constraints: [{measure: count, op: shuffle_7x7, genes: search.mixer*.visual, min: 3}]"


def problems(tmp_path: Path, *lines: str) -> dict[str, Problem]:
    """The problems of a job over the shipped one, by key."""
    (tmp_path / "x.yaml").write_text("\n".join(["extends: vlt_scar", "name: x", *lines]) + "\n")
    return {problem.where.rsplit(": ", 1)[-1]: problem for problem in validate_file(tmp_path / "x.yaml")}


def search(population: int, generations: int, more: str = "") -> str:
    sizes = f"population: {population}, generations: {generations}, parents: 2, mutants: 1, children: 1"
    return f"search: {{{sizes}{more}}}"


def test_a_space_must_have_what_the_searches_ask_for(tmp_path: Path) -> None:
    assert not problems(tmp_path, SMALL, search(8, 8))
    found = problems(tmp_path, SMALL, search(13, 5))
    assert list(found) == ["search.population"]
    assert found["search.population"].value == "65 (13 x 5)"
    assert "at most the 64 architectures of 'small'" in found["search.population"].rule
    assert not problems(tmp_path, SMALL, search(8, 8), "baselines: {random_architectures: 1000}")


def test_the_budget_of_the_random_baseline_counts_too(tmp_path: Path) -> None:
    found = problems(tmp_path, SMALL, search(4, 4, ", budget: 65"))
    assert "the random search must" in found["search.budget"].rule
    assert not problems(tmp_path, SMALL, search(4, 4, ", budget: 65"), "baselines: {random_search: false}")
    both = search(4, 4, ", budget: 65, algorithm: random")
    assert "the search must" in problems(tmp_path, SMALL, both)["search.budget"].rule


def test_constraints_count(tmp_path: Path) -> None:
    found = problems(tmp_path, f"{SMALL}  {KEPT}", search(2, 2))
    assert "the 1 architectures of 'small' that keep its constraints" in found["search.population"].rule


def test_a_search_that_memory_cannot_hold(tmp_path: Path) -> None:
    assert "at most 10,000,000" in problems(tmp_path, search(1_000_000, 11))["search.population"].rule


TOLD = """\
tracker: {levels: [stage9], template_branch: foo, search_size: 77}
data:
  train: {sources: [{dataset: lasot, split: nope, options: {on_length_mismatch: longer, exclude: 3}}]}
  validation: {sources: [{dataset: synthetic, split: val, options: {part: nope, seed: x, size: [0, -1]}}]}
  test: {sources: [{dataset: coco, split: val}, {dataset: youtube_bb, split: train, options: {files: "{foo}"}}]}
training: {initial_weights: gone.pth}
language: {encoder: ./gone}
baselines: {trackers: [vlt_scar, static]}
"""


def test_what_is_known_without_data_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, TOLD)
    rules = {
        "tracker.levels": "unknown stage",
        "tracker.template_branch": "no such branch",
        "tracker.search_size": "reads crops of 128 px",
        "data.train.sources[0].split": "one of train, test, all",
        "data.train.sources[0].options.on_length_mismatch": "'error' or 'shorter'",
        "data.train.sources[0].options.exclude": "Sequence[str]",
        "data.validation.sources[0].options.part": "must be a part",
        "data.validation.sources[0].options.seed": "type int",
        "data.validation.sources[0].options.size": "at least 64 by 64",
        "data.test.sources[0].split": "train2017",
        "data.test.sources[1].options.files": "must be a pattern of",
        "training.initial_weights": "does not exist",
        "language.encoder": "folder must exist",
        "baselines.trackers[0]": "a tracker without a network",
    }
    assert set(found) == set(rules)
    for key, rule in rules.items():
        assert rule in found[key].rule
        assert found[key].where.startswith(f"{tmp_path / 'x.yaml'}:")


@pytest.mark.parametrize(
    ("option", "rule"),
    [("template_size: 500", "reads crops of 64 px"), ("levels: [stage1, stage2]", "must include the last stage")],
)
def test_the_tracker_must_fit_the_space(option: str, rule: str, tmp_path: Path) -> None:
    key = option.partition(":")[0]
    assert rule in problems(tmp_path, f"tracker: {{{option}}}")[f"tracker.{key}"].rule


def test_a_run_that_has_begun_needs_no_initial_weights(tmp_path: Path) -> None:
    gone = [f"training.initial_weights={tmp_path / 'gone.pth'}"]
    with pytest.raises(JobError, match="initial weights does not exist"):
        launch_job("vlt_scar", gone)
    assert launch_job("vlt_scar", gone, files=False) == load_job("vlt_scar", gone, files=False)
    (tmp_path / "gone.pth").touch()
    assert launch_job("vlt_scar", gone)
