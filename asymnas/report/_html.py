"""`report.html`: one self-contained page of a run, made from its folder alone."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.job import write_text
from asymnas.report._numbers import difference_text, is_noise, language_rows, of, score_text
from asymnas.report._progress import span
from asymnas.report._read import RunData, read_results, read_run

__all__ = ["write_report"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1 { margin-bottom: 0.2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; margin: 0.8rem 0; } th, td { padding: 0.25rem 0.8rem; text-align: left; }
th { border-bottom: 2px solid #bbb; } td { border-bottom: 1px solid #eee; } td.number { text-align: right; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 12px; line-height: 1.3; }
img { max-width: 100%; } .note { color: #555; } .lead { font-weight: 600; }
"""


def write_report(folder: Path | str) -> Path:
    """Write `report.html` into a run folder, of a finished or unfinished run or of a comparison.

    Args:
        folder: the run folder; nothing else is read.

    Returns:
        The path of the report.

    Raises:
        RunFolderError: it is no run folder, a file of it is corrupt, or the report cannot be written.
    """
    run = read_run(folder)
    results = read_results(folder)
    body = _comparison(run, results) if run.is_comparison else _search(run, results)
    name = html.escape(str(run.job.get("name", run.path.name)))
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}: AsymNAS</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    return write_text(run.path / "report.html", page)


def _search(run: RunData, results: Mapping[str, Any]) -> str:
    protocol = str(results.get("protocol", run.job.get("evaluation", {}).get("protocol", "")))
    sections = [
        _head(run, results),
        _scores(results, protocol),
        _progress(run, results, protocol),
        _language(results, protocol),
        _videos(results, protocol),
        _architecture(run, results),
        _frequencies(run),
        _training(run, results),
        _provenance(run, results),
    ]
    return "\n".join(section for section in sections if section)


def _head(run: RunData, results: Mapping[str, Any]) -> str:
    job = run.job
    space = job.get("space")
    name = space.get("name", "a space of the job") if isinstance(space, Mapping) else space
    state = "This run is not finished: the figures are those of its log so far." if results.get("unfinished") else ""
    line = f"search space {name}, tracker {job.get('tracker', {}).get('name')}, seed {job.get('seed')}"
    return f"<h1>{_text(job.get('name'))}</h1><p class='note'>{_text(line)}</p>" + (f"<p>{state}</p>" if state else "")


def _scores(results: Mapping[str, Any], protocol: str) -> str:
    validation, test = results.get("validation"), results.get("test") or {}
    rows: list[Sequence[str]] = []
    if validation:
        language = validation.get("language")
        condition = f", {language} sentences" if language in ("with", "without") else ""
        rows.append(("best, validation (the reward)", score_text(validation), of(validation) + condition))
    best_random = (results.get("random_search") or {}).get("best")
    if best_random:
        count = results["random_search"].get("evaluated", "?")
        rows.append(("best of random search, validation", score_text(best_random), f"{count} evaluations, same videos"))
    best = test.get("best")
    if best:
        rows.append(("<b>best, held-out test</b>", f"<b>{score_text(best)}</b>", of(best)))
        rows += [(f"&emsp;{_text(part)}", score_text(s), f"{s['n']} videos") for part, s in test.get("parts", {}).items()]
    if test.get("random_search"):
        rows.append(("best of random search, test", score_text(test["random_search"]), "same videos"))
    random = test.get("random_architectures")
    if random:
        rows.append((f"median of {random['n']} random architectures", f"{random['median']:.3f}", "same videos"))
        noise = "; it contains zero: noise" if is_noise(random["difference"]) else ""
        rows.append(("&emsp;best - median", difference_text(random["difference"]), f"95 % interval{noise}"))
    rows += [(_text(name), score_text(score), "same videos") for name, score in test.get("baselines", {}).items()]
    if not rows:
        return ""
    title = f"<h2>Scores</h2><p class='note'>SUC ± standard error over videos, protocol {_text(protocol)}.</p>"
    return title + _table(("", "SUC", "measured on"), rows)


