"""The table of what a run spent."""

from __future__ import annotations

import io

from rich.console import Console

from asymnas.report import print_summary


def test_both_searches_say_what_they_computed_and_what_was_known() -> None:
    counts = {"evaluated": 10, "from_log": 2, "failed": 0}
    out = Console(file=io.StringIO(), width=130)
    spent = {"search": 5.0, "random search": 65.0}
    print_summary({"search": counts, "random_search": counts, "seconds": spent}, None, out)
    rows = [line for line in out.file.getvalue().splitlines() if "10 evaluations, 2 from the log" in line]
    assert [row.split("  ")[0].strip() for row in rows] == ["search", "random search"]
