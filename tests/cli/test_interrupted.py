"""What is said after Ctrl-C: the command that goes on, where there is something to go on with."""

from __future__ import annotations

import subprocess
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


def test_ctrl_c_while_the_program_starts_leaves_no_traceback():
    code = (
        "import builtins, sys\n"
        "def hook(name, *more, wrapped=builtins.__import__):\n"
        "    if name == 'typer':\n"
        "        raise KeyboardInterrupt\n"
        "    return wrapped(name, *more)\n"
        "builtins.__import__ = hook\n"
        "from asymnas.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_full_disk_behind_the_output_leaves_no_traceback():
    words = [sys.executable, "-m", "asymnas", "space", "tiny_symmetric"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written (No space left on device). Free some space.\n"
