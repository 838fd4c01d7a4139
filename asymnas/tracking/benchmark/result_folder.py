"""The result folder of a tracker while it is filled: one process at a time, one tracker and benchmark for life."""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asymnas.core.errors import AsymNASError, DataError, Problem, RunFolderError
from asymnas.tracking import TrackResult
from asymnas.tracking.results import (
    ResultSet,
    read_manifest,
    read_video_file,
    read_video_seconds,
    write_manifest,
    write_video_file,
)

__all__ = ["ResultFolder"]

logger = logging.getLogger("asymnas.study")

MANIFEST, TIMES = "manifest.json", "times"
BOXES_MARK, SECONDS_MARK = b"# x,y,w,h", b"# seconds of"
"""How the files of a canonical result folder begin."""


class ResultFolder:
    """A canonical result folder that is being filled.

    Args:
        path: the folder.
        label: of the tracker.
        identity: what the boxes depend on, as JSON values.
    """

    def __init__(self, path: Path, label: str, identity: Mapping[str, Any]) -> None:
        self.path, self.label, self.identity = path, label, dict(identity)

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, label: str, identity: Mapping[str, Any], *, resume: bool, fresh: bool
    ) -> Iterator[ResultFolder]:
        """Make or enter a folder and write its manifest.

        Args:
            path: the folder.
            label: of the tracker.
            identity: what the boxes depend on.
            resume: keep what the folder holds of the same identity.
            fresh: delete the results that it holds.

        Raises:
            RunFolderError: another process fills the folder; it cannot be written; or as for `check`.
        """
        folder = cls(path, label, json.loads(json.dumps(identity)))
        if resume and fresh:
            raise RunFolderError(Problem(str(path), "`resume` and `fresh` exclude each other"))
        with _locked(path):
            with _disk_errors(path):
                folder._enter(resume=resume, fresh=fresh)
            yield folder

    def check(self, *, resume: bool, fresh: bool) -> bool:
        """Check whether the folder can be filled, without writing anything.

        Returns:
            whether it holds results.

        Raises:
            RunFolderError: it holds results and neither `resume` nor `fresh` is asked; it holds results of another
                identity (each difference is listed), or other files.
        """
        with _disk_errors(self.path):
            exists = self.path.exists()
            held = sorted(item.name for item in self.path.iterdir() if not item.name.startswith(".")) if exists else []
        if not held:
            return False
        manifest = self._manifest(held)
        if not fresh:
            if not resume:
                way_out = "Continue with --resume, delete them with --fresh, or choose another folder with --out."
                raise RunFolderError(Problem(str(self.path), "the folder holds results already", "", way_out))
            self._check_same(manifest)
        return True

    def holds(self, video: str, frames: int) -> bool:
        """Whether the folder has the video's boxes, one a frame; a damaged file counts as none, with a warning."""
        file = self.path / f"{video}.txt"
        if not file.is_file():
            return False
        try:
            boxes, _ = read_video_file(file)
        except AsymNASError as error:
            logger.warning("%s is damaged and is made anew: %s", file, error)
            return False
        if len(boxes) != frames:
            logger.warning("%s has %d rows for %d frames and is made anew.", file, len(boxes), frames)
            return False
        return True

    def write(self, result: TrackResult) -> None:
        """Write a video's boxes, scores and seconds, atomically."""
        with _disk_errors(self.path):
            write_video_file(self.path, result.video, result.boxes, result.scores, result.seconds)

    def finish(self, failures: Mapping[str, str], more: Mapping[str, Any]) -> None:
        """Write the manifest with what failed."""
        with _disk_errors(self.path):
            self._write_manifest({"complete": not failures, "failures": dict(failures), **more})

    def results(self, videos: Sequence[str]) -> ResultSet:
        """Return what the folder holds of these videos."""
        boxes, scores, seconds = {}, {}, {}
        for video in videos:
            file = self.path / f"{video}.txt"
            if not file.is_file():
                continue
            boxes[video], found = read_video_file(file)
            if found is not None:
                scores[video] = found
            spent = read_video_seconds(self.path, video)
            if spent is not None:
                seconds[video] = spent
        return ResultSet(self.label, boxes, scores, seconds, read_manifest(self.path), (), self.path)

    def _enter(self, *, resume: bool, fresh: bool) -> None:
        if self.check(resume=resume, fresh=fresh) and fresh:
            self._clear()
        self._write_manifest({"complete": False})

    def _manifest(self, held: Sequence[str]) -> dict[str, Any]:
        """The manifest; web pages, for one, have a `manifest.json` too, and their files are not to be touched."""
        way_out = "Choose another folder with --out."
        if MANIFEST not in held:
            rule = "is no result folder: it holds other files and no manifest.json"
            raise RunFolderError(Problem(str(self.path), rule, ", ".join(held[:5]), way_out))
        try:
            return read_manifest(self.path)
        except DataError as error:
            rule = f"is no result folder: its {MANIFEST} cannot be read as one ({error.problems[0].rule})"
            raise RunFolderError(Problem(str(self.path), rule, error.problems[0].value, way_out)) from error

    def _write_manifest(self, more: Mapping[str, Any]) -> None:
        write_manifest(self.path, self.label, {**self.identity, **more})

    def _clear(self) -> None:
        """Delete the results, and nothing else that may lie there; the manifest last, as it says whose they are."""
        for pattern, mark in (("*.txt", BOXES_MARK), (f"{TIMES}/*.txt", SECONDS_MARK)):
            for file in self.path.glob(pattern):
                with file.open("rb") as opened:
                    begins = opened.read(len(mark))
                if begins in (mark, b""):  # empty after a power cut
                    file.unlink()
        (self.path / MANIFEST).unlink()

    def _check_same(self, before: Mapping[str, Any]) -> None:
        old, new = _flat({key: before.get(key) for key in self.identity}), _flat(self.identity)
        keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        problems = [
            Problem(f"{self.path / MANIFEST}: {key}", f"must be {old.get(key)} as in these results", str(new.get(key)))
            for key in keys[:12]
        ]
        if problems:
            way_out = "Start anew with --fresh, or choose another folder with --out."
            last = problems[-1]
            raise RunFolderError([*problems[:-1], Problem(last.where, last.rule, last.value, way_out)])


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    """Dotted key to JSON text."""
    if not isinstance(data, Mapping) or not data:
        return {prefix: json.dumps(data)}
    return {
        place: text
        for key, item in data.items()
        for place, text in _flat(item, f"{prefix}.{key}" if prefix else str(key)).items()
    }


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        rule = f"cannot be written ({error.strerror or error}); finished videos are not lost"
        way_out = "Free some space or mend the path, and continue with --resume."
        raise RunFolderError(Problem(str(path), rule, "", way_out)) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process fills a folder at a time; the kernel releases the lock when the process ends, however it ends."""
    with _disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / ".lock", "a", encoding="utf-8")  # noqa: SIM115 - closed by the `with` below
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            way_out = "Wait for it to end, or choose another folder with --out."
            raise RunFolderError(Problem(str(path), "another process fills this folder", "", way_out)) from None
        yield
