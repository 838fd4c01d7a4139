"""The evaluation of trackers on a benchmark as pictures and one self-contained page."""

from __future__ import annotations

from pathlib import Path

from asymnas.core.errors import Problem, RunFolderError
from asymnas.report import page
from asymnas.tracking.benchmark.report import BenchmarkReport
from asymnas.tracking.benchmark.sections import benchmark_sections

__all__ = ["write_benchmark"]

PAGE = "index.html"


def write_benchmark(report: BenchmarkReport, folder: Path) -> list[Path]:
    """Write the plots and `index.html`, which holds plots, tables and notes, into a folder (made if missing).

    Args:
        report: the evaluation.
        folder: files of the same names in it are replaced.

    Returns:
        The files, the page last.

    Raises:
        RunFolderError: the folder cannot be made or written.
    """
    from asymnas.tracking.benchmark.plots import benchmark_plots

    plots = benchmark_plots(report)
    text = page(f"{report.dataset} {report.split}, {report.protocol}", benchmark_sections(report, plots))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in plots.items():
            (folder / name).write_bytes(png)
        (folder / PAGE).write_text(text, encoding="utf-8")
    except OSError as error:
        rule, value = "the folder of the plots must be writable", error.strerror or str(error)
        raise RunFolderError(Problem(str(folder), rule, value, "Give another folder.")) from None
    return [folder / name for name in (*plots, PAGE)]
