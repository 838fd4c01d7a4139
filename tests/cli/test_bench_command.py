"""`asymnas bench` on a made-up table."""

from __future__ import annotations

import json

import pytest
from planted_table import planted_table
from typer.testing import CliRunner

from asymnas.cli._app import app


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "table.npz"
    planted_table().write(file)
    return str(file)


def bench(*words):
    return CliRunner().invoke(app, ["bench", *words])


def test_show_and_run_print_tables_and_json(table, tmp_path):
    shown = bench("show", "--table", table)
    assert shown.exit_code == 0 and "Spread and seed noise" in shown.output and "between them" in shown.output
    assert json.loads(bench("show", "--table", table, "--json").stdout)["architectures"] == 1024
    plot = tmp_path / "regret.png"
    words = ["run", "evolution", "random", "--table", table, "--seeds", "3", "--items", "30"]
    result = json.loads(bench(*words, "--noise", "items", "--json", "--plot", str(plot)).stdout)
    assert [arm["name"] for arm in result["arms"]] == ["evolution", "random"] and result["noise"] == "items"
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_messages(table, tmp_path):
    for words, told in (
        (("run", "evolutoin", "--table", table), "Did you mean 'evolution'"),
        (("run", "random+x", "--table", table), "+ladder, +estimator or both"),
        (("show", "--table", str(tmp_path / "no.npz")), "asymnas bench build"),
        (("build", "--part", "3/2", "--out", str(tmp_path / "t.npz")), "I/N with 1 <= I <= N"),
    ):
        found = bench(*words)
        assert found.exit_code == 2 and told in found.stderr, found.output