def _progress(run: RunData, results: Mapping[str, Any], protocol: str) -> str:
    search, random = run.stage("search"), run.stage("random")
    if not any(item.suc is not None for item in [*search, *random]):
        return ""
    from asymnas.report._plots import progress_plot

    counts = results.get("search") or {}
    evaluated = counts.get("evaluated", len(search))
    text = f"{evaluated} architectures were evaluated, {counts.get('failed', 0)} failed."
    return f"<h2>Search</h2><p class='note'>{text}</p>" + _image(progress_plot(search, random, protocol), "search progress")


def _language(results: Mapping[str, Any], protocol: str) -> str:
    rows = language_rows((results.get("test") or {}).get("language"))
    if not rows:
        return ""
    from asymnas.report._plots import language_plot

    said = []
    for row in rows:
        verdict = "the interval contains zero: noise." if is_noise(row["difference"]) else "clear of zero."
        said.append(f"<li>{_text(row['part'])}: {difference_text(row['difference'])}, {verdict}</li>")
    picture = _image(language_plot(rows, protocol), "with and without sentences")
    return f"<h2>What the sentences are worth</h2>{picture}<ul>{''.join(said)}</ul>"


def _videos(results: Mapping[str, Any], protocol: str) -> str:
    from asymnas.report._plots import videos_plot

    test = results.get("test") or {}
    found = []
    best = test.get("best") or {}
    if best.get("videos"):
        trackers = {"best": best["videos"]}
        named = {"best of random search": test.get("random_search") or {}, **test.get("baselines", {})}
        trackers |= {name.replace("_", " "): score["videos"] for name, score in named.items() if score.get("videos")}
        found.append("<h3>Held-out test</h3>" + _image(videos_plot(trackers, protocol), "SUC of each test video"))
    validation = results.get("validation") or {}
    if validation.get("videos"):
        picture = _image(videos_plot({"best": validation["videos"]}, protocol), "SUC of each validation video")
        found.append("<h3>Validation</h3>" + picture)
    return "<h2>Every video</h2>" + "".join(found) if found else ""


def _architecture(run: RunData, results: Mapping[str, Any]) -> str:
    architecture = results.get("architecture") or {}
    genes = architecture.get("genes") or run.architecture.get("genes")
    if not genes:
        return ""
    parts = [f"<h2>Architecture {_text(architecture.get('key', ''))}</h2>"]
    if architecture.get("drawing"):
        parts.append(f"<pre>{_text(architecture['drawing'])}</pre>")
    cost = results.get("cost") or {}
    rows = [
        (_text(name), f"{value['macs'] / 1e6:.1f} M", f"{value['params'] / 1e6:.3f} M")
        for name, value in cost.items()
        if isinstance(value, Mapping) and "macs" in value
    ]
    if cost.get("amortised_macs") is not None:
        rows.append(("per frame, amortised", f"{cost['amortised_macs'] / 1e6:.1f} M", ""))
    if rows:
        parts.append(_table(("branch", "MACs", "parameters"), rows))
    listing = "\n".join(f"{gene}: {op}" for gene, op in genes.items())
    parts.append(f"<details><summary>All {len(genes)} genes</summary><pre>{_text(listing)}</pre></details>")
    return "".join(parts)


def _frequencies(run: RunData) -> str:
    from asymnas.report._frequencies import op_frequencies

    frequencies = op_frequencies([*run.stage("search"), *run.stage("random")])
    if frequencies is None:
        return ""
    from asymnas.report._plots import frequency_plot

    note = (
        f"Shares among the best {frequencies.count} architectures. Framed: outside the band that 95 % of independent uniform "
        "choices keep to. Architectures of an evolution are kin, so a frame is a hint and no proof."
    )
    return f"<h2>Ops of the best</h2><p class='note'>{note}</p>" + _image(frequency_plot(frequencies), "op frequencies")


