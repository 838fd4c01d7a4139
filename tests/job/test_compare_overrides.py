"""Overrides of a comparison: one form however they are written, and arms that can be made."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from asymnas.core.errors import JobError
from asymnas.job import load_compare, load_job
from asymnas.job._sources import open_job

COMPARE = {"kind": "compare", "name": "c", "base": "vlt_scar", "spaces": ["tiny_asymmetric", "tiny_symmetric"]}


def _write(path: Path, **more: object) -> Path:
    path.write_text(yaml.safe_dump(COMPARE | {"name": path.stem} | more, sort_keys=False))
    return path


def test_a_nested_override_is_merged(tmp_path: Path) -> None:
    base = load_job("vlt_scar")
    nested = load_compare(_write(tmp_path / "c.yaml", overrides={"training": {"steps": 500}, "data.root": "d"}))
    assert nested.overrides == {"training.steps": 500, "data.root": "d"}
    arm, *_ = nested.runs
    assert arm.job.training == base.training.model_copy(update={"steps": 500})
    flat = load_compare(_write(tmp_path / "c.yaml", overrides={"training.steps": 500, "data.root": "d"}))
    assert flat.hash == nested.hash
    made = load_compare(COMPARE | {"overrides": {"training": {"steps": 500}}})
    assert made.overrides == {"training.steps": 500}
    assert load_job("vlt_scar", {"training": {"steps": 500}}).training.shards == base.training.shards


def test_values_that_are_mappings_stay_whole() -> None:
    values = {"training": {"lr_scale": {"*.stem.*": 0.1}}, "data": {"test": {"sources": [{"dataset": "synthetic"}]}}}
    found = open_job(COMPARE | {"overrides": values | {"training.no": {"a": 1}}}).data["overrides"]
    assert found == {
        "training.lr_scale": {"*.stem.*": 0.1},
        "data.test.sources": [{"dataset": "synthetic"}],
        "training.no": {"a": 1},
    }


def test_the_command_line_comes_after_the_file_however_both_are_written(tmp_path: Path) -> None:
    shards = load_job("vlt_scar").training.shards
    for written in ({"training.steps": 360, "training.lr": 0.1}, {"training": {"steps": 360, "lr": 0.1}}):
        file = _write(tmp_path / "c.yaml", overrides=written)
        for option in ("overrides.training.steps=700", "overrides.training={steps: 700}"):
            job = load_compare(file, [option]).runs[0].job
            assert (job.training.steps, job.training.lr, job.training.shards) == (700, 0.1, shards)
        assert load_compare(file, ["~overrides.training.steps"]).overrides == {"training.lr": 0.1}
        assert load_compare(file, ["~overrides.training"]).overrides == {}
        child = tmp_path / "child.yaml"
        child.write_text("extends: c.yaml\noverrides: {training: {steps: 800}}\n")
        assert load_compare(child).overrides == {"training.steps": 800, "training.lr": 0.1}


def test_a_value_that_is_written_twice_is_told(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    _write(file)
    file.write_text(file.read_text() + "overrides:\n  training.steps: 300\n  training:\n    steps: 400\n")
    with pytest.raises(JobError, match=r"c\.yaml:10: overrides\.training\.steps: the key is given twice.*line 8"):
        load_compare(file)


def test_the_name_of_a_space_must_name_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "kind: compare\nname: c\nbase: vlt_scar\nspaces:\n  - tiny_symmetric\n"
        "  - {extends: tiny_asymmetric, name: my space}\n"
    )
    with pytest.raises(JobError, match=r"c\.yaml:6: spaces\[1\]: makes no arm.*my space"):
        load_compare(file)


def test_a_comparison_is_known_by_what_its_arms_run(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text("extends: vlt_scar\nname: base\ntraining: {steps: 500}\n")
    file = _write(tmp_path / "c.yaml", base="base.yaml")
    before = load_compare(file)
    assert before.identity()["runs"] == {run.name: run.job.hash for run in before.runs}
    old = before.hash
    base.write_text("extends: vlt_scar\nname: base\ntraining: {steps: 99999}\n")
    assert load_compare(file).hash != old
    base.write_text("extends: vlt_scar\nname: base\ntraining: {steps: 500, workers: 1}\n")
    assert load_compare(file).hash == old


def test_what_each_arm_has_of_its_own_is_no_override(tmp_path: Path) -> None:
    file = _write(tmp_path / "c.yaml", overrides={"seed": 5, "space": "tiny_symmetric", "training.steps": 300})
    with pytest.raises(JobError) as caught:
        load_compare(file)
    found = [(problem.where.rpartition(" ")[2], problem.value) for problem in caught.value.problems]
    assert found == [("overrides.space", "'tiny_symmetric'"), ("overrides.seed", "5")]
    assert "every arm has its own, by `seeds`" in str(caught.value)
