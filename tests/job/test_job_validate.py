"""Validation: every problem at once, each with its line, key and way out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from asymnas.core.errors import JobError, Problem
from asymnas.job import load_compare, load_job, validate_file

BAD = """\
name: bad job
extends: vlt_scar
spaec: foo
space: tiny_asymetric
training:
  stpes: 3
  lr: -1
  workers: 5
  schedule: cosin
  steps: 1.5
search: {parents: 50, population: 10, mutants: 5, children: 5}
data:
  test:
    sources:
      - {dataset: syntetic, split: val, videos: 0, frames: 1}
      - {dataset: synthetic, split: test, options: {prt: standard}}
tracker: {name: vlt_scar, windw: 0.2, penalty_k: 7}
baselines: {trackers: [statc]}
evaluation: {protocol: lasott}
resources: {engine: inprocess, workers: 3}
"""

EXPECTED = [
    (1, "name", "must match", ""),
    (3, "spaec", "unknown key", "Did you mean 'space'?"),
    (4, "space", "must name a shipped search space", "Did you mean 'tiny_asymmetric'?"),
    (6, "training.stpes", "unknown key", "Did you mean 'steps'?"),
    (7, "training.lr", "must be > 0", "The default is 0.005."),
    (8, "training.workers", "at most training.shards", ""),
    (9, "training.schedule", "must be one of", "Did you mean 'cosine'?"),
    (10, "training.steps", "must be a whole number", ""),
    (11, "search.parents", "at most search.population", ""),
    (15, "data.test.sources[0].dataset", "must name a registered data set", "Did you mean 'synthetic'?"),
    (15, "data.test.sources[0].videos", "must be >= 1", ""),
    (15, "data.test.sources[0].frames", "must be >= 2", ""),
    (16, "data.test.sources[1].options.prt", "unknown option of data set synthetic", "Did you mean 'part'?"),
    (17, "tracker.windw", "unknown key", "Did you mean 'window'?"),
    (17, "tracker.penalty_k", "must be <= 2", ""),
    (18, "baselines.trackers[0]", "must name a registered tracker", "Did you mean 'static'?"),
    (19, "evaluation.protocol", "must name a protocol", "Did you mean 'lasot'?"),
    (20, "resources.workers", "must be 1 in-process", ""),
]


def found(problems: list[Problem]) -> dict[str, Problem]:
    return {problem.where: problem for problem in problems}


def test_all_problems_at_once_with_line_key_rule_and_way_out(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    problems = found(validate_file(path))
    for line, key, rule, way_out in EXPECTED:
        problem = problems.pop(f"{path}:{line}: {key}")
        assert rule in problem.rule
        assert way_out in problem.way_out
    assert not problems
    with pytest.raises(JobError) as error:
        load_job(path)
    assert len(error.value.problems) == len(EXPECTED)


def one(tmp_path: Path, text: str) -> Problem:
    (tmp_path / "x.yaml").write_text(text)
    (problem,) = validate_file(tmp_path / "x.yaml")
    return problem


@pytest.mark.parametrize(
    ("addition", "where", "rule"),
    [
        ("training: {batch_size: 33}", "3: training.batch_size", "multiple of training.shards"),
        ("training: {warmup_steps: 100000}", "3: training.warmup_steps", "below training.steps"),
        ("training: {schedule: constant, lr_end: 0.001}", "3: training.lr_end", "left out"),
        ("search: {mutants: 7}", "3: search.mutants", "at most search.population"),
        ("search: {parents: 1}", "3: search.parents", "at least 2"),
        ("search: {generations: 0}", "3: search.generations", "must be >= 1"),
        ("resources: {engine: inprocess, workers: 1, address: auto}", "3: resources.address", "needs `engine: ray`"),
        ("data: {test: {sources: [{dataset: synthetic}]}}", "3: data.test.sources[0].split", "this key is required"),
        ("data: {test: {sources: []}}", "3: data.test.sources", "at least 1 entries"),
        ("data: {test: {sources: 3}}", "3: data.test.sources", "must be a list"),
        ("training: [1]", "3: training", "must be a mapping"),
        ("seed: 1\nseed: 2", "4: seed", "given twice, first on line 3"),
        ("seed: '1'", "3: seed", "must be a whole number"),
        ("seed: true", "3: seed", "must be a whole number"),
        ("tracker: {name: static}", "3: tracker.name", "must be a searchable tracker"),
        ("tracker: {name: siamcar}\nspace: tiny_symmetric", "4: space", "'siamcar' reads no sentences"),
        (
            "evaluation: {ladder: [{reward: su}], finals: []}",
            "3: evaluation.ladder[0].reward",
            "must name a reward that the tracker has",
        ),
        ("evaluation: {reward: pair_loss}", "3: evaluation.reward", "must name a reward of tracking"),
        ("space: nowhere.yaml", "3: space", "does not exist"),
        ("space: {branches: {}}", "3: space", ""),
        ("search: {population: 100000000000000000000000}", "3: search.population", "must be <= 1000000"),
        ("training: {steps: " + "9" * 401 + "}", "3: training.steps", "must be <= 1000000000"),
        ("training: {weight_decay: .inf}", "3: training.weight_decay", "must be a finite number"),
        ("training: {momentum: .nan}", "3: training.momentum", "must be a finite number"),
        ("resources: {gpus_per_worker: .inf}", "3: resources.gpus_per_worker", "must be a finite number"),
        ("resources: {cpus_per_worker: 1.0e+300}", "3: resources.cpus_per_worker", "must be <= 10000"),
    ],
)
def test_each_rule(addition: str, where: str, rule: str, tmp_path: Path) -> None:
    text = f"extends: vlt_scar\nname: x\n{addition}\n"
    if "split: val" in addition:  # the same options as the validation videos, so they may be the same videos
        text = text.replace("split: val}", "split: val, options: {part: standard}}")
    problem = one(tmp_path, text)
    assert problem.where.startswith(f"{tmp_path / 'x.yaml'}:{where}")
    assert rule in problem.rule


def test_no_yaml_names_the_line(tmp_path: Path) -> None:
    problem = one(tmp_path, "name: x\ntraining: {steps: 1\nseed: 2\n")
    assert re.search(r"x\.yaml:[23]$", problem.where)
    assert "not YAML" in problem.rule


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b", "colour: red", "name: &a [*a]"])
def test_foreign_file_is_told(text: str, tmp_path: Path) -> None:
    assert one(tmp_path, text).way_out or "hold itself" in one(tmp_path, text).rule


def test_missing_and_binary_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in validate_file(tmp_path / "x.yaml")[0].rule
    assert "must be a job file" in validate_file(tmp_path / "no.yaml")[0].rule


def test_compare_job_reports_its_own_and_its_arms_problems(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    text = "kind: compare\nname: c\nbase: vlt_scar\nspaces: [tiny_asymmetric, tiny_symetric]\nsedes: [1]\n"
    path.write_text(text)
    where = {problem.where: problem for problem in validate_file(path)}
    assert "Did you mean 'tiny_symmetric'?" in where[f"{path}:4: spaces[1]"].way_out
    assert "Did you mean 'seeds'?" in where[f"{path}:5: sedes"].way_out
    path.write_text(text.replace("symetric", "symmetric").replace("sedes: [1]", "overrides: {training.stepps: 3}"))
    (problem,) = validate_file(path)
    assert "training.stepps" in problem.where
    assert "Did you mean 'steps'?" in problem.way_out
    path.write_text(text.replace("tiny_symetric", "tiny_asymmetric").replace("sedes", "seeds"))
    with pytest.raises(JobError, match="must not name the same twice"):
        load_compare(path)


def test_job_kinds_are_not_mixed_up() -> None:
    with pytest.raises(JobError, match="asymnas compare"):
        load_job("compare_symmetry")
    with pytest.raises(JobError, match="asymnas search"):
        load_compare("vlt_scar")


def test_space_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("extends: tiny_asymmetric\nname: s\n")
    assert validate_file(tmp_path / "s.yaml") == []
    (tmp_path / "s.yaml").write_text("extends: tiny_asymmetric\nname: s\nties: []\nops: [shuffle_3x4]\n")
    problems = validate_file(tmp_path / "s.yaml")
    assert any(problem.where.startswith(f"{tmp_path / 's.yaml'}:3") for problem in problems)
    assert any("shuffle_3x3" in problem.way_out for problem in problems)
    assert validate_file("vlt_symmetric") == []
    assert validate_file("vlt_scar_released") == []


def test_architecture_file(tmp_path: Path) -> None:
    from asymnas.space import load_space, save_architecture

    space = load_space("tiny_asymmetric")
    path = tmp_path / "architecture.json"
    save_architecture(path, next(space.enumerate()))
    assert validate_file(path) == []
    data = json.loads(path.read_text())
    gene = next(iter(data["genes"]))
    data["genes"][gene] = "shuffle_3x4"
    data["genes"]["template.stage9.block1"] = "shuffle_3x3"
    path.write_text(json.dumps(data, indent=2))
    problems = validate_file(path)
    assert any("shuffle_3x3" in problem.way_out for problem in problems)
    assert len(problems) >= 2
