"""What belongs to a run in its folder: how a run is recognised, and which files it may delete."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from asymnas.runs.boxes import BOXES, box_files, leave_boxes, torn_boxes

__all__ = ["JOB", "LOCK", "LOG", "MARK", "SPACE", "clear", "foreign", "has_work", "is_run", "run_files", "sweep"]

LOCK, MARK, JOB, SPACE, LOG, SECONDS = ".lock", ".asymnas-run", "job.yaml", "space.json", "log.txt", "seconds.json"

FILES = frozenset(
    {
        *(JOB, SPACE, LOG, SECONDS, "supernet.safetensors", "evaluations.jsonl", "architecture.json"),
        *("summary.json", "report.html", "training.jsonl", "progress.json", "statistics.safetensors"),
    }
)
"""The files that a run writes; `LOCK` and `MARK` stay for as long as the folder does."""

INSIDE = {
    "training": re.compile(r"\.?step_\d{8,}(\.\d+)?|\.step_.*\.tmp|ray|stop_\d+_\d+|\.?failure_\d+_\d+\.json(\.\d+)?"),
    "tensorboard": re.compile(r"events\.out\.tfevents\..*"),
    "strips": re.compile(r"\d\d_[\w.-]+\.jpg|\.\d\d_[\w.-]+\.jpg\.[a-z0-9_]{8}\.tmp"),
}
"""The folders that a run makes, and what it writes into them."""

TORN = re.compile(
    rf"\.({'|'.join(re.escape(name) for name in sorted(FILES | {MARK}))})\.([a-z0-9_]{{8}}\.tmp|\d+)", re.ASCII
)
"""Files that were being written when a run was killed."""

ARM = re.compile(r".+-seed\d+")
"""Folders of a comparison's runs."""

RESOLVED = ({"name", "seed", "space", "tracker", "data", "training", "search"}, {"name", "base", "spaces", "seeds"})
"""Keys of every search job and of every compare job that a run wrote: all defaults are written out."""


def is_run(folder: Path) -> bool:
    """Whether AsymNAS made what a folder holds: it is marked, or an older run's, which left no mark."""
    if (folder / MARK).is_file():
        return True
    try:
        text = (folder / JOB).read_text(encoding="utf-8")
        job = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return False
    # A job by hand beside a space by hand is no run: runs write all keys, extend nothing and explain nothing.
    by_hand = not isinstance(job, dict) or "extends" in job or re.search("^#", text, re.MULTILINE)
    if by_hand or not any(keys <= job.keys() for keys in RESOLVED):
        return False
    if job.get("kind") == "compare":
        return (folder / "summary.json").is_file() or any((arm / JOB).is_file() for arm in _named(folder, ARM))
    return (folder / SPACE).is_file()


def has_work(folder: Path) -> bool:
    """Whether a run's folder holds more than its beginning."""
    for item in folder.iterdir():
        if item.name in (LOCK, MARK, JOB, SPACE, LOG, SECONDS):
            continue
        if not _is_arm(item) or has_work(item):
            return True
    return False


def run_files(folder: Path) -> Iterator[Path]:
    """Yield the files that a run wrote into its folder, and the folders that are its own with all they hold."""
    for item in folder.iterdir():
        if item.name in FILES and (item.is_symlink() or item.is_file()):
            yield item
        elif item.name in INSIDE:
            yield from _named(item, INSIDE[item.name])
        elif item.name == BOXES:
            yield from box_files(folder)
        elif _is_arm(item):
            yield from run_files(item)
    yield from _named(folder, TORN)


def clear(folder: Path) -> None:
    """Delete what a run wrote into its folder, and nothing else; the lock and the mark stay."""
    arms = [item for item in folder.iterdir() if _is_arm(item)]  # asked before they lose what they are known by
    files = list(run_files(folder))
    for item in files:
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif not item.is_dir():
            item.unlink(missing_ok=True)
    for place in (folder, *arms):
        for name in INSIDE:
            inside = place / name
            if inside.is_dir() and not inside.is_symlink() and not any(inside.iterdir()):
                inside.rmdir()
        leave_boxes(place, {item.parent for item in files})
    for arm in arms:
        if not foreign(arm):
            shutil.rmtree(arm)


def foreign(folder: Path) -> list[str]:
    """Return the names in a folder that are neither lock nor mark, sorted."""
    return sorted(item.name for item in folder.iterdir() if item.name not in (LOCK, MARK))


def sweep(folder: Path) -> None:
    """Delete the torn files of a run that was killed."""
    half = [
        item
        for inside in ("training", "strips")
        for item in _named(folder / inside, INSIDE[inside])
        if item.suffix == ".tmp"
    ]
    for torn in [*_named(folder, TORN), *half, *torn_boxes(folder)]:
        if not torn.is_dir():
            torn.unlink(missing_ok=True)


def _is_arm(item: Path) -> bool:
    return ARM.fullmatch(item.name) is not None and item.is_dir() and not item.is_symlink() and is_run(item)


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return [item for item in folder.iterdir() if pattern.fullmatch(item.name)] if folder.is_dir() else []
