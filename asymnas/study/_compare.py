"""Comparing arms: the same search by each, with equal seeds and items, side by side on Ray Tune."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asymnas.core.errors import AsymNASError, EvaluationError, Problem, RunFolderError
from asymnas.core.files import write_text
from asymnas.core.runtime.cluster import start_ray
from asymnas.job import ArmRun, CompareJob, load_job
from asymnas.runs.folder import RunFolder
from asymnas.runs.summary import CompareSummary, PowerSummary, RunSummary
from asymnas.runs.times import Reporter, StageTimes
from asymnas.study._compare_plan import finished, plan_compare
from asymnas.study._compare_statistics import CompareSettings, compare_arms
from asymnas.study._run import run_job

logger = logging.getLogger("asymnas.study")

STATUS = "progress.json"
STAGES = {
    "preparation": 0.02,
    "training": 0.45,
    "search": 0.18,
    "finals": 0.05,
    "random search": 0.18,
    "random finals": 0.05,
    "test": 0.07,
}
"""Rough share of each stage in the time of an arm, for the progress display alone."""


def run_compare(
    compare: CompareJob,
    folder: Path | str,
    *,
    resume: bool = False,
    fresh: bool = False,
    like: Path | None = None,
    progress: Reporter | None = None,
    on_power: Callable[[PowerSummary | None], None] | None = None,
) -> CompareSummary:
    """Run every arm with every seed, each in a run folder below `folder`, and compare the first arm with the others.

    `resume` and `fresh` are those of `run_job`; finished runs are not run again, and seeds may have been added. `like`
    is that of `plan_compare`, whose answer `on_power` is given before any run starts.

    Returns:
        The summary, also written to summary.json: per-seed results of every arm, paired differences with intervals
        over seeds and items, what varies, and plain verdicts.

    Raises:
        JobError: arms have other test items or another reward.
        RunFolderError: a run has begun with another job than it would have now; each difference is listed.
        AsymNASError: a run failed; finished ones are kept and `resume` goes on.
    """
    folder = Path(folder)
    earlier = finished(folder) if resume else None
    if earlier is not None and earlier.seeds == compare.seeds:
        power = earlier.power  # the comparison is done, and was planned before
    else:
        power = plan_compare(compare, folder, like)
    if on_power is not None:
        on_power(power)
    with RunFolder.open(folder, compare, resume=resume, fresh=fresh) as run:
        _pin(compare.runs, run)
        times = StageTimes(run, progress)
        watch = _Watch(run.folder, [item.name for item in compare.runs], times)
        with times.stage("arms"), watch:
            _run_arms(compare.runs, run.folder, compare.concurrency)
        summaries: dict[str, dict[int, RunSummary]] = {}
        for item in compare.runs:
            summaries.setdefault(item.arm, {})[item.seed] = RunSummary.read(run.folder / item.name / "summary.json")
        summary = _summary(compare, summaries, power, times.seconds["arms"])
        summary.write(run.summary)
        return summary


def _summary(
    compare: CompareJob, runs: dict[str, dict[int, RunSummary]], power: PowerSummary | None, seconds: float
) -> CompareSummary:
    task = compare.runs[0].job.open()
    settings = CompareSettings(
        seeds=compare.seeds,
        level=compare.bootstrap.level,
        margin=compare.margin,
        samples=compare.bootstrap.samples,
        rule=task.reward.whole,
        parts=task.splits["test"].parts,
    )
    arms, differences = compare_arms(runs, settings)
    base = runs[compare.runs[0].arm][compare.runs[0].seed]
    assert base.validation and base.test and base.test.best  # or `compare_arms` would have said so
    return CompareSummary(
        task=base.task,
        job=compare.name,
        reward=base.reward,
        climbed=base.climbed,
        noun=base.noun,
        training=base.training,
        test_items=len(base.test.best.items),
        test_facts=base.test.best.facts,
        validation_items=len(base.validation.items),
        level=settings.level,
        margin=settings.margin,
        seeds=list(compare.seeds),
        power=power,
        arms=arms,
        differences=differences,
        seconds=seconds,
        versions=base.versions,
    )


def _pin(todo: Sequence[ArmRun], run: RunFolder) -> None:
    """Write every arm's job before any arm runs, and check that of each arm that has begun against its definition.

    The comparison's own job names its base only, and that file may change between the start and a `resume`.
    """
    problems: list[Problem] = []
    for arm in todo:
        try:
            RunFolder.open(run.folder / arm.name, arm.job, resume=run.resumed).close()
        except RunFolderError as error:
            problems += error.problems
    if problems:
        raise RunFolderError(problems)


def _run_arms(todo: Sequence[ArmRun], folder: Path, concurrency: int) -> None:
    """Run the arms that have no summary yet; each in one process, several side by side."""
    rest = [arm for arm in todo if not (folder / arm.name / "summary.json").is_file()]
    if not rest:
        return
    if rest[0].job.resources.engine == "inprocess":
        for arm in rest:
            _run_arm(arm.job.resolved(), str(folder / arm.name))
        return
    _run_on_tune(rest, folder, concurrency)


def _run_arm(definition: dict[str, Any], folder: str) -> None:
    job = load_job(definition)
    job = job.model_copy(update={"resources": job.resources.model_copy(update={"engine": "inprocess"})})
    run_job(job, Path(folder), resume=True, progress=_StatusFile(Path(folder) / STATUS))


def _run_on_tune(rest: Sequence[ArmRun], folder: Path, concurrency: int) -> None:
    import tempfile

    import ray
    from ray import tune

    resources = rest[0].job.resources
    owned = start_ray(resources.address, concurrency * resources.cpus_per_worker)

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

    def __init__(self, file: Path) -> None:
        self._file, self._next = file, 0.0

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Write the state, at most once a second."""
        now = time.monotonic()
        if now >= self._next or done == total:
            write_text(self._file, json.dumps({"stage": stage, "done": done, "total": total, "text": text}))
            self._next = now + 1.0


class _Watch:
    """Shows how far all arms together are, from their status files, while they run."""

    def __init__(self, folder: Path, names: Sequence[str], progress: Reporter) -> None:
        self._folder, self._names, self._progress = folder, names, progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(2.0):
            shares = [self._share(name) for name in self._names]
            text = "; ".join(text for _, text in shares if text)
            self._progress.update("arms", int(1000 * sum(share for share, _ in shares)), 1000 * len(shares), text)

    def _share(self, name: str) -> tuple[float, str]:
        """How much of an arm is done, in [0, 1], and what it does now."""
        if (self._folder / name / "summary.json").exists():
            return 1.0, ""
        try:
            state = json.loads((self._folder / name / STATUS).read_text(encoding="utf-8"))
            now, done, total = state["stage"], int(state["done"]), int(state["total"])
        except (OSError, ValueError, KeyError, TypeError):  # not begun, or damaged: the next state replaces it
            return 0.0, ""
        before = sum(list(STAGES.values())[: list(STAGES).index(now)])
        return before + STAGES[now] * done / max(1, total), f"{name}: {now} {done}/{total}"
