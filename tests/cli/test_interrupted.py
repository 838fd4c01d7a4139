"""What is said after Ctrl-C: the command that goes on, where there is something to go on with."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

import asymnas.study
from asymnas.cli import app


@pytest.mark.parametrize(
    ("program", "said"), [("/x/bin/asymnas", "asymnas search"), ("/x/asymnas/__main__.py", "python -m asymnas search")]
)
def test_the_command_that_goes_on_is_told(program, said, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(asymnas.study, "run_job", interrupt)
    monkeypatch.setattr(asymnas.study, "dry_run", interrupt)
    words = ["search", "vlt_scar", "--fresh", "--set", "name=a_b"]
    monkeypatch.setattr(sys, "argv", [program, *words])
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 130
    assert f"interrupted; resume with: {said} vlt_scar --set name=a_b --resume" in result.stderr
    result = CliRunner().invoke(app, [*words, "--dry-run"])  # leaves nothing to be resumed
    assert result.exit_code == 130 and result.stderr.strip() == "interrupted"
