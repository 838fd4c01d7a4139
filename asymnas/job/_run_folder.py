"""The run folder: one process at a time, one job for life, files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import yaml

from asymnas.errors import Problem, RunFolderError
from asymnas.job._compare_schema import CompareJob
from asymnas.job._load import load_compare, load_job
from asymnas.job._schema import Job

__all__ = ["RunFolder", "write_text"]


LOCK, JOB, SPACE, LOG = ".lock", "job.yaml", "space.json", "log.txt"


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
    def open(cls, path: Path | str, job: Job | CompareJob, *, resume: bool = False, fresh: bool = False) -> RunFolder:
        """Make or enter the run folder of a job and write its `job.yaml`.

        Args:
            path: the folder, usually `runs/<job's name>`.
            job: what runs in it.
            resume: continue the run that the folder holds; a folder without a run is started.
            fresh: delete the run that the folder holds and start again.

        Raises:
            RunFolderError: another process uses the folder; it holds a run and neither `resume` nor `fresh` is asked;
                it holds the run of another job (every differing key is listed); it holds other files; or it cannot
                be written.
        """
        folder = Path(path)
        if resume and fresh:
            raise RunFolderError(Problem(str(folder), "`resume` and `fresh` exclude each other"))
        with _disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = _take_lock(folder)
        try:
            resumed = _enter(folder, job, resume=resume, fresh=fresh)
            if not resumed:
                write_text(folder / JOB, yaml.safe_dump(job.resolved(), sort_keys=False, allow_unicode=True))
            with _disk_errors(folder):
                return cls(folder, lock, resumed)
        except BaseException:
            lock.close()
            raise

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


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all: a temporary file beside it, flushed to disk, takes its place.

    Raises:
        RunFolderError: the disk is full or cannot be written; what was there before is still there.
    """
    with _disk_errors(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    return path


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "Free some space and resume with --resume." if full else "Check the path and its rights."
        rule = f"cannot be written ({error.strerror or error}); nothing that was there is lost"
        raise RunFolderError(Problem(str(path), rule, "", way_out)) from error


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


def _enter(folder: Path, job: Job | CompareJob, *, resume: bool, fresh: bool) -> bool:
    """Decide what becomes of what the folder holds; True if its run is continued."""
    for torn in [*folder.glob(".*.tmp"), *folder.glob("training/.*.tmp")]:
        torn.unlink()
    held = sorted(item.name for item in folder.iterdir() if item.name not in (LOCK, LOG))
    if not held:
        return False
    if JOB not in held:
        rule = "is no run folder: it holds other files and no job.yaml"
        raise RunFolderError(Problem(str(folder), rule, ", ".join(held[:5]), "Choose another folder with --run."))
    if fresh:
        for name in [*held, LOG]:
            item = folder / name
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink(missing_ok=True)
        return False
    if set(held) <= {JOB, SPACE} and not resume:
        return False  # it ended before any work was done: there is nothing to lose
    if not resume:
        way_out = "Continue it with --resume, delete it with --fresh, or choose another folder with --run."
        raise RunFolderError(Problem(str(folder), "the folder holds a run already", "", way_out))
    _check_same(folder, job)
    return True


def _check_same(folder: Path, job: Job | CompareJob) -> None:
    load = load_compare if isinstance(job, CompareJob) else load_job
    before, now = _flat(load(folder / JOB).identity()), _flat(job.identity())
    problems = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key, _ABSENT), now.get(key, _ABSENT)
        if old != new:
            rule = f"must be {old} as in the run that is resumed"
            problems.append(Problem(f"{folder / JOB}: {key}", rule, str(new)))
    if problems:
        way_out = "Give the run's own values, or start anew with --fresh or in another folder with --run."
        last = problems[-1]
        raise RunFolderError([*problems[:-1], Problem(last.where, last.rule, last.value, way_out)])


_ABSENT = "absent"


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    """Dotted key to JSON text of every scalar and empty container."""
    if isinstance(data, Mapping) and data:
        inner = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in data.items()]
    elif isinstance(data, list) and data:
        inner = [(f"{prefix}[{index}]", item) for index, item in enumerate(data)]
    else:
        return {prefix: json.dumps(data)}
    return {key: text for place, item in inner for key, text in _flat(item, place).items()}
