"""Results as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from asymnas.report._numbers import difference_text, is_noise, language_rows, of, score_text
from asymnas.report._progress import span
from asymnas.runs.read import read_results
from asymnas.tracking.metrics import main_measure

__all__ = [
    "make_console",
    "make_table",
    "print_comparison",
    "print_dry_run",
    "print_run",
    "print_summary",
    "print_whole",
]

FILE_WIDTH = 130
UNLIMITED = 10_000


def print_summary(summary: Mapping[str, Any], folder: Path | None = None, console: Console | None = None) -> None:
    """Print what a search found; parts that are missing are not shown."""
    out = console or make_console()
    architecture = summary.get("architecture", {})
    if architecture.get("drawing"):
        title = f"\nBest architecture {architecture.get('key', '')} of {summary.get('space', '')}"
        out.print(Text(title), style="bold")
        out.print(Text(architecture["drawing"]))
    print_whole(out, _scores(summary))
    for table in (_language(summary), _cost(summary), _budget(summary), _videos(summary)):
        if table is not None:
            print_whole(out, table)
    if folder is not None:
        out.print(Text(f"run folder: {folder}  (report.html, architecture.json, evaluations.jsonl)"), soft_wrap=True)


def make_table(title: str, *columns: str) -> Table:
    """Return an empty table of the house: the first column is text, the others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def print_whole(out: Console, table: Table) -> None:
    """Print a table without cutting it: where the terminal is narrower, it wraps the lines."""
    before = out.width
    out.width = max(before, Measurement.get(out, out.options.update(max_width=UNLIMITED), table).maximum)
    try:
        out.print(table, crop=False)
    finally:
        out.width = before


def make_console() -> Console:
    """Standard output; as wide as the tables need where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, FILE_WIDTH))


def _measure(summary: Mapping[str, Any]) -> str:
    return main_measure(str(summary.get("protocol")))


def _scores(summary: Mapping[str, Any]) -> Table:
    measure = _measure(summary)
    title = f"{measure} ± SE over videos, protocol {summary.get('protocol', '?')}"
    table = make_table(title, "", measure, "measured on")
    validation, test = summary.get("validation"), summary.get("test") or {}
    if validation:
        language = f", {validation['language']} sentences" if validation.get("language") in ("with", "without") else ""
        table.add_row("best, validation (the reward)", score_text(validation), of(validation) + language)
    best_random = (summary.get("random_search") or {}).get("best")
    if best_random:
        table.add_row("best of random search, validation", score_text(best_random), "same videos, same budget")
    best = test.get("best")
    if not best:
        return table
    table.add_section()
    table.add_row("best, held-out test", score_text(best), of(best), style="bold")
    for part, score in test.get("parts", {}).items():
        table.add_row(f"  {part}", score_text(score), f"{score['n']} videos")
    if test.get("random_search"):
        table.add_row("best of random search, test", score_text(test["random_search"]), "same videos")
    random = test.get("random_architectures")
    if random:
        table.add_row(f"median of {random['n']} random architectures", f"{random['median']:.3f}", "same videos")
        if random.get("difference"):
            table.add_row("  best - median", difference_text(random["difference"]), "95 % interval" + _noise(random))
    for name, score in test.get("baselines", {}).items():
        table.add_row(name.replace("_", " "), score_text(score), "same videos")
        if score.get("difference"):
            table.add_row(f"  best - {name.replace('_', ' ')}", difference_text(score["difference"]), "95 % interval")
    for name, error in test.get("failed", {}).items():
        table.add_row(name, "failed", str(error).splitlines()[0][:60])
    return table


def _noise(row: Mapping[str, Any]) -> str:
    return ", contains zero: noise" if is_noise(row["difference"]) else ""


def _language(summary: Mapping[str, Any]) -> Table | None:
    rows = language_rows((summary.get("test") or {}).get("language"))
    if not rows:
        return None
    title = f"The same tracker with and without sentences, held-out test, {_measure(summary)}"
    table = make_table(title, "part", "with", "without", "paired difference", "")
    for row in rows:
        verdict = "noise" if is_noise(row["difference"]) else "clear of zero"
        values = (f"{row['with']:.3f}", f"{row['without']:.3f}", difference_text(row["difference"]))
        table.add_row(str(row["part"]), *values, verdict)
    return table


def _cost(summary: Mapping[str, Any]) -> Table | None:
    cost = summary.get("cost")
    if not cost:
        return None
    table = make_table("Cost", "branch", "MACs", "parameters")
    branches = {name: value for name, value in cost.items() if isinstance(value, Mapping) and "macs" in value}
    for name, value in branches.items():
        table.add_row(name, f"{value['macs'] / 1e6:.1f} M", f"{value['params'] / 1e6:.3f} M")
    if cost.get("amortised_macs") is not None:
        table.add_row("per frame, amortised", f"{cost['amortised_macs'] / 1e6:.1f} M", "")
    return table


def _budget(summary: Mapping[str, Any]) -> Table | None:
    seconds, search = summary.get("seconds") or {}, summary.get("search") or {}
    training, random = summary.get("training") or {}, summary.get("random_search") or {}
    if not (seconds or search or training):
        return None
    table = make_table("Budget spent", "stage", "time", "what")
    notes = {
        "training": _training_note(training),
        "search": _search_note(search),
        "random search": _search_note(random),
    }
    for stage in [*seconds, *(name for name in notes if name not in seconds and notes[name])]:
        table.add_row(stage, span(seconds[stage]) if stage in seconds else "", notes.get(stage, ""))
    if seconds:
        table.add_row("all", span(sum(seconds.values())), "", style="bold")
    return table


def _training_note(training: Mapping[str, Any]) -> str:
    parts = []
    if training.get("steps") is not None:
        parts.append(f"{training['steps']} steps")
    if training.get("pairs") is not None:
        parts.append(f"{training['pairs']} pairs")
    if training.get("pairs_per_second"):
        parts.append(f"{training['pairs_per_second']:.0f} pairs/s")
    return ", ".join(parts)


def _search_note(search: Mapping[str, Any]) -> str:
    parts = [f"{search['evaluated']} evaluations"] if search.get("evaluated") is not None else []
    if search.get("from_log"):
        parts.append(f"{search['from_log']} from the log")
    if search.get("failed"):
        parts.append(f"{search['failed']} failed")
    return ", ".join(parts)


def _videos(summary: Mapping[str, Any]) -> Table | None:
    """Every video's score where the videos are few, as those of real jobs are."""
    test = (summary.get("test") or {}).get("best") or {}
    validation = summary.get("validation") or {}
    rows = [(kind, name, suc) for kind, score in (("validation", validation), ("test", test))
            for name, suc in (score.get("videos") or {}).items()]  # fmt: skip
    real = [row for row in rows if not row[1].startswith("synthetic")]
    if not real or len(rows) > 80:
        return None
    measure = _measure(summary)
    table = make_table(f"{measure} per video", "video", "set", measure)
    for kind, name, suc in rows:
        table.add_row(name, kind, f"{suc:.3f}")
    return table


