"""What the commands show: a run's report as a page in its folder, and its tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from asymnas.core.files import write_text
from asymnas.report.comparison import comparison_sections
from asymnas.report.render import page, print_sections
from asymnas.report.run import provenance, run_sections, so_far, summary_sections
from asymnas.report.sections import Section, mapping_sections
from asymnas.runs.read import read_run
from asymnas.runs.summary import CompareSummary, RunSummary

if TYPE_CHECKING:
    from asymnas.runs.read import RunData

UNFINISHED = Section("", note="This comparison is not finished.")


def write_report(folder: Path | str) -> Path:
    """Write `report.html` into a run folder, of a finished or unfinished run or of a comparison; return the file.

    Raises:
        RunFolderError: it is no run folder, a file of it is corrupt, or the report cannot be written.
    """
    run = read_run(folder)
    title = str(run.job.get("name", run.folder.name))
    return write_text(run.folder / "report.html", page(title, report_sections(run)))


def report_sections(run: RunData) -> Sequence[Section]:
    """Return all sections of the page of a run or comparison, finished or not, those of its task among them."""
    if run.job.get("kind") == "compare":
        if not isinstance(run.summary, CompareSummary):
            return [UNFINISHED, provenance(run)]
        return [*comparison_sections(run.summary), provenance(run)]
    from asymnas.task import TASKS

    return run_sections(run, TASKS.get(run.job.get("task", "tracking")).sections(run))


def print_summary(
    summary: RunSummary | CompareSummary, folder: Path | None = None, console: Console | None = None
) -> None:
    """Print what a search, retraining or comparison found, and where its folder is."""
    if isinstance(summary, CompareSummary):
        sections, files = comparison_sections(summary), "report.html, summary.json"
    else:
        sections, files = summary_sections(summary), "report.html, architecture.json, evaluations.jsonl"
    if folder is not None:
        sections.append(Section("", note=f"run folder: {folder}  ({files})"))
    print_sections(sections, console)


def print_run(folder: Path | str, console: Console | None = None) -> None:
    """Print the tables of a run folder, of a comparison as well, finished or not."""
    run = read_run(folder)
    if run.summary:
        print_summary(run.summary, console=console)
    else:
        unfinished = UNFINISHED if run.job.get("kind") == "compare" else so_far(run.so_far)
        print_sections([unfinished], console)


def print_dry_run(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what a dry run measured."""
    print_sections(mapping_sections("Dry run", result), console)
