"""The run folder: one process at a time, one job for life, files that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from asymnas.core.document import written
from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.files import disk_errors, write_text
from asymnas.job import CompareJob, Job, load_compare, load_job
from asymnas.job.base import differences

LOCK, OWNER, MARK, LOG = ".lock", ".pid", ".asymnas-run", "log.txt"
JOB, SPACE, SECONDS = "job.yaml", "space.json", "seconds.json"

BEGINNING = {LOCK, OWNER, MARK, JOB, SPACE, LOG, SECONDS}
"""What a run has before any of its work is done; a folder with no more may be started in again."""

MARKED = "A run folder of AsymNAS, version 2.\n"

logger = logging.getLogger("asymnas.run")


class _LogFile(logging.FileHandler):
    """A full disk costs lines of the log and no more: the files that count report it themselves."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


class RunFolder:
    """The files of a run, locked for this process from `open` to `close`.

    Attributes:
        folder: where it is.
        resumed: whether the folder held this run already.
        weights: file of the trained weights; those of a search are the supernet's.
    """

    def __init__(self, folder: Path, lock: FileLock, resumed: bool) -> None:
        self.folder, self.resumed, self._lock = folder, resumed, lock
        self.weights, self.evaluations = folder / "supernet.safetensors", folder / "evaluations.jsonl"
        self.architecture, self.summary = folder / "architecture.json", folder / "summary.json"
        self._handler = _LogFile(folder / LOG, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._handler.setLevel(logging.INFO)
        root = logging.getLogger("asymnas")
        self._level = root.level
        if root.getEffectiveLevel() > logging.INFO:
            root.setLevel(logging.INFO)
        root.addHandler(self._handler)

    @classmethod
    def open(cls, folder: Path | str, job: Job | CompareJob, *, resume: bool = False, fresh: bool = False) -> RunFolder:
        """Make or enter the run folder of a job and write its `job.yaml`.

        Args:
            folder: usually `runs/<job's name>`.
            job: what runs in it.
            resume: continue the run that the folder holds; a folder without a run is started.
            fresh: move the folder aside, to `<name>.old-1` or the next free number, and start in a new one.

        Raises:
            RunFolderError: another process uses the folder; it holds a run and neither `resume` nor `fresh` is asked;
                it holds the run of another job (every differing key is listed; seeds may be added to a comparison), or
                of an older version; it holds other files and no run; or it cannot be written.
        """
        folder = Path(folder)
        if resume and fresh:
            raise RunFolderError(Problem(str(folder), "`resume` and `fresh` exclude each other"))
        resolved = written(job.resolved())
        with disk_errors(folder):
            _check_ours(folder)  # before anything is written: a folder of the user's own gets no lock either
            if not fresh:
                _check_version(folder)
            lock = _take_lock(folder)
        try:
            with disk_errors(folder):
                if fresh and _has_work(folder):
                    lock = _moved_aside(folder, lock)
                resumed = resume and (folder / JOB).is_file()
                if resumed:
                    _check_same(folder, job)
                elif _has_work(folder):
                    way_out = "Continue it with --resume, move it aside with --fresh, or choose another with --run."
                    raise RunFolderError(Problem(str(folder), "the folder holds a run already", "", way_out))
                for torn in folder.rglob(".*.tmp"):
                    if torn.is_file():
                        torn.unlink()
            write_text(folder / MARK, MARKED)
            if not resumed or isinstance(job, CompareJob):  # a comparison may have got more seeds
                write_text(folder / JOB, resolved)
            with disk_errors(folder):
                return cls(folder, lock, resumed)
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def check_made(folder: Path) -> None:
        """Check that AsymNAS made a folder, so that a file of a run may be replaced in it."""
        if not _version(folder):
            held = ", ".join(_held(folder)[:5])
            raise RunFolderError(Problem(str(folder), "is no run folder", held, "Give a folder such as runs/x."))
        _check_version(folder)

    @staticmethod
    def check_version(path: Path | str) -> None:
        """Check that a folder holds no run of another version; raises RunFolderError."""
        _check_version(Path(path))

    def close(self) -> None:
        """Release the folder."""
        root = logging.getLogger("asymnas")
        root.removeHandler(self._handler)
        root.setLevel(self._level)
        self._handler.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            logger.info("the run stopped: %s: %s", type(error).__name__, error)
        self.close()

    def write_json(self, name: str, data: Any) -> Path:
        """Write data as JSON under a name in the folder, whole or not at all."""
        return write_text(self.folder / name, json.dumps(data, indent=2, allow_nan=False) + "\n")


def _take_lock(folder: Path) -> FileLock:
    """Make the folder and lock it; the kernel releases the lock when the process ends, however it ends."""
    Path(os.path.realpath(folder)).mkdir(parents=True, exist_ok=True)  # of a link, what it names
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        owner = (folder / OWNER).read_text().strip() if (folder / OWNER).is_file() else "unknown"
        rule = f"the run folder is in use by another process (pid {owner})"
        way_out = "Wait for it to end, stop it, or choose another folder with --run."
        raise RunFolderError(Problem(str(folder), rule, "", way_out)) from None
    (folder / OWNER).write_text(f"{os.getpid()}\n")
    return lock


def _held(folder: Path) -> list[str]:
    return sorted({item.name for item in folder.iterdir()} - {LOCK, OWNER, LOG}) if folder.is_dir() else []


def _version(folder: Path) -> str:
    """What a run's mark says; "" where there is none."""
    mark = folder / MARK
    return mark.read_text(encoding="utf-8", errors="replace") if mark.is_file() else ""


def _check_ours(folder: Path) -> None:
    """Refuse a folder that holds files and no run."""
    held = _held(folder)
    if held and not _version(folder):
        rule = "is no run folder: it holds other files and no run"
        raise RunFolderError(Problem(str(folder), rule, ", ".join(held[:5]), "Choose another folder with --run."))


def _check_version(folder: Path) -> None:
    if _version(folder) not in ("", MARKED):
        rule = "holds a run of another version of AsymNAS, which this one does not read"
        way_out = "Run its job again, with --fresh or in another folder with --run."
        raise RunFolderError(Problem(str(folder), rule, "", way_out))


def _has_work(folder: Path) -> bool:
    """Whether a run's folder, or that of an arm in it, holds more than its beginning."""
    inside = [item for item in folder.iterdir() if item.name not in BEGINNING] if folder.is_dir() else []
    return any(not _version(item) or _has_work(item) for item in inside)


def _moved_aside(folder: Path, lock: FileLock) -> FileLock:
    """Give the folder another name and lock a new one in its place."""
    real = Path(os.path.realpath(folder))
    number = 1
    while (aside := real.with_name(f"{real.name}.old-{number}")).exists():
        number += 1
    real.rename(aside)
    lock.release()
    logger.warning("%s: the run that was there is now %s", folder, aside)
    return _take_lock(folder)


def _check_same(folder: Path, job: Job | CompareJob) -> None:
    """Check that a run folder holds the run of a job.

    The folders of a comparison's runs check their own jobs; it may get more seeds, and be worked out otherwise.
    """
    held = load_compare(folder / JOB) if isinstance(job, CompareJob) else load_job(folder / JOB, files=False)
    found = differences(held.identity(), job.identity())
    if isinstance(job, CompareJob):
        found = {
            key: (old, new)
            for key, (old, new) in found.items()
            if not key.startswith(("runs.", "margin", "bootstrap.")) and not (key[:6] == "seeds[" and old == "absent")
        }
    problems = [
        Problem(f"{folder / JOB}: {key}", f"must be {old} as in the run that is resumed", new)
        for key, (old, new) in found.items()
    ]
    if problems:
        way_out = "Give the run's own values, or start anew with --fresh or in another folder with --run."
        last = problems[-1]
        raise RunFolderError([*problems[:-1], Problem(last.where, last.rule, last.value, way_out)])