def print_comparison(result: Mapping[str, Any], folder: Path | None = None, console: Console | None = None) -> None:
    """Print what a comparison found."""
    out = console or make_console()
    table = make_table(
        f"Seed by seed, {_measure(result)}", "space", "seed", "validation", "test", "val. - test", "random search, test"
    )
    for name, space in result.get("spaces", {}).items():
        for row in space["seeds"]:
            random = row.get("random_search_test")
            numbers = [f"{row['validation']:.3f}", f"{row['test']:.3f}", f"{row['gap']:+.3f}"]
            table.add_row(name, str(row["seed"]), *numbers, "" if random is None else f"{random:.3f}")
        if space.get("gap"):
            table.add_row(name, "all", "", "", difference_text(space["gap"]), "")
        table.add_section()
    print_whole(out, table)
    for row in result.get("differences", []):
        out.print(Text(f"{row['kind'].replace('_', ' ')}: {row['verdict']}"), soft_wrap=True)
    if folder is not None:
        out.print(Text(f"run folder: {folder}  (report.html, summary.json)"), soft_wrap=True)


def print_dry_run(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what a dry run measured: nested mappings become sections."""
    out = console or make_console()
    table = Table(title="Dry run", title_justify="left", title_style="bold", show_header=False)
    for key, value in _flat(result):
        table.add_row(key, value)
    out.print(table)  # its cells are long and wrap


def _flat(data: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in data.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}: ")
        elif isinstance(value, list):
            rows += [(name, str(item)) for item in value]
        else:
            rows.append((name, f"{value:.4g}" if isinstance(value, float) else str(value)))
    return rows


def print_run(folder: Path | str, console: Console | None = None) -> None:
    """Print the table of a run folder, of a comparison as well."""
    results = read_results(folder)
    if "differences" in results:
        print_comparison(results, console=console)
        return
    if results.get("unfinished"):
        (console or make_console()).print(Text("The run is not finished; so far:"), style="yellow")
    print_summary(results, console=console)
