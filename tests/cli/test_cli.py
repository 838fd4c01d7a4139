"""The command line: exit codes, messages without traceback, JSON alone on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.core.errors import EvaluationError, Problem
from asymnas.runs import CompareSummary, RunSummary, Score
from asymnas.runs.summary import PowerSummary

SCORE = Score(value=0.512, se=0.03, items={"a/b": 0.512}, facts={"frames": 24})
COMMON = {"task": "tracking", "job": "x", "reward": {"name": "suc", "title": "SUC"}, "noun": "videos", "versions": {}}
TRAINING = {"steps": 1, "samples": 8, "seconds": 1.0, "losses": {"total": 1.0}}
SUMMARY = RunSummary.model_validate(
    {
        **COMMON, "climbed": COMMON["reward"] | {"noun": "videos"}, "job_hash": "h", "seed": 0, "space": "s",
        "space_hash": "h", "weights_hash": "w", "seconds": {},
        "architecture": {"key": "k", "genes": {}, "drawing": ""}, "validation": SCORE, "training": TRAINING,
        "cost": {"branches": {}, "amortised_macs": 0, "amortised_frames": 300},
    }
)  # fmt: skip
COMPARED = CompareSummary.model_validate(
    {
        **COMMON, "climbed": COMMON["reward"] | {"noun": "videos"}, "training": TRAINING,
        "test_items": 1, "test_facts": {}, "validation_items": 1, "level": 0.95,
        "margin": 0.01, "seeds": [0], "arms": {}, "differences": [], "seconds": 1.0,
    }
)  # fmt: skip
POWER = PowerSummary.model_validate(
    {
        "sd": {"seed": 0.01}, "share": {"seed": 1.0}, "noun": "videos", "source": "assumed", "level": 0.95,
        "margin": 0.01,
        "prospects": [{"seeds": 3, "items": 36, "half_width": 0.0123, "detectable": 0.0456}], "seeds_needed": 7,
    }
)  # fmt: skip


def asymnas(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A stand-in for the pipeline that remembers how it was called."""
    calls: dict[str, Any] = {}
    fake = types.ModuleType("asymnas.study")

    def run_job(job: Any, folder: Path, **options: Any) -> RunSummary:
        calls["run"] = (job, folder, options)
        options["progress"].update("search", 1, 2, "best SUC 0.5")
        if "error" in calls:
            raise calls["error"]
        return SUMMARY

    def dry_run(job: Any, progress: Any) -> dict[str, Any]:
        calls["dry"] = job
        return {"memory_mb": 812.5}

    def run_compare(job: Any, folder: Path, **options: Any) -> CompareSummary:
        calls["compare"] = (job, folder, options)
        return COMPARED

    def plan_compare(job: Any, folder: Path, like: Path | None) -> PowerSummary:
        calls["plan"] = (job, folder, like)
        return POWER

    def retrain(architecture: Path, job: Any, folder: Path, **options: Any) -> RunSummary:
        calls["retrain"] = (architecture, job, folder, options)
        return SUMMARY

    for function in (run_job, dry_run, plan_compare, run_compare, retrain):
        setattr(fake, function.__name__, function)
    monkeypatch.setitem(sys.modules, "asymnas.study", fake)
    monkeypatch.setattr("asymnas.report.write_report", lambda folder: calls.setdefault("reports", []).append(folder))
    return calls


def test_every_command_has_help_with_an_example() -> None:
    listed = asymnas("--help").stdout
    for name in ("search", "compare", "space", "list", "validate", "export", "retrain", "report", "track"):
        assert name in listed
        assert f"Example: asymnas {name}" in asymnas(name, "--help").stdout


def test_search_hands_the_job_on_and_prints_the_table(study: dict[str, Any]) -> None:
    result = asymnas("search", "vlt_scar", "--set", "seed=3", "--workers", "2", "--resume", "--run", "here")
    assert result.exit_code == 0, result.output
    job, folder, options = study["run"]
    assert (job.seed, job.resources.workers, folder) == (3, 2, Path("here"))
    assert (options["resume"], options["fresh"]) == (True, False)
    assert "0.512 ± 0.030" in result.stdout
    assert "search: 1/2" in result.stderr


def test_json_is_alone_on_stdout_and_progress_silent(study: dict[str, Any]) -> None:
    result = asymnas("search", "vlt_scar", "--json")
    assert RunSummary.model_validate_json(result.stdout) == SUMMARY
    assert result.stderr == ""
    assert study["run"][1] == Path("runs/vlt_scar")


def test_dry_run_starts_no_run(study: dict[str, Any]) -> None:
    result = asymnas("search", "vlt_scar", "--dry-run")
    assert "812.5" in result.stdout
    assert "run" not in study


def test_compare_and_data_root(study: dict[str, Any], tmp_path: Path) -> None:
    result = asymnas("compare", "compare_symmetry", "--data-root", str(tmp_path), "--fresh", "--json")
    assert result.exit_code == 0, result.output
    job, _, options = study["compare"]
    assert job.overrides["data.root"] == str(tmp_path)
    assert options["fresh"]
    assert [folder.name for folder in study["reports"]] == ["compare_symmetry", *(run.name for run in job.runs)]


def test_a_comparison_says_before_it_starts_what_it_will_see(study: dict[str, Any], tmp_path: Path) -> None:
    result = asymnas("compare", "compare_symmetry", "--dry-run", "--like", str(tmp_path), "--run", "here")
    assert "compare" not in study and study["plan"][1:] == (Path("here"), tmp_path)
    for part in ("a true difference of 0.046", "80% power", "±0.012", "7 seeds of 36 videos"):
        assert part in result.stdout
    asymnas("compare", "compare_symmetry", "--like", str(tmp_path))
    assert study["compare"][2]["like"] == tmp_path and study["compare"][2]["on_power"] is not None
    assert json.loads(asymnas("compare", "compare_symmetry", "--dry-run", "--json").stdout)["seeds_needed"] == 7


