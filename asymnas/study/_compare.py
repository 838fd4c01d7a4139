"""Comparing spaces: the same search over each, with equal budgets, seeds and videos, side by side on Ray Tune."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asymnas.core.disk import write_text
from asymnas.core.errors import AsymNASError, EvaluationError, Problem, RunFolderError
from asymnas.job import Arm, CompareJob, Job, arms, load_job
from asymnas.runs.arm_summary import read_summary
from asymnas.runs.folder import RunFolder
from asymnas.runs.times import Reporter, StageTimes, TimedReporter
from asymnas.study._compare_statistics import compare_arms
from asymnas.study._run import run_job

__all__ = ["run_compare"]

logger = logging.getLogger("asymnas.study")

STATUS = "progress.json"
STAGES = {"sentences": 0.02, "training": 0.5, "search": 0.2, "random search": 0.2, "test": 0.08}
"""Rough share of each stage in the time of an arm, for the progress display alone."""


def run_compare(
    compare: CompareJob, folder: Path, *, resume: bool = False, fresh: bool = False, progress: Reporter
) -> dict[str, Any]:
    """Run every arm (a space and a seed) and compare the spaces.

    Args:
        compare: the compare job.
        folder: the run folder; each arm is a run folder below it.
        resume: go on with what the folder holds; finished arms are not run again.
        fresh: delete the files of the comparison and its arms.
        progress: told how far all arms together are.

    Returns:
        The summary, also written to summary.json: per-seed results of every space, paired differences with intervals
        over seeds and videos, and plain verdicts.

    Raises:
        RunFolderError: an arm has begun with another job than it would have now; each difference is listed.
        AsymNASError: an arm failed; finished arms are kept and `resume` goes on.
    """
    with RunFolder.open(folder, compare, resume=resume, fresh=fresh) as run:
        todo = arms(compare)
        _pin(todo, run.path)
        times = StageTimes(run)
        watch = _Watch(run.path, [arm.name for arm in todo], TimedReporter(progress, times))
        with times.stage("arms"), watch:
            _run_arms(todo, run.path, compare.concurrency)
        summaries = _summaries(todo, run.path)
        result = compare_arms(
            summaries, seeds=compare.seeds, level=compare.bootstrap.level, samples=compare.bootstrap.samples
        )
        base = summaries[todo[0].space][todo[0].seed]
        summary = {
            "kind": "compare",
            "job": compare.name,
            "protocol": base["protocol"],
            "budget": base["search"]["budget"],
            "training": base["training"] | {"pairs_per_second": None, "final_loss": None},
            "test_videos": len(base["test"]["best"]["videos"]),
            "test_frames": base["test"]["best"]["frames"],
            "validation_videos": len(base["validation"]["videos"]),
            "seconds": times.seconds["arms"],
            "versions": base["versions"],
            **result,
        }
        run.write_json("summary.json", summary)
        from asymnas.report import write_report  # matplotlib is only needed here

        write_report(run.path)
        return summary


def _pin(todo: Sequence[Arm], folder: Path) -> None:
    """Write every arm's job before any arm runs, and check that of each arm that has begun against its definition.

    The comparison's own job names its base only, and that file may change between the start and a `resume`.
    """
    problems: list[Problem] = []
    for arm in todo:
        try:
            RunFolder.open(folder / arm.name, arm.job, resume=True).close()
        except RunFolderError as error:
            problems += error.problems
    if problems:
        raise RunFolderError(problems)


def _summaries(todo: Sequence[Arm], folder: Path) -> dict[str, dict[int, Any]]:
    """The summaries of all arms, by space and seed."""
    found: dict[str, dict[int, Any]] = {}
    for arm in todo:
        summary = read_summary(folder / arm.name)
        if summary is None:
            rule = "the results of the arm cannot be read"
            way_out = "Delete the file and go on with --resume."
            raise RunFolderError(Problem(str(folder / arm.name / "summary.json"), rule, "", way_out))
        found.setdefault(arm.space, {})[arm.seed] = summary
    return found


def _run_arms(todo: Sequence[Arm], folder: Path, concurrency: int) -> None:
    """Run the arms that have no whole summary yet; each in one process, several side by side."""
    rest = [arm for arm in todo if read_summary(folder / arm.name) is None]
    if not rest:
        return
    if rest[0].job.resources.engine == "inprocess":
        for arm in rest:
            _run_arm(arm.job.resolved(), str(folder / arm.name))
        return
    _run_on_tune(rest, folder, concurrency)


def _run_arm(definition: dict[str, Any], folder: str) -> None:
    """Run one arm in this process."""
    job: Job = load_job(definition)
    resources = job.resources.model_copy(update={"engine": "inprocess"})
    job = job.model_copy(update={"resources": resources})
    run_job(job, Path(folder), resume=True, progress=_StatusFile(Path(folder) / STATUS))


def _run_on_tune(rest: Sequence[Arm], folder: Path, concurrency: int) -> None:
    import tempfile

    import ray
    from ray import tune

    from asymnas.search import start_ray

    resources = rest[0].job.resources
    owned = start_ray(resources.address, cpus=concurrency * resources.cpus_per_worker)

    def trainable(config: dict[str, Any]) -> None:
        try:
            _run_arm(config["arm"]["definition"], config["arm"]["folder"])
        except AsymNASError as error:  # comes back as a result, so that the user sees it without a traceback
            tune.report({"problems": [[p.where, p.rule, p.value, p.way_out] for p in error.problems]})
        else:
            tune.report({"problems": []})

    configs = [{"definition": arm.job.resolved(), "folder": str((folder / arm.name).resolve())} for arm in rest]
    try:
        with tempfile.TemporaryDirectory(prefix="asymnas-tune-") as storage:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": resources.cpus_per_worker, "gpu": resources.gpus_per_worker}),
                param_space={"arm": tune.grid_search(configs)},
                tune_config=tune.TuneConfig(max_concurrent_trials=concurrency),
                run_config=tune.RunConfig(name="arms", storage_path=storage, verbose=0),
            )
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for results; Tune prints tables
                grid = tuner.fit()
    finally:
        if owned:
            ray.shutdown()
    results = [grid[index] for index in range(len(grid))]
    problems = [Problem(*problem) for result in results for problem in ((result.metrics or {}).get("problems") or [])]
    if problems:
        raise EvaluationError(problems)
    for result in results:
        if result.error is not None:
            raise EvaluationError(f"An arm of the comparison failed: {result.error}") from result.error


class _StatusFile:
    """A reporter that leaves the newest state in a file, for the process that watches."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0.0

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Write the state, at most once a second."""
        now = time.monotonic()
        if now >= self._next or done == total:
            write_text(self._path, json.dumps({"stage": stage, "done": done, "total": total, "text": text}))
            self._next = now + 1.0


class _Watch:
    """Shows how far all arms together are, from their status files, while they run."""

    def __init__(self, folder: Path, names: Sequence[str], progress: Reporter) -> None:
        self._folder = folder
        self._names = names
        self._progress = progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._began = time.monotonic()
        self._start = 0.0

    def __enter__(self) -> _Watch:
        self._start = sum(self._share(name)[0] for name in self._names)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(2.0):
            shares = [self._share(name) for name in self._names]
            done = sum(share for share, _ in shares)
            gained = done - self._start
            elapsed = time.monotonic() - self._began
            eta = elapsed / gained * (len(self._names) - done) if gained > 0.05 else None
            text = "; ".join(text for _, text in shares if text)
            self._progress.update("arms", int(1000 * done), 1000 * len(self._names), text, eta)

    def _share(self, name: str) -> tuple[float, str]:
        """How much of an arm is done, in [0, 1], and what it does now."""
        if (self._folder / name / "summary.json").exists():
            return 1.0, ""
        try:
            state = json.loads((self._folder / name / STATUS).read_text(encoding="utf-8"))
            now, done, total = state["stage"], int(state["done"]), int(state["total"])
        except (OSError, ValueError, KeyError, TypeError):  # not begun, or damaged: the next state replaces it
            return 0.0, ""
        before = 0.0
        for stage, weight in STAGES.items():
            if stage == now:
                return before + weight * done / max(1, total), f"{name}: {stage} {done}/{total}"
            before += weight
        return 0.0, ""
