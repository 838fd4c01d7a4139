"""Overrides of a comparison: one form however they are written, and arms that can be made."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from asymnas.core.errors import JobError
from asymnas.job import list_jobs, load_compare, load_job, validate_file
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
    assert "every run has its own, by `seeds`" in str(caught.value)


ARMS = {"asymmetric": {"space": "tiny_asymmetric"}, "no_language": {"data.train.language": 0.0}}


def _arms(path: Path, arms: object, **more: object) -> Path:
    path.write_text(
        yaml.safe_dump({"kind": "compare", "name": "c", "base": "vlt_scar", "arms": arms} | more, sort_keys=False)
    )
    return path


def test_arms_differ_in_anything(tmp_path: Path) -> None:
    arms = {
        "base-1.0": {"space": "tiny_symmetric"},
        "no_language": {"data": {"train": {"language": 0.0}}, "tracker.missing": "template_embedding"},
        "random": {"search": {"algorithm": "random"}, "training.steps": 7, "training.warmup_steps": 1},
    }
    file = _arms(tmp_path / "c.yaml", arms, seeds=[4, 2], overrides={"training.steps": 50})
    compare, base = load_compare(file), load_job("vlt_scar")
    assert [run.name for run in compare.runs[:3]] == ["base-1.0-seed4", "no_language-seed4", "random-seed4"]
    tied, silent, random = (run.job for run in compare.runs[3:])
    assert (tied.space, silent.space, random.space) == ("tiny_symmetric", base.space, base.space)
    assert (tied.training.steps, silent.training.steps, random.training.steps) == (50, 50, 7)
    assert (silent.data.train.language, silent.tracker.options["missing"]) == (0.0, "template_embedding")
    assert silent.data.train.sources == base.data.train.sources
    assert (random.search.algorithm, random.search.population) == ("random", base.search.population)
    assert {run.seed for run in compare.runs[3:]} == {2}


def test_spaces_are_short_for_arms(tmp_path: Path) -> None:
    short = load_compare(COMPARE)
    arms = {name: {"space": name} for name in ("tiny_asymmetric", "tiny_symmetric")}
    assert load_compare(_arms(tmp_path / "c.yaml", arms)).hash == short.hash
    again = load_compare(short.resolved())
    assert again.hash == short.hash and again.arms == arms


def test_an_arm_is_overridden_by_its_name(tmp_path: Path) -> None:
    file = _arms(tmp_path / "c.yaml", ARMS)
    for option in ("arms.no_language.training.steps=90", "arms.no_language={training: {steps: 90}}"):
        compare = load_compare(file, [option])
        assert compare.runs[1].job.training.steps == 90
    compare = load_compare(file, ["arms.third={space: tiny_symmetric}", "~arms.no_language"])
    assert list(compare.arms) == ["asymmetric", "third"]
    assert load_compare(file, ["arms.no_language.seed=1", "~arms.no_language.seed"]).arms == ARMS


def test_arms_replace_those_of_the_job_that_is_extended(tmp_path: Path) -> None:
    _write(tmp_path / "parent.yaml", overrides={"training.steps": 77})
    (tmp_path / "child.yaml").write_text(
        "extends: parent.yaml\nname: child\narms: {a: {space: tiny_no_mixer}, b: {space: tiny_symmetric}}\n"
    )
    (tmp_path / "grandchild.yaml").write_text("extends: child.yaml\nspaces: [tiny_no_mixer, tiny_fixed_mixer]\n")
    assert list(load_compare(tmp_path / "child.yaml").arms) == ["a", "b"]
    last = load_compare(tmp_path / "grandchild.yaml")
    assert list(last.arms) == ["tiny_no_mixer", "tiny_fixed_mixer"]
    assert {run.job.training.steps for run in last.runs} == {77}


def test_files_of_an_arm_are_beside_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("extends: tiny_asymmetric\nname: other\n")
    (tmp_path / "w.safetensors").write_bytes(b"")
    arms = {"mine": {"space": "mine.yaml"}, "begun": {"training": {"initial_weights": "w.safetensors"}}}
    file = _arms(tmp_path / "c.yaml", arms)
    monkeypatch.chdir("/")
    compare = load_compare(file)
    assert compare.runs[1].job.training.initial_weights == str(tmp_path / "w.safetensors")
    assert compare.resolved()["arms"]["mine"]["space"]["name"] == "other"


@pytest.mark.parametrize(
    ("arms", "more", "told"),
    [
        ({"a": {}}, {}, "two arms or more"),
        (ARMS, {"spaces": ["tiny_asymmetric", "tiny_symmetric"]}, "two arms or more.*got arms, spaces"),
        ({"no language": {}, "b": {"space": "tiny_symmetric"}}, {}, "no language"),
        ({"a": {}, "b": {"search": {"populaton": 3}}}, {}, r"arms\.b: makes no arm.*search\.populaton"),
        ({"a": {}, "b": {"space": "tiny_symetric"}}, {}, r"arms\.b\.space.*tiny_symmetric"),
        ({"a": {}, "b": {"seed": 3}}, {}, r"arms\.b\.seed: every run has its own, by `seeds`"),
        ({"a": {}, "b": {"training.workers": 1}}, {}, "arms.b: must differ from the arm 'a' in something"),
        ({"a": {}, "b": {"evaluation.reward": "suc"}}, {}, r"all arms must have the evaluation\.reward of 'a', None"),
        ({"a": {}, "b": {"data.test": None}}, {}, "an arm needs the test items of the others"),
        (
            {"a": {}, "b": {"training.steps": 9, "training": {"steps": 8}}},
            {},
            r"arms\.b\.training\.steps: the key is giv",
        ),
    ],
)
def test_what_is_wrong_with_arms_is_told(arms: object, more: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=rf"(?s){told}"):
        load_compare(_arms(tmp_path / "c.yaml", arms, **more))


@pytest.mark.parametrize("name", [name for name in list_jobs() if "compare" in name])
def test_shipped_comparisons_are_valid(name: str) -> None:
    assert not validate_file(name)
    compare = load_compare(name)
    assert compare.name == name and len(compare.runs) == 2 * len(compare.seeds)
    assert {run.job.search.evaluations for run in compare.runs} == {compare.runs[0].job.search.evaluations}
