"""`report.html`: one self-contained page of a run, made from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.disk import write_text
from asymnas.report._html_compare import comparison
from asymnas.report._numbers import difference_text, is_noise, language_rows, of, score_text
from asymnas.report._page import STYLE, image, provenance, table, text
from asymnas.runs.read import RunData, read_results, read_run
from asymnas.tracking.metrics import main_measure

__all__ = ["write_report"]


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
    body = comparison(run, results) if run.is_comparison else _search(run, results)
    name = text(run.job.get("name", run.path.name))
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
        _strips(run),
        _progress(run, results, protocol),
        _language(results, protocol),
        _videos(results, protocol),
        _architecture(run, results),
        _frequencies(run),
        _training(run, results),
        provenance(run, results),
    ]
    return "\n".join(section for section in sections if section)


def _head(run: RunData, results: Mapping[str, Any]) -> str:
    job = run.job
    space = job.get("space")
    name = space.get("name", "a space of the job") if isinstance(space, Mapping) else space
    state = "This run is not finished: the figures are those of its log so far." if results.get("unfinished") else ""
    line = f"search space {name}, tracker {job.get('tracker', {}).get('name')}, seed {job.get('seed')}"
    return f"<h1>{text(job.get('name'))}</h1><p class='note'>{text(line)}</p>" + (f"<p>{state}</p>" if state else "")


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
        for part, score in test.get("parts", {}).items():
            rows.append((f"&emsp;{text(part)}", score_text(score), f"{score['n']} videos"))
    if test.get("random_search"):
        rows.append(("best of random search, test", score_text(test["random_search"]), "same videos"))
    random = test.get("random_architectures")
    if random:
        rows.append((f"median of {random['n']} random architectures", f"{random['median']:.3f}", "same videos"))
        if random.get("difference"):
            noise = "; it contains zero: noise" if is_noise(random["difference"]) else ""
            rows.append(("&emsp;best - median", difference_text(random["difference"]), f"95 % interval{noise}"))
    for name, score in test.get("baselines", {}).items():
        rows.append((text(name.replace("_", " ")), score_text(score), "same videos"))
        if score.get("difference"):
            label = f"&emsp;best - {text(name.replace('_', ' '))}"
            rows.append((label, difference_text(score["difference"]), "95 % interval"))
    rows += [(text(name), "failed", text(error)) for name, error in test.get("failed", {}).items()]
    if not rows:
        return ""
    measure = main_measure(protocol)
    title = f"<h2>Scores</h2><p class='note'>{measure} ± standard error over videos, protocol {text(protocol)}.</p>"
    return title + table(("", measure, "measured on"), rows)


def _strips(run: RunData) -> str:
    pictures = sorted((run.path / "strips").glob("*.jpg"))
    if not pictures:
        return ""
    note = (
        "Held-out test videos, at equal ranks from the one that the found tracker follows best to the one it follows "
        "worst; the first frame, whose box is given, is left out. Numbers are the scores of the video."
    )
    shown = "".join(f"<p class='wide'>{image(path.read_bytes(), _strip_name(path), 'jpeg')}</p>" for path in pictures)
    return f"<h2>What it looks like</h2><p class='note'>{note}</p>{shown}"


def _strip_name(path: Path) -> str:
    number, _, video = path.stem.partition("_")
    return f"strip {int(number)}, video {video}" if number.isdecimal() else path.stem


def _progress(run: RunData, results: Mapping[str, Any], protocol: str) -> str:
    search, random = run.stage("search"), run.stage("random")
    if not any(item.suc is not None for item in [*search, *random]):
        return ""
    from asymnas.report._plots import progress_plot

    counts = results.get("search") or {}
    evaluated = counts.get("evaluated", len(search))
    note = f"{evaluated} architectures were evaluated, {counts.get('failed', 0)} failed."
    picture = image(progress_plot(search, random, protocol), "search progress")
    return f"<h2>Search</h2><p class='note'>{note}</p>{picture}"


def _language(results: Mapping[str, Any], protocol: str) -> str:
    rows = language_rows((results.get("test") or {}).get("language"))
    if not rows:
        return ""
    from asymnas.report._plots import language_plot

    said = []
    for row in rows:
        verdict = "the interval contains zero: noise." if is_noise(row["difference"]) else "clear of zero."
        said.append(f"<li>{text(row['part'])}: {difference_text(row['difference'])}, {verdict}</li>")
    picture = image(language_plot(rows, protocol), "with and without sentences")
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
        found.append("<h3>Held-out test</h3>" + image(videos_plot(trackers, protocol), "score of each test video"))
    validation = results.get("validation") or {}
    if validation.get("videos"):
        picture = image(videos_plot({"best": validation["videos"]}, protocol), "score of each validation video")
        found.append("<h3>Validation</h3>" + picture)
    return "<h2>Every video</h2>" + "".join(found) if found else ""


def _architecture(run: RunData, results: Mapping[str, Any]) -> str:
    architecture = results.get("architecture") or {}
    genes = architecture.get("genes") or run.architecture.get("genes")
    if not genes:
        return ""
    parts = [f"<h2>Architecture {text(architecture.get('key', ''))}</h2>"]
    if architecture.get("drawing"):
        parts.append(f"<pre>{text(architecture['drawing'])}</pre>")
    from asymnas.report._frequencies import agreement

    parts.append(f"<p>{text(agreement(run))}</p>")
    cost = results.get("cost") or {}
    rows = [
        (text(name), f"{value['macs'] / 1e6:.1f} M", f"{value['params'] / 1e6:.3f} M")
        for name, value in cost.items()
        if isinstance(value, Mapping) and "macs" in value
    ]
    if cost.get("amortised_macs") is not None:
        rows.append(("per frame, amortised", f"{cost['amortised_macs'] / 1e6:.1f} M", ""))
    if rows:
        parts.append(table(("branch", "MACs", "parameters"), rows))
    listing = "\n".join(f"{gene}: {op}" for gene, op in genes.items())
    parts.append(f"<details><summary>All {len(genes)} genes</summary><pre>{text(listing)}</pre></details>")
    return "".join(parts)


def _frequencies(run: RunData) -> str:
    from asymnas.report._frequencies import frequencies_of

    rows = frequencies_of(run)
    if not rows:
        return ""
    from asymnas.report._plots import frequency_plot

    note = (
        f"Shares among the best {rows[0].draws} architectures. Framed: outside the band that 95 % of independent "
        "uniform choices keep to. Architectures of an evolution are kin, so a frame is a hint and no proof."
    )
    return f"<h2>Ops of the best</h2><p class='note'>{note}</p>" + image(frequency_plot(rows), "op frequencies")


def _training(run: RunData, results: Mapping[str, Any]) -> str:
    if len(run.training) < 2:
        return ""
    from asymnas.report._plots import loss_plot

    training = results.get("training") or {}
    parts = [f"{training['steps']} steps" if training.get("steps") else ""]
    parts.append(f"{training['pairs']} pairs" if training.get("pairs") else "")
    parts.append(f"{training['pairs_per_second']:.0f} pairs/s" if training.get("pairs_per_second") else "")
    note = ", ".join(part for part in parts if part)
    picture = image(loss_plot(run.training), "training loss")
    return f"<h2>Training of the supernet</h2><p class='note'>{note}</p>{picture}"
