"""Before a comparison starts: that its arms are scored alike, and what difference it will be able to see."""

from __future__ import annotations

import logging
from math import isfinite
from pathlib import Path

from asymnas.core.errors import JobError, Problem, RunFolderError
from asymnas.core.power import CrossedVariance
from asymnas.job import CompareJob
from asymnas.runs.summary import CompareSummary, PowerSummary, read_summary
from asymnas.study._compare_statistics import outlook
from asymnas.task import Reward, Task

ITEM_SD, SEED_SD = 0.14, 0.01
"""Assumed deviations of a paired difference of scores in [0, 1]: of one item in one seed, and of a seed's mean over all
items. Those of SUC on generated videos; right and wrong answers of two classifiers differ by 0.2."""

logger = logging.getLogger("asymnas.study")


def plan_compare(compare: CompareJob, folder: Path | None = None, like: Path | None = None) -> PowerSummary | None:
    """Check that all arms are scored on the same items by the same reward; return what the comparison will see.

    Args:
        compare: the comparison.
        folder: its run folder: a finished comparison by the same reward in it tells how differences vary.
        like: run folder of another finished comparison, which tells it instead.

    Returns:
        What differences can be seen; None for a reward without limits, of which nothing can be assumed.

    Raises:
        JobError: arms have other test items or another reward.
        RunFolderError: `like` is no finished comparison by this reward.
    """
    tasks = {run.arm: run.job.open() for run in compare.runs}
    _check_scored_alike(tasks)
    task = next(iter(tasks.values()))
    known = _variance(task.reward, folder, like)
    if known is None:
        return None
    variance, source = known
    level, margin = compare.bootstrap.level, compare.margin
    test = task.splits["test"]
    found = outlook(variance, len(compare.seeds), len(test.items), level=level, margin=margin)
    return PowerSummary(**dict(found), source=source, noun=test.noun, level=level, margin=margin)


def finished(folder: Path) -> CompareSummary | None:
    """Return the summary of the finished comparison in a run folder; None where there is none that can be read."""
    try:
        summary = read_summary(folder / "summary.json")
    except RunFolderError as error:
        logger.info("%s: tells nothing of what to expect: %s", folder, error)
        return None
    return summary if isinstance(summary, CompareSummary) and summary.differences else None


def _check_scored_alike(tasks: dict[str, Task]) -> None:
    (first, one), *others = tasks.items()
    problems = []
    for arm, task in others:
        for what, mine, theirs in (
            ("reward", one.reward.title, task.reward.title),
            ("test items", one.splits["test"].fingerprint, task.splits["test"].fingerprint),
            ("test items", one.splits["test"].items, task.splits["test"].items),
        ):
            if mine != theirs:
                rule = f"the {what} of all arms must be those of '{first}': other scores cannot be compared"
                way_out = "Let no arm override what is measured, only what is made."
                problems.append(Problem(f"arms.{arm}", rule, "" if what == "test items" else str(theirs), way_out))
                break
    if problems:
        raise JobError(problems)


def _variance(reward: Reward, folder: Path | None, like: Path | None) -> tuple[CrossedVariance, str] | None:
    """How a paired difference varies, and how that is known."""
    if like is not None:
        return _found(reward, like)
    if folder is not None and (earlier := finished(folder)) and _tells(earlier, reward):
        return _found(reward, folder)
    span = reward.high - reward.low
    if not isfinite(span):
        return None
    item, seed = ITEM_SD * span, SEED_SD * span
    variance = CrossedVariance(seed**2, 0.0, item**2)
    return variance, (
        f"assumed: the paired difference of one item in one seed has the standard deviation {item:g}, the mean of all "
        f"items over the seeds {seed:g}"
    )


def _tells(summary: CompareSummary, reward: Reward) -> bool:
    """Whether a comparison tells how differences in a reward vary; one seed tells nothing of seeds."""
    return summary.reward.name == reward.name and len(summary.seeds) > 1


def _found(reward: Reward, folder: Path) -> tuple[CrossedVariance, str]:
    """The mean variances of the test differences that a finished comparison found."""
    summary = read_summary(folder / "summary.json")
    rule = f"must be the run folder of a finished comparison by {reward.title}, of two seeds or more"
    if not isinstance(summary, CompareSummary):
        raise RunFolderError(Problem(str(folder), rule, "a search" if summary else "no summary.json"))
    if not _tells(summary, reward):
        value = f"{len(summary.seeds)} seeds by {summary.reward.title}"
        raise RunFolderError(Problem(str(folder), rule, value))
    rows = [row.outlook.sd for row in summary.differences if row.kind == "test"]
    means = {name: sum(row[name] ** 2 for row in rows) / len(rows) for name in rows[0]}
    return CrossedVariance(**means), f"those that {folder} found, seeds {', '.join(map(str, summary.seeds))}"
