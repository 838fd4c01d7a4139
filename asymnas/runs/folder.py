"""The run folder: one process at a time, one job for life, files that are whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Self

from asymnas.core.disk import disk_errors, write_text
from asymnas.core.document import written
from asymnas.core.errors import Problem, RunFolderError
from asymnas.job._compare_schema import CompareJob
from asymnas.job._schema import Job
from asymnas.runs.content import JOB, LOCK, LOG, MARK, SPACE, clear, foreign, has_work, is_run, run_files, sweep
from asymnas.runs.same_job import check_same

__all__ = ["RunFolder"]

MARKED = "AsymNAS made this run folder. --fresh deletes the files of its run, and no others.\n"


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
        path: the folder.
        resumed: whether the folder held this run already.
    """

    def __init__(self, path: Path, lock: IO[str], resumed: bool) -> None:
        self.path = path
        self.resumed = resumed
        self._lock = lock
        self._handler = _LogFile(path / LOG, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._handler.setLevel(logging.INFO)
        logger = logging.getLogger("asymnas")
        self._level = logger.level
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        logger.addHandler(self._handler)

    @classmethod
    def open(
        cls,
        path: Path | str,
        job: Job | CompareJob,
        *,
        resume: bool = False,
        fresh: bool = False,
        reads: Mapping[str, str] = MappingProxyType({}),
    ) -> RunFolder:
        """Make or enter the run folder of a job and write its `job.yaml`.

        Args:
            path: the folder, usually `runs/<job's name>`.
            job: what runs in it.
            resume: continue the run that the folder holds; a folder without a run is started.
            fresh: delete the files of the run that the folder holds, and no others, and start again.
            reads: further files that are read, by what they are; the job's own need not be told.

        Raises:
            RunFolderError: another process uses the folder; it holds a run and neither `resume` nor `fresh` is asked;
                it holds the run of another job (every differing key is listed); it holds other files and no run; a
                file that the job is read from would be lost; or it cannot be written.
        """
        folder = Path(path)
        if resume and fresh:
            raise RunFolderError(Problem(str(folder), "`resume` and `fresh` exclude each other"))
        resolved = written(job.resolved())
        with disk_errors(folder):
            _check_ours(folder)  # before anything is written: a folder of the user's own gets no lock either
            folder.mkdir(parents=True, exist_ok=True)
            lock = _take_lock(folder)
        try:
            with disk_errors(folder):
                resumed = _enter(folder, job, reads, resume=resume, fresh=fresh)
            if not (folder / MARK).is_file():
                write_text(folder / MARK, MARKED)
            if not resumed:
                write_text(folder / JOB, resolved)
            with disk_errors(folder):
                run = cls(folder, lock, resumed)
        except BaseException:
            lock.close()
            raise
        if fresh:
            run._tell_left()
        return run

    @staticmethod
    def check_made(path: Path | str) -> None:
        """Check that AsymNAS made a folder, so that a file of a run may be replaced in it.

        Raises:
            RunFolderError: it holds no run; a job that was written by hand makes none.
        """
        folder = Path(path)
        if not folder.is_dir() or not is_run(folder):
            held = ", ".join(foreign(folder)[:5]) if folder.is_dir() else ""
            raise RunFolderError(Problem(str(folder), "is no run folder", held, "Give a folder such as runs/x."))

    def _tell_left(self) -> None:
        left = [name for name in foreign(self.path) if name not in (JOB, LOG)]
        if left:
            text = "%s: deleted the files of the run; left untouched: %s"
            logging.getLogger("asymnas.run").warning(text, self.path, ", ".join(left))

    def close(self) -> None:
        """Release the folder."""
        logger = logging.getLogger("asymnas")
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)
        self._handler.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            logging.getLogger("asymnas.run").info("the run stopped: %s: %s", type(error).__name__, error)
        self.close()

    @property
    def job(self) -> Path:
        """The resolved job, `job.yaml`."""
        return self.path / JOB

    @property
    def space(self) -> Path:
        """The search space, `space.json`."""
        return self.path / SPACE

    @property
    def weights(self) -> Path:
        """The trained supernet, `supernet.safetensors`."""
        return self.path / "supernet.safetensors"

    @property
    def evaluations(self) -> Path:
        """The log of evaluations, `evaluations.jsonl`."""
        return self.path / "evaluations.jsonl"

    @property
    def architecture(self) -> Path:
        """The found architecture, `architecture.json`."""
        return self.path / "architecture.json"

    @property
    def summary(self) -> Path:
        """The results, `summary.json`."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The report, `report.html`."""
        return self.path / "report.html"

    def write_json(self, name: str, data: Any) -> Path:
        """Write data as JSON under a name in the folder, whole or not at all.

        Raises:
            RunFolderError: the disk is full or cannot be written; what was there before is still there.
            ValueError: a number is not finite.
        """
        return write_text(self.path / name, json.dumps(data, indent=2, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write text under a name in the folder; as `write_json`."""
        return write_text(self.path / name, text)


def _take_lock(folder: Path) -> IO[str]:
    """Lock the folder; the kernel releases the lock when the process ends, however it ends."""
    lock = open(folder / LOCK, "a+", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the folder is in use
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        way_out = "Wait for it to end, stop it, or choose another folder with --run."
        raise RunFolderError(
            Problem(str(folder), f"the run folder is in use by another process (pid {owner})", "", way_out)
        ) from None
    except BaseException:
        lock.close()
        raise
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _check_ours(folder: Path) -> None:
    """Refuse a folder that holds files and no run."""
    held = [name for name in foreign(folder) if name != LOG] if folder.is_dir() else []
    if held and not is_run(folder):
        rule = "is no run folder: it holds other files and no run"
        raise RunFolderError(Problem(str(folder), rule, ", ".join(held[:5]), "Choose another folder with --run."))


def _enter(folder: Path, job: Job | CompareJob, reads: Mapping[str, str], *, resume: bool, fresh: bool) -> bool:
    """Decide what becomes of what the folder holds; True if its run is continued."""
    _check_ours(folder)
    if not is_run(folder):
        return False
    sweep(folder)
    begun = (folder / JOB).is_file()
    if resume and begun:
        check_same(folder, job)
        return True
    if has_work(folder) and not fresh:
        if resume:
            rule = "the file of the run's job is missing"
            raise RunFolderError(Problem(str(folder / JOB), rule, "", "Restore it, or start again with --fresh."))
        way_out = "Continue it with --resume, delete it with --fresh, or choose another folder with --run."
        raise RunFolderError(Problem(str(folder), "the folder holds a run already", "", way_out))
    _check_sources(folder, job, reads)
    if not (folder / MARK).is_file():
        write_text(folder / MARK, MARKED)  # should the deletion be interrupted, what is left is still known as a run's
    clear(folder)  # without `fresh` it ended before any work was done: there is nothing to lose
    return False


def _check_sources(folder: Path, job: Job | CompareJob, reads: Mapping[str, str]) -> None:
    """Refuse to delete what the job, or what runs, is read from."""
    named: dict[str, Any]
    if isinstance(job, CompareJob):
        named = {"the job": job.origin, "`base`": job.base}
        named |= {f"`spaces[{index}]`": space for index, space in enumerate(job.spaces)}
    else:
        weights = job.training.initial_weights
        named = {"the job": job.origin, "`space`": job.space, "`training.initial_weights`": weights}
    named |= reads
    doomed = {item.resolve() for item in run_files(folder)}
    problems = []
    for name, value in named.items():
        path = Path(value).resolve() if isinstance(value, str) and value else None
        if path is not None and (path in doomed or not doomed.isdisjoint(path.parents)):
            rule = f"{name} is read from the run folder itself, where it would be deleted or overwritten"
            way_out = "Choose another folder with --run, or continue the run with --resume."
            problems.append(Problem(str(value), rule, "", way_out))
    if problems:
        raise RunFolderError(problems)