def test_user_error_is_a_message_and_exit_code_2(study: dict[str, Any]) -> None:
    study["error"] = EvaluationError([Problem("here", "must be so", "other", "Do that."), Problem("there", "too")])
    result = asymnas("search", "vlt_scar")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "error: here: must be so, but got other. Do that." in result.stderr
    assert "error: there: too." in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_tells_how_to_go_on(study: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    study["error"] = KeyboardInterrupt()
    monkeypatch.setattr(sys, "argv", ["/bin/asymnas", "search", "vlt_scar", "--fresh", "--set", "name=a b"])
    result = asymnas("search", "vlt_scar", "--fresh", "--set", "seed=1")
    assert result.exit_code == 130
    assert "resume with: asymnas search vlt_scar --set 'name=a b' --resume" in result.stderr


def test_unexpected_error_keeps_its_traceback(study: dict[str, Any]) -> None:
    study["error"] = ZeroDivisionError("a bug")
    assert isinstance(asymnas("search", "vlt_scar").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("search", "vlt_skar"), "Did you mean 'vlt_scar'?"),
        (("search", "vlt_scar", "--set", "training.stpes=3"), "Did you mean 'steps'?"),
        (("search", "vlt_scar", "--workers", "0"), "greater than or equal to 1"),
        (("search", "vlt_scar", "--engine", "dask"), "inprocess"),
        (("compare", "vlt_scar"), "asymnas search"),
        (("report", "/nowhere"), "no run folder"),
        (("space", "tiny_asymetric"), "tiny_asymmetric"),
        (("space", "a", "b"), "diff A B"),
        (("export", "/nowhere.json", "--to", "json"), "nowhere.json"),
        (("list", "tracker"), "trackers"),
    ],
)
def test_bad_input_exits_with_2(words: tuple[str, ...], message: str, study: dict[str, Any]) -> None:
    result = asymnas(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert "run" not in study


def test_validate_prints_all_problems(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("extends: vlt_scar\nname: g\n")
    bad.write_text("extends: vlt_scar\nname: b\nsede: 1\ntraining: {lr: 0}\n")
    assert asymnas("validate", str(good)).stdout == f"{good}: valid\n"
    result = asymnas("validate", str(good), str(bad))
    assert result.exit_code == 2
    assert f"{bad}: 2 problems" in result.stdout
    assert f"error: {bad}:3: sede: unknown key" in result.stderr
    as_json = asymnas("validate", str(good), str(bad), "--json")
    assert as_json.exit_code == 2
    problems = json.loads(as_json.stdout)
    assert problems[str(good)] == []
    assert [problem["where"] for problem in problems[str(bad)]] == [f"{bad}:4: training.lr", f"{bad}:3: sede"]


def test_list_names_everything_with_one_line() -> None:
    found = json.loads(asymnas("list", "--json").stdout)
    assert set(found) >= {"tasks", "trackers", "datasets", "ops", "mixers", "searchers", "spaces", "jobs"}
    assert "tracking" in found["tasks"] and "evolution" in found["searchers"]
    assert {"vlt_scar", "static"} <= found["trackers"].keys()
    assert {"vlt_scar", "paper/vlt_scar"} <= found["jobs"].keys()
    assert all(len(line) > 10 for entries in found.values() for line in entries.values())
    assert list(json.loads(asymnas("list", "jobs", "--json").stdout)) == ["jobs"]
    assert "synthetic" in asymnas("list", "datasets").stdout
    assert "this process" not in asymnas("list", "ops").stdout


def test_space_and_diff() -> None:
    assert "template" in asymnas("space", "tiny_symmetric").stdout
    described = json.loads(asymnas("space", "vlt_asymmetric", "--json").stdout)
    assert str(4**48) in json.dumps(described)
    assert "tie" in asymnas("space", "diff", "tiny_asymmetric", "tiny_symmetric").stdout
    assert json.loads(asymnas("space", "diff", "tiny_asymmetric", "tiny_symmetric", "--json").stdout)


def test_export_and_retrain(tmp_path: Path, study: dict[str, Any]) -> None:
    released = Path(__file__).resolve().parents[2] / "search_spaces" / "vlt_scar_released.json"
    assert "CAND" in asymnas("export", str(released), "--to", "sots").stdout
    assert json.loads(asymnas("export", str(released), "--to", "json").stdout)["format"] == "asymnas-architecture"
    assert json.loads(asymnas("export", str(released), "--to", "nni").stdout)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "architecture.json").write_bytes(released.read_bytes())
    result = asymnas("export", str(tmp_path / "run"), "--to", "sots", "-o", str(tmp_path / "cand.yaml"))
    assert result.exit_code == 0, result.output
    assert "CAND" in (tmp_path / "cand.yaml").read_text()
    assert asymnas("retrain", str(released), "--job", "vlt_scar", "--json").exit_code == 0
    assert Path(study["retrain"][0]) == released
    assert asymnas("retrain", "vlt_scar_released", "--job", "vlt_scar", "--engine", "inprocess").exit_code == 0
    assert study["retrain"][0] == "vlt_scar_released" and study["retrain"][1].resources.engine == "inprocess"
    assert "--job" in asymnas("retrain", "vlt_scar_released").stderr


def test_program_in_a_process_of_its_own() -> None:
    program = [sys.executable, "-c", "from asymnas.cli import main; main()", "search", "nowhere"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
