"""The example scripts run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def example(name: str, *arguments: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("examples")
    return folder / "run", example("search_and_track.py", folder / "run", folder=folder)


def test_search_and_track(searched) -> None:
    folder, text = searched
    assert text.count("search ") == 8 and "found" in text
    assert [line.split()[0] for line in text.splitlines()[-5:]] == ["1", "2", "3", "4", "5"]
    assert (folder / "report.html").is_file()


def test_compare_two_runs(searched, tmp_path) -> None:
    folder, _ = searched
    text = example("compare_two_runs.py", folder, folder, folder=tmp_path)
    assert "a random architecture" in text
    assert text.endswith("difference +0.000 [+0.000, +0.000]: noise\n")


def test_space_in_python(tmp_path) -> None:
    assert "59049 architectures, 10 genes" in example("space_in_python.py", folder=tmp_path)


def test_own_tracker(tmp_path) -> None:
    mine, static = example("own_tracker.py", folder=tmp_path).splitlines()
    assert mine.startswith("mean_colour: SUC 0.") and static.startswith("static: SUC 0.")
