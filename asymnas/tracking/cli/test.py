"""`asymnas test`: trackers on a benchmark."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asymnas.core.commands import DataRoot, Fresh, Json, Resume, command, interruptible, print_json, stderr
from asymnas.core.errors import JobError, Problem
from asymnas.core.files import disk_errors
from asymnas.tracking.cli.options import DatasetName, Plots, Protocol, Split, TrackerOptions, Weights, read_options

if TYPE_CHECKING:
    from asymnas.tracking.benchmark.run import BenchmarkRun


@command
def test(
    trackers: Annotated[
        list[str],
        typer.Argument(metavar="TRACKER|RUN|architecture.json...", help="Names, run folders, architectures in them."),
    ],
    dataset: DatasetName,
    split: Split = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="with,without,FILE",
            help="The videos' own sentences, none, or those of a file (JSON, or `video: sentence` a line).",
        ),
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(
            metavar="zero_tensor,zero_embedding,template_embedding", help="What stands for a missing sentence."
        ),
    ] = None,
    protocol: Protocol = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Result folders go there; results/<data> by default.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Ray workers; 0 tracks in this process. Changes no box.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each worker; boxes differ in their last bits.")] = 1,
    lockstep: Annotated[
        int, typer.Option(min=1, help="Videos tracked as one batch; boxes differ in their last bits.")
    ] = 1,
    videos: Annotated[int | None, typer.Option(min=1, help="So many videos, always the same ones.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="The first frames of each video.")] = None,
    resume: Resume = False,
    fresh: Fresh = False,
    data_root: DataRoot = None,
    option: TrackerOptions = [],  # noqa: B006 - typer copies it
    weights: Weights = None,
    plots: Plots = None,
    as_json: Json = False,
) -> None:
    """Run trackers over a benchmark, write their result files and print one table of scores; exit code 1 if a video
    failed.

    Example: asymnas test runs/vlt_scar mil static --dataset otb99_lang --language with,without --workers 2
    """
    from asymnas.report import make_progress, print_sections
    from asymnas.tracking.benchmark.open import TrackerSpec
    from asymnas.tracking.benchmark.run import BenchmarkOptions
    from asymnas.tracking.benchmark.score_runs import score_runs, test_trackers
    from asymnas.tracking.benchmark.sections import tested_sections, write_benchmark
    from asymnas.tracking.benchmark.worker import BenchmarkVideos
    from asymnas.tracking.data import dataset_info
    from asymnas.tracking.metrics import get_protocol

    if protocol is not None:
        get_protocol(protocol)
    if plots is not None:
        _check_plots(plots)
    if (option or weights) and len(trackers) > 1:
        rule = "must be those of one tracker"
        raise JobError(Problem("--option, --weights", rule, ", ".join(trackers), "Name one tracker a call."))
    options = read_options(option)
    what = BenchmarkVideos(dataset, split or dataset_info(dataset).evaluated, data_root, videos, frames)
    with interruptible(), make_progress(stderr(), silent=as_json) as progress:
        data, runs = test_trackers(
            [TrackerSpec(name, options, weights) for name in trackers],
            what,
            out or _folder(what),
            languages=_words(language),
            missing=_words(missing),
            options=BenchmarkOptions(workers, threads, lockstep, resume, fresh),
            progress=progress,
        )
    report = score_runs(data, runs, protocol)
    if not as_json:
        print_sections(tested_sections(report, runs))
    files = write_benchmark(report, plots) if plots is not None and report is not None else []
    if as_json:
        scores = {"report": None if report is None else report.to_dict()}
        print_json({**scores, "runs": [_run(run) for run in runs], "files": [str(file) for file in files]})
    elif files:
        typer.echo("plots: " + ", ".join(str(file) for file in files))
    if any(run.failures for run in runs):
        raise typer.Exit(1)


def _folder(what: Any) -> Path:
    """The default place: another one for other videos or frames."""
    parts = [what.dataset, what.split]
    parts += [f"{count}{unit}" for count, unit in ((what.videos, "videos"), (what.frames, "frames")) if count]
    return Path("results") / "-".join(parts)


def _check_plots(folder: Path) -> None:
    """Before hours of tracking rather than after."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


def _words(text: str | None) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))


def _run(run: BenchmarkRun) -> dict[str, Any]:
    return {
        "label": run.label,
        "tracker": run.tracker,
        "language": run.language or None,
        "folder": str(run.folder),
        "videos": len(run.results),
        "frames": run.results.frames,
        "frames_per_second": run.results.frames_per_second(),
        "reused": run.reused,
        "described": run.described,
        "failures": dict(run.failures),
    }
