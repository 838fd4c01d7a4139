"""Packages with plugins that cannot be imported: told where they are used, and listed beside the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = {
    "toy_syntax.py": "x = (\n",
    "toy_raises.py": "raise RuntimeError('no licence')\n",
}
POINTS = """\
[asymnas.trackers]
toy_syntax = toy_syntax:plugin
toy_gone = toy_gone:plugin
[asymnas.datasets]
toy_raises = toy_raises:dataset
"""


def asymnas(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "asymnas", *words], env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_broken_packages_are_listed_and_told(tmp_path: Path) -> None:
    for name, text in CODE.items():
        (tmp_path / name).write_text(text)
    info = tmp_path / "toy-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
    (info / "entry_points.txt").write_text(POINTS)
    listed = asymnas(tmp_path, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    assert "cannot import toy_syntax:plugin, but got SyntaxError" in found["trackers"]["toy_syntax"]
    assert "cannot import toy_gone:plugin" in found["trackers"]["toy_gone"]
    assert "RuntimeError: no licence" in found["datasets"]["toy_raises"]
    assert found["trackers"]["static"] and found["datasets"]["synthetic"]
    (tmp_path / "job.yaml").write_text(
        "extends: vlt_scar\nname: x\nbaselines: {trackers: [toy_syntax]}\n"
        "data: {validation: {sources: [{dataset: toy_raises, split: val}]}}\n"
    )
    done = asymnas(tmp_path, "validate", str(tmp_path / "job.yaml"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "SyntaxError" in done.stderr and "RuntimeError: no licence" in done.stderr
