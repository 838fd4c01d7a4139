"""`asymnas diagnose`: from a log alone, and its messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.report import write_report
from asymnas.runs.folder import MARKED
from asymnas.search import Evaluation


def asymnas(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of an unfinished run whose log has twelve architectures on ten items."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.05, (12, 1)) + rng.normal(0.5, 0.05, (12, 10))
    lines = [
        Evaluation(
            key=str(place), stage="search", index=place, genes={"g": str(place)}, split="validation", reward="suc",
            value=float(row.mean()), items={f"v{i}": float(value) for i, value in enumerate(row)}, seconds=1.5,
        )
        for place, row in enumerate(values)
    ]  # fmt: skip
    (tmp_path / ".asymnas-run").write_text(MARKED)
    (tmp_path / "job.yaml").write_text("name: x\ntask: tracking\n")
    (tmp_path / "evaluations.jsonl").write_text("".join(line.to_json() + "\n" for line in lines))
    return tmp_path


def test_a_diagnosis_is_printed_kept_and_written(run: Path) -> None:
    file = run / "out.json"
    result = asymnas("diagnose", str(run), "--json", str(file))
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert found["sentence"].startswith("This reward orders architectures with reliability 0.")
    for part in (found["sentence"], "suc, 10 items", "1.5 s", "in the best tenth", f"report: {run / 'report.html'}"):
        assert part in result.stdout
    assert json.loads((run / "diagnosis.json").read_text()) == found
    page = (run / "report.html").read_text()
    assert page.count("data:image/png") >= 4 and "Where the variance comes from" in page


def test_a_report_has_the_section_without_a_diagnosis(run: Path) -> None:
    assert "How far the scores can be trusted" in write_report(run).read_text()
    assert not (run / "diagnosis.json").exists()
    (run / "evaluations.jsonl").unlink()
    assert "How far the scores can be trusted" not in write_report(run).read_text()


def assert_told(result: Result, message: str) -> None:
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output


def test_bad_folders_and_options_are_told(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_told(asymnas("diagnose", "/nowhere"), "no run folder")
    own = tmp_path_factory.mktemp("own")
    (own / "report.html").write_text("mine")
    assert_told(asymnas("diagnose", str(own)), "is no run folder, but got report.html")
    assert_told(asymnas("diagnose", str(run), "--items", "1"), "--items")
    assert_told(asymnas("diagnose", str(run), "--conditions"), "must have a trained supernet")
    assert_told(asymnas("diagnose", str(run), "--reward", "suc"), "--reward: says what a sample is")
    assert_told(asymnas("diagnose", str(run), "--archive", "3"), "--archive: says what a sample is")
    (run / "diagnosis.json").write_text("[]")
    assert_told(asymnas("diagnose", str(run)), "must be a diagnosis of this version")
    (run / "diagnosis.json").unlink()
    (run / "job.yaml").write_text("kind: compare\nname: x\n")
    assert_told(asymnas("diagnose", str(run)), "must be the folder of a search, but got a comparison")
