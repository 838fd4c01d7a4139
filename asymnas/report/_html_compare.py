"""The report of a comparison: differences first, then every seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asymnas.report._numbers import difference_text
from asymnas.report._page import image, provenance, table, text
from asymnas.runs.read import RunData
from asymnas.tracking.metrics import main_measure

__all__ = ["comparison"]


def comparison(run: RunData, results: Mapping[str, Any]) -> str:
    """Return the body of the report of a comparison; `results` is its summary."""
    from asymnas.report._plots import difference_plot, seeds_plot

    spaces, differences = results.get("spaces") or {}, results.get("differences") or []
    parts = [f"<h1>{text(run.job.get('name'))}</h1>"]
    line = f"spaces {', '.join(spaces)}; seeds {', '.join(map(str, results.get('seeds', run.job.get('seeds', []))))}"
    parts.append(f"<p class='note'>{text(line)}</p>")
    if not spaces:
        return "".join([*parts, "<p>This comparison is not finished.</p>", provenance(run, results)])
    protocol = str(results.get("protocol", "lasot"))
    level = float(results.get("level", 0.95))
    for row in differences:
        parts.append(f"<p class='lead'>{text(row['kind'].replace('_', ' '))}: {text(row['verdict'])}</p>")
    if differences:
        parts.append(image(difference_plot(differences, level, protocol), "paired differences"))
        rows = [
            (
                f"{text(row['first'])} - {text(row['other'])}, {text(row['kind'].replace('_', ' '))}",
                difference_text(row["difference"]),
                f"{row['videos']} videos x {len(row['per_seed'])} seeds",
                "noise" if row["noise"] else "clear of zero",
            )
            for row in differences
        ]
        parts.append(table(("difference", f"{main_measure(protocol)}, {level:.0%} interval", "measured on", ""), rows))
    parts.append("<h2>Seed by seed</h2>" + image(seeds_plot(spaces, protocol), "score of each seed"))
    parts.append(_seed_table(spaces))
    parts.append(provenance(run, results))
    return "".join(parts)


def _seed_table(spaces: Mapping[str, Any]) -> str:
    rows: list[Sequence[str]] = []
    for name, space in spaces.items():
        for row in space["seeds"]:
            others = (row.get("random_search_test"), row.get("random_median_test"))
            rows.append(
                (
                    text(name),
                    str(row["seed"]),
                    f"{row['validation']:.3f}",
                    f"{row['test']:.3f}",
                    f"{row['gap']:+.3f}",
                    *("" if value is None else f"{value:.3f}" for value in others),
                )
            )
        if space.get("gap"):
            rows.append((f"{text(name)}, all seeds", "", "", "", difference_text(space["gap"]), "", ""))
    head = ("space", "seed", "validation", "test", "gap", "random search, test", "random median, test")
    return "<p class='note'>The gap is validation minus test.</p>" + table(head, rows)
