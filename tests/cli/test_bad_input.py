"""Files that no one should hand in: each gives messages and exit code 2, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.space import load_architecture


def asymnas(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def assert_told(result: Result, message: str) -> None:
    """The message is on stderr and the exit code 2; the runner would hold an exception other than SystemExit."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["validate", "space"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0" * 40, "unacceptable character"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: " + b"[" * 3000, "nested"),
        (b"extends: tiny_asymmetric\nname: x\ndescription: 2020-13-45\n", "month must be in 1..12"),
        (b"extends: tiny_asymmetric\nname: x\n? [a, b]\n: 3\n", "key"),
        (b"", "x.yaml"),
    ],
    ids=["zeros", "utf-16", "deep", "no date", "key", "empty"],
)
def test_text_that_is_no_yaml(command: str, content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    assert_told(asymnas(command, str(file)), message)


def test_files_that_extend_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    assert_told(asymnas("validate", str(tmp_path / "a.yaml")), "must not extend itself")


def test_architecture_changed_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    written = asymnas("export", "vlt_scar_released", "--to", "json").stdout
    file.write_text(written)
    content = json.loads(written)
    gene, op = next(iter(content["genes"].items()))
    content["genes"][gene] = "shuffle_xception" if op != "shuffle_xception" else "shuffle_3x3"
    assert load_architecture(file)
    file.write_text(json.dumps(content))
    assert_told(asymnas("export", str(file), "--to", "sots"), "changed by hand")
    assert_told(asymnas("validate", str(file)), "cost.total")
    file.write_text(json.dumps(content | {"score": None, "cost": {}}))
    assert asymnas("export", str(file), "--to", "sots").exit_code == 0


def test_architecture_file_nested_too_deeply(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    file.write_text("[" * 100_000)
    assert_told(asymnas("export", str(file), "--to", "json"), "nested")