def _training(run: RunData, results: Mapping[str, Any]) -> str:
    if len(run.training) < 2:
        return ""
    from asymnas.report._plots import loss_plot

    training = results.get("training") or {}
    parts = [f"{training['steps']} steps" if training.get("steps") else ""]
    parts.append(f"{training['pairs']} pairs" if training.get("pairs") else "")
    parts.append(f"{training['pairs_per_second']:.0f} pairs/s" if training.get("pairs_per_second") else "")
    note = ", ".join(part for part in parts if part)
    return f"<h2>Training of the supernet</h2><p class='note'>{note}</p>" + _image(loss_plot(run.training), "training loss")


def _provenance(run: RunData, results: Mapping[str, Any]) -> str:
    provenance = dict(run.architecture.get("provenance") or {})
    rows = [(_text(key), _text(value)) for key, value in provenance.items() if not isinstance(value, Mapping)]
    if results.get("weights_hash") and "weights_hash" not in provenance:
        rows.append(("weights", _text(results["weights_hash"])))
    versions = results.get("versions") or provenance.get("versions") or {}
    if versions:
        rows.append(("versions", _text(", ".join(f"{name} {version}" for name, version in versions.items()))))
    seconds = results.get("seconds") or {}
    if seconds:
        times = ", ".join(f"{stage} {span(value)}" for stage, value in seconds.items())
        rows.append(("time", _text(f"{times}; together {span(sum(seconds.values()))}")))
    text = (run.path / "job.yaml").read_text(encoding="utf-8")
    job = f"<details><summary>job.yaml</summary><pre>{_text(text)}</pre></details>"
    return "<h2>Where this comes from</h2>" + (_table(("", ""), rows) if rows else "") + job


def _comparison(run: RunData, results: Mapping[str, Any]) -> str:
    from asymnas.report._plots import difference_plot, seeds_plot

    spaces, differences = results.get("spaces") or {}, results.get("differences") or []
    parts = [f"<h1>{_text(run.job.get('name'))}</h1>"]
    line = f"spaces {', '.join(spaces)}; seeds {', '.join(map(str, results.get('seeds', run.job.get('seeds', []))))}"
    parts.append(f"<p class='note'>{_text(line)}</p>")
    if not spaces:
        return "".join([*parts, "<p>This comparison is not finished.</p>", _provenance(run, results)])
    protocol = str(results.get("protocol", "lasot"))
    level = float(results.get("level", 0.95))
    parts += [f"<p class='lead'>{_text(row['kind'].replace('_', ' '))}: {_text(row['verdict'])}</p>" for row in differences]
    if differences:
        parts.append(_image(difference_plot(differences, level), "paired differences"))
        rows = [
            (
                f"{_text(row['first'])} - {_text(row['other'])}, {_text(row['kind'].replace('_', ' '))}",
                difference_text(row["difference"]),
                f"{row['videos']} videos x {len(row['per_seed'])} seeds",
                "noise" if row["noise"] else "clear of zero",
            )
            for row in differences
        ]
        parts.append(_table(("difference", f"SUC, {level:.0%} interval", "measured on", ""), rows))
    parts.append("<h2>Seed by seed</h2>" + _image(seeds_plot(spaces, protocol), "SUC of each seed"))
    parts.append(_seed_table(spaces))
    parts.append(_provenance(run, results))
    return "".join(parts)


def _seed_table(spaces: Mapping[str, Any]) -> str:
    rows: list[Sequence[str]] = []
    for name, space in spaces.items():
        for row in space["seeds"]:
            others = (row.get("random_search_test"), row.get("random_median_test"))
            rows.append(
                (
                    _text(name),
                    str(row["seed"]),
                    f"{row['validation']:.3f}",
                    f"{row['test']:.3f}",
                    f"{row['gap']:+.3f}",
                    *("" if value is None else f"{value:.3f}" for value in others),
                )
            )
        if space.get("gap"):
            rows.append((f"{_text(name)}, all seeds", "", "", "", difference_text(space["gap"]), "", ""))
    head = ("space", "seed", "validation", "test", "gap (validation - test)", "random search, test", "random median, test")
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; all columns but the first are numbers or notes."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _image(png: bytes, alternative: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'


def _text(value: Any) -> str:
    return html.escape(str(value))
