"""Finding a run on disk: job, weights and architecture, from its folder or from an architecture.json in it."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.errors import (
    ArchitectureMismatch,
    JobError,
    Problem,
    RunFolderError,
    TrackerError,
    WeightsError,
    nearest,
)
from asymnas.job import load_job
from asymnas.runs import RunFolder, RunSummary
from asymnas.space import Architecture, list_architectures, load_architecture, load_space

if TYPE_CHECKING:
    from asymnas.tracking.task.schema import TrackingJob

JOB, ARCHITECTURE, WEIGHTS, SUMMARY = "job.yaml", "architecture.json", "supernet.safetensors", "summary.json"


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A finished run.

    Args:
        name: of the tracker: the folder's name, and the file's where it is another one than architecture.json.
        job: with the data root that was asked for.
        weights: the file of the weights; `weights_hash` is what the run recorded of them.
        own: whether `architecture` is the one that the run found.
    """

    folder: Path
    name: str
    job: TrackingJob
    architecture: Architecture
    weights: Path
    weights_hash: str
    own: bool = True


def find_run(given: Path, trackers: Iterable[str], *, data_root: Path | str | None = None) -> RunFiles:
    """Find the run of a folder, or of an architecture.json with its run beside it.

    `trackers` are the names for messages; `data_root` replaces the job's folder of real data sets.
    """
    folder, file = _folder_and_file(given, trackers)
    if not (folder / JOB).is_file():
        raise _no_run(folder, file)
    RunFolder.check_version(folder)
    overrides = {} if data_root is None else {"data.root": str(Path(data_root).expanduser().resolve())}
    try:
        job: Any = load_job(folder / JOB, overrides, files=False)
    except JobError:
        arms = [str(item.parent) for item in sorted(folder.glob(f"*/{JOB}"))]
        if not arms:
            raise
        way_out = f"Name one of its runs: {', '.join(arms[:8])}."
        raise RunFolderError(Problem(str(folder), "is a comparison of several runs", way_out=way_out)) from None
    if not hasattr(job, "tracker"):
        raise TrackerError(Problem(str(folder), "must be a run of the task tracking", job.task))
    found, recorded = _architecture(folder, file, job)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise WeightsError(Problem(str(weights), "the run's weights are missing", way_out="Restore the run folder."))
    space = load_space(job.space)
    if found.space.structure_hash != space.structure_hash:
        rule = f"is of another space than the run in {folder}, '{space.name}'"
        way_out = "Name an architecture of that space, or move the file to its own run."
        raise ArchitectureMismatch(Problem(str(file), rule, f"space '{found.space.name}'", way_out))
    other = file.name not in (ARCHITECTURE, SUMMARY)
    name = folder.resolve().name + (f"-{file.stem}" if other else "")
    return RunFiles(folder, name, job, found, weights, recorded, own=not other)


def _folder_and_file(given: Path, trackers: Iterable[str]) -> tuple[Path, Path]:
    """The run folder and the file that says the architecture."""
    name = str(given)
    if os.path.isdir(given):
        own = given / ARCHITECTURE
        return given, own if own.is_file() else given / SUMMARY
    if os.path.isfile(given) and given.suffix == ".json":
        return given.parent, given
    if name in list_architectures():
        rule = "is an architecture that comes without weights"
        way_out = f"Train it: `asymnas export {name} --to json -o {name}.json`, then `asymnas retrain {name}.json`."
        raise TrackerError(Problem(f"tracker '{name}'", rule, way_out=way_out))
    rule = "must be a tracker's name, a run folder or an architecture.json"
    raise TrackerError(Problem("tracker", rule, repr(name[:80]), nearest(name[:80], trackers)))


def _no_run(folder: Path, file: Path) -> RunFolderError | WeightsError:
    if file.name != SUMMARY:
        rule = f"its folder holds no run (no {JOB} and {WEIGHTS}), so there are no weights to track with"
        way_out = f"Leave the file in its run folder, or train it: `asymnas retrain {file}`."
        return WeightsError(Problem(str(file), rule, way_out=way_out))
    held = sorted(item.name for item in folder.iterdir())
    value = ", ".join(held[:5]) or "an empty folder"
    return RunFolderError(Problem(str(folder), f"is no run folder: it has no {JOB}", value))


def _architecture(folder: Path, file: Path, job: TrackingJob) -> tuple[Architecture, str]:
    summary = RunSummary.read(folder / SUMMARY) if (folder / SUMMARY).is_file() else None
    if file.name == SUMMARY:
        if summary is None:
            rule = f"holds no finished run: {ARCHITECTURE} and {SUMMARY} come at its end"
            way_out = f"Finish it with `asymnas search {folder / JOB} --run {folder} --resume`."
            raise RunFolderError(Problem(str(folder), rule, way_out=way_out))
        return load_space(job.space).architecture(summary.architecture.genes), summary.weights_hash
    found = load_architecture(file)
    own = found.provenance.get("weights_hash")
    recorded = own if summary is None else summary.weights_hash
    if own is not None and own != recorded:
        rule = f"was found with other weights than those of the run in {folder}, {recorded}"
        raise WeightsError(Problem(str(file), rule, str(own), "Leave the file in its own run folder."))
    return found.architecture, str(recorded)
