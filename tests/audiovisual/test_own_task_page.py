"""The page on your own task: its code runs as it stands, and what it writes keeps the contract."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "your_own_task.md"


def test_the_page_runs_and_its_task_keeps_the_contract(tmp_path) -> None:
    text = PAGE.read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (job,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "halves.yaml").write_text(job, "utf-8")
    (tmp_path / "test_page.py").write_text("\n".join(code), "utf-8")
    assert sum(len(block.splitlines()) for block in code) < 200
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accuracy on new writers" in done.stdout
    assert (tmp_path / "runs" / "halves" / "architecture.json").exists()
