"""`asymnas export -o`: links are followed, and a full device is told."""

from __future__ import annotations

import stat
from pathlib import Path

from typer.testing import CliRunner

from asymnas.cli import app


def test_export_into_a_link_and_a_full_device(tmp_path: Path) -> None:
    words = ["export", "vlt_scar_released", "--to", "sots", "-o"]
    (tmp_path / "cand.yaml").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "cand.yaml")
    assert CliRunner().invoke(app, [*words, str(tmp_path / "link")]).exit_code == 0
    assert (tmp_path / "link").is_symlink() and "CAND" in (tmp_path / "cand.yaml").read_text()
    full = CliRunner().invoke(app, [*words, "/dev/full"])
    assert full.exit_code == 2 and "No space left" in full.stderr
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_export_writes_an_architecture_file_where_no_format_is_named() -> None:
    plain, named = (CliRunner().invoke(app, ["export", "vlt_tt_released", *more]) for more in ([], ["--to", "json"]))
    assert plain.exit_code == 0 and plain.stdout == named.stdout
    assert '"format": "asymnas-architecture"' in plain.stdout
