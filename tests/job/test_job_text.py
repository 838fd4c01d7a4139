"""Odd but plausible text in job and space files, and overrides of whole sections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asymnas.core.errors import JobError
from asymnas.job import find_job, launch_job, load_compare, load_job, validate_file
from asymnas.job._sources import place_of
from asymnas.runs.folder import RunFolder
from asymnas.space import load_space, save_architecture

ROCKET = "\N{ROCKET}"


def test_text_that_looks_like_a_number_comes_back_from_a_run_folder(tmp_path: Path) -> None:
    overrides = {"name": "12e3", "data.test.sources[0].exclude": ["1e5", "2E-3", "1.5", "yes"]}
    job = load_job("vlt_scar", overrides)
    RunFolder.open(tmp_path / "run", job).close()
    again = load_job(tmp_path / "run" / "job.yaml")
    assert again.name == "12e3" and again.hash == job.hash
    RunFolder.open(tmp_path / "run", job, resume=True).close()


def test_a_section_given_as_an_override_is_merged() -> None:
    whole = load_job("vlt_scar", ["training={steps: 400, lr: 0.001}"])
    assert whole == load_job("vlt_scar", ["training.steps=400", "training.lr=0.001"])
    assert whole == load_job("vlt_scar", {"training": {"steps": 400, "lr": 0.001}})
    assert whole.training.optimizer == "adamw"  # the job's, not the default
    assert (
        load_job("vlt_scar", ["data.test.sources=[{dataset: synthetic, split: test}]"]).data.test.sources[0].videos
        is None
    )
    with pytest.raises(JobError, match=r"steps: the key is given twice"):
        load_job("vlt_scar", ["training={steps: 400, steps: 500}"])


def test_a_mapping_in_the_place_of_a_list_is_told_where_it_was_given() -> None:
    with pytest.raises(
        JobError, match=r"^override 'evaluation.ladder=\{items: 3\}': evaluation.ladder: must be a list"
    ):
        load_job("vlt_scar", ["evaluation.ladder={items: 3}"])


@pytest.mark.parametrize("name", ["job.json", "space.json"])
def test_json_of_other_programs(name: str, tmp_path: Path) -> None:
    base = {"job.json": "vlt_scar", "space.json": "tiny_asymmetric"}[name]
    extra = (
        {"space": {"extends": "tiny_asymmetric", "description": ROCKET}}
        if name == "job.json"
        else {"description": ROCKET}
    )
    text = json.dumps({"extends": base, "name": "mine", **extra}, indent="\t")
    assert "\\ud83d" in text
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert validate_file(tmp_path / name) == []
    if name == "space.json":
        assert load_space(tmp_path / name).description == ROCKET
    else:
        assert load_job(tmp_path / name).space["description"] == ROCKET


def test_an_architecture_with_a_byte_order_mark_or_a_double_key(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    space = load_space("tiny_symmetric")
    save_architecture(file, next(space.enumerate()))
    text = file.read_text()
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert validate_file(file) == []
    file.write_text(text.replace('"genes": {', '"genes": {\n    "template.stage1.block1": "shuffle_7x7",', 1))
    assert any("given twice" in problem.rule for problem in validate_file(file))


@pytest.mark.parametrize("source", ["x" * 5000, "~nobody-is-called-so/job.yaml", "a\0b"])
def test_a_name_that_can_be_no_path(source: str) -> None:
    with pytest.raises(JobError, match="must be a job file or the name"):
        find_job(source)


def test_a_home_of_nobody_in_a_path() -> None:
    for key in ("training.initial_weights", "space"):
        with pytest.raises(JobError, match="does not exist"):
            load_job("vlt_scar", {key: "~nobody-is-called-so/x.yaml"})
    job = launch_job("vlt_scar", data_root=Path("~nobody-is-called-so/data"))
    assert job.data.root is not None and job.data.root.endswith("data")


def test_digits_of_other_scripts_and_long_numbers_are_words() -> None:
    assert place_of("a.b[3].0") == ("a", "b", 3, 0)
    assert place_of("a.\N{SUPERSCRIPT TWO}") == ("a", "\N{SUPERSCRIPT TWO}")
    assert place_of("a." + "9" * 5000)[1] == "9" * 5000


def test_a_space_in_a_folder_beside_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "mine").write_text("extends: tiny_asymmetric\nname: mine\n")
    (tmp_path / "job.yaml").write_text("extends: vlt_scar\nspace: spaces/mine\n")
    monkeypatch.chdir("/")
    assert load_job(tmp_path / "job.yaml").resolved()["space"]["name"] == "mine"


@pytest.mark.parametrize(("key", "value"), [("bootstrap.samples", 10**9), ("concurrency", 20_000)])
def test_numbers_of_a_comparison_are_bounded(key: str, value: int) -> None:
    with pytest.raises(JobError, match="must be <="):
        load_compare("compare_symmetry", {key: value})
