"""The public face: what a script needs, in one place; `import asymnas` offers these names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import DataError, JobError, Problem, RunFolderError
from asymnas.core.seeding import rng_for
from asymnas.core.statistics import Interval, paired_difference
from asymnas.job import CompareJob, Job, load_compare, load_job
from asymnas.runs import CompareSummary, Diagnosis, Reporter, RunData, RunSummary, read_run
from asymnas.search import Evaluation, Request, candidate_worker
from asymnas.space import Architecture, load_architecture
from asymnas.task import TASKS, TaskPlugin

if TYPE_CHECKING:
    from asymnas.search import CandidateWorker, SearcherPlugin
    from asymnas.space import MixerKind
    from asymnas.tracking.live import LiveTracker

__all__ = [
    "Run",
    "compare",
    "diagnose",
    "load_run",
    "register_mixer",
    "register_searcher",
    "register_task",
    "retrain",
    "run",
]


class Run:
    """A run folder: what a search, a retraining or a comparison left, and what can be done with it.

    Args:
        folder: such as `runs/vlt_scar`.

    Raises:
        RunFolderError: it is no run folder, its run is of another version, or a file of it is corrupt.

    Example:
        >>> run = asymnas.load_run("runs/vlt_scar")
        >>> run.summary.test.best.value, run.architecture.genes
        >>> tracker = run.tracker()
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.data: RunData = read_run(folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def summary(self) -> RunSummary | CompareSummary:
        """What the finished run says.

        Raises:
            RunFolderError: the run is not finished.
        """
        if self.data.summary is None:
            way_out = "Finish it: `asymnas search JOB --resume`."
            raise RunFolderError(Problem(str(self.folder), "must be a finished run", "no summary.json", way_out))
        return self.data.summary

    @property
    def evaluations(self) -> list[Evaluation]:
        """Every evaluation, in the order written."""
        return self.data.evaluations

    @cached_property
    def job(self) -> Job:
        """The job that the run is of."""
        return load_job(self.folder / "job.yaml", files=False)

    @cached_property
    def architecture(self) -> Architecture:
        """The found architecture, or that of a retraining.

        Raises:
            RunFolderError: nothing was found yet, or it is the folder of a comparison.
        """
        if not self.data.architecture:
            raise RunFolderError(Problem(str(self.folder), "must have found an architecture", "no architecture.json"))
        return load_architecture(self.folder / "architecture.json").architecture

    def evaluate(
        self,
        architecture: Architecture | Mapping[str, str] | None = None,
        *,
        split: str = "validation",
        conditions: str | Sequence[str] = (),
    ) -> Evaluation:
        """Score one architecture with the supernet's weights, in this process.

        Args:
            architecture: of the run's space, or its op by gene; None for the one that was found.
            split: "validation" or "test".
            conditions: one or more of the task's, such as ("with", "without"); by default those of the job's reward.

        Raises:
            ArchitectureMismatch: it is of another space.
            AsymNASError: whatever else the task raises.
        """
        genes = self.architecture if architecture is None else architecture
        if not isinstance(genes, Architecture):
            genes = self._worker.task.space.architecture(dict(genes))
        asked = (conditions,) if isinstance(conditions, str) else tuple(conditions)
        return self._worker.handle(Request.of(genes, split, asked or self._worker.task.scored))

    @cached_property
    def _worker(self) -> CandidateWorker:
        job = self.job
        weights = str(self.folder / "supernet.safetensors")
        return candidate_worker(job.open, weights, "cpu", job.resources.torch_threads)

    def tracker(self, **options: Any) -> LiveTracker:
        """Return the found tracker, for one target frame by frame; for runs of the task `tracking`.

        Args:
            **options: fields of `asymnas.tracking.TrackerSpec`, such as `device` or `options={"window": 0.3}`.

        Raises:
            AsymNASError: the run is not finished, or its weights, encoder or training data are not there.
        """
        from asymnas.tracking.benchmark.open import open_tracker

        return open_tracker(self.folder, **options).live()

    def report(self) -> Path:
        """Write report.html anew and return its file."""
        from asymnas.report import write_report

        return write_report(self.folder)


def load_run(folder: Path | str) -> Run:
    """Open a run folder; see `Run`."""
    return Run(folder)


def run(
    job: Job | CompareJob | Path | str | Mapping[str, Any],
    folder: Path | str | None = None,
    *,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    resume: bool = False,
    fresh: bool = False,
    progress: Reporter | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
) -> Run:
    """Run a search or a comparison to its end.

    Args:
        job: a job, a job file, the name of a shipped job, or the job as a mapping.
        folder: the run folder; `runs/<name of the job>` by default.
        overrides: values by dotted key, such as `{"training.steps": 100}`; only for a job that is not loaded yet.
        resume: go on with the run that the folder holds.
        fresh: move the run that the folder holds aside.
        progress: told of every step.
        on_evaluation: called with each evaluation of a search once it is in the log.

    Raises:
        AsymNASError: what is wrong with the job, data or run folder, or why the run had to stop.
    """
    from asymnas.report import write_report
    from asymnas.study import run_compare, run_job

    if not isinstance(job, Job | CompareJob):
        job = _loaded(job, overrides)
    elif overrides:
        raise JobError(Problem("overrides", "are for a job that is not loaded yet", repr(overrides)))
    folder = Path("runs") / job.name if folder is None else Path(folder)
    if isinstance(job, CompareJob):
        run_compare(job, folder, resume=resume, fresh=fresh, progress=progress)
    else:
        run_job(job, folder, resume=resume, fresh=fresh, progress=progress, on_evaluation=on_evaluation)
    write_report(folder)
    return Run(folder)


def _loaded(source: Path | str | Mapping[str, Any], overrides: Mapping[str, Any] | Sequence[str]) -> Job | CompareJob:
    from asymnas.core.document import read
    from asymnas.job import find_job

    data = source if isinstance(source, Mapping) else read(find_job(source)).data
    kind = data.get("kind") if isinstance(data, Mapping) else None
    return load_compare(source, overrides) if kind == "compare" else load_job(source, overrides)


def retrain(
    architecture: Path | str,
    job: Job | Path | str | Mapping[str, Any],
    folder: Path | str,
    *,
    resume: bool = False,
    fresh: bool = False,
    progress: Reporter | None = None,
) -> Run:
    """Train one architecture alone, from scratch, and score it.

    Args:
        architecture: an architecture.json, or the name of an architecture that comes with AsymNAS.
        job: says how; its space is replaced by the architecture's.
        folder: the run folder.
        resume: go on with the run that the folder holds.
        fresh: move the run that the folder holds aside.
        progress: told of every step.

    Raises:
        AsymNASError: what is wrong with the architecture, job, data or run folder.
    """
    from asymnas.report import write_report
    from asymnas.study import retrain as train

    job = job if isinstance(job, Job) else load_job(job)
    train(architecture, job, Path(folder), resume=resume, fresh=fresh, progress=progress)
    write_report(folder)
    return Run(folder)


def compare(first: Run | Path | str, other: Run | Path | str, *, level: float = 0.95, seed: int = 0) -> Interval:
    """Return how much better the first run's architecture is than the other's on the same test items, paired by item.

    Two runs are one seed each: the interval is over items, and says nothing of other seeds. `asymnas compare` runs
    several.

    Args:
        first: a finished run with test items.
        other: another one, scored on the same items.
        level: coverage of the interval, in (0, 1).
        seed: of the resampling.

    Raises:
        RunFolderError: a run is not finished.
        DataError: a run has no test score, or the two were scored on different items.
    """
    scores = []
    for item in (first, other):
        summary = (item if isinstance(item, Run) else Run(item)).summary
        test = summary.test if isinstance(summary, RunSummary) else None
        if test is None or test.best is None:
            raise DataError(Problem(str(item), "must have scored its architecture on test items"))
        scores.append(test.best.items)
    a, b = scores
    if a.keys() != b.keys():
        different = ", ".join(sorted(a.keys() ^ b.keys())[:5])
        raise DataError(Problem(f"{first}, {other}", "must be scored on the same items", f"{different} in one only"))
    draws = int(rng_for(seed, "compare runs").integers(2**31))
    return paired_difference(
        np.array([a[name] for name in a]), np.array([b[name] for name in a]), level=level, seed=draws
    )


def diagnose(run: Run | Path | str, **options: Any) -> Diagnosis:
    """Say how far the scores of a search can be trusted to rank architectures; also written to its diagnosis.json.

    Args:
        run: the run or its folder.
        **options: what to measure anew, as for `asymnas.study.diagnose`: `items`, `sample`, `conditions`, ...

    Raises:
        RunFolderError: it is no folder of a search, or a file of it is corrupt.
    """
    from asymnas.study import diagnose as diagnosed

    return diagnosed(run.folder if isinstance(run, Run) else run, **options)


def register_task(plugin: TaskPlugin) -> TaskPlugin:
    """Make a task known in this process; a package declares an entry point of the group `asymnas.tasks` instead."""
    return TASKS.register(plugin.name, plugin)


def register_searcher(plugin: SearcherPlugin) -> SearcherPlugin:
    """Make a searcher known in this process; a package declares an entry point of the group `asymnas.searchers`."""
    from asymnas.search import SEARCHERS

    return SEARCHERS.register(plugin.name, plugin)


def register_mixer(name: str, kind: MixerKind) -> MixerKind:
    """Make a kind of mixer known in this process; a package declares an entry point of the group `asymnas.mixers`."""
    from asymnas.space import MIXERS

    return MIXERS.register(name, kind)
