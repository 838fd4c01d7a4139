"""The result folder of a tracker while it is filled: one process at a time, one tracker and benchmark for life."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import filelock

from asymnas.core.errors import AsymNASError, DataError, Problem, RunFolderError
from asymnas.core.files import disk_errors
from asymnas.job.base import differences
from asymnas.tracking.online import TrackResult
from asymnas.tracking.results import (
    ResultSet,
    read_manifest,
    read_video_file,
    read_video_seconds,
    write_manifest,
    write_video_file,
)

__all__ = ["ResultFolder"]

logger = logging.getLogger("asymnas.tracking")

MANIFEST = "manifest.json"


class ResultFolder:
    """The result folder of the tracker `label` while it is filled; its boxes depend on `identity` (JSON values)."""

    def __init__(self, path: Path, label: str, identity: Mapping[str, Any]) -> None:
        self.path, self.label = path, label
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))  # as the manifest has it

    @contextmanager
    def filling(self, *, resume: bool = False, fresh: bool = False) -> Iterator[None]:
        """Hold the folder for this process, and write its manifest.

        With `resume` the results of the same identity are kept, with `fresh` they are moved aside, to `<name>.old-<n>`.

        Raises:
            RunFolderError: another process fills the folder; it cannot be written; or as for `check`.
        """
        if resume and fresh:
            raise RunFolderError(Problem(str(self.path), "`resume` and `fresh` exclude each other"))
        with ExitStack() as held:
            held.enter_context(_locked(self.path))
            if self.check(resume=resume, fresh=fresh) and fresh:
                _move_aside(self.path)
                held.enter_context(_locked(self.path))
            self.begin()
            yield

    def check(self, *, resume: bool, fresh: bool) -> bool:
        """Return whether the folder holds results, without writing anything.

        Raises:
            RunFolderError: it holds results and neither `resume` nor `fresh` is asked; it holds results of another
                identity (each difference is listed), or other files.
        """
        with disk_errors(self.path):
            exists = self.path.exists()
            held = sorted(item.name for item in self.path.iterdir() if not item.name.startswith(".")) if exists else []
        if not held:
            return False
        manifest = self._manifest(held)
        if not fresh:
            if not resume:
                way_out = "Continue with --resume, start anew with --fresh, or choose another folder with --out."
                raise RunFolderError(Problem(str(self.path), "the folder holds results already", "", way_out))
            self._check_same(manifest)
        return True

    def begin(self) -> None:
        """Write the manifest of an unfinished folder."""
        self._write_manifest({"complete": False})

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
        with disk_errors(self.path):
            write_video_file(self.path, result.video, result.boxes, result.scores, result.seconds)

    def finish(self, failures: Mapping[str, str], more: Mapping[str, Any]) -> None:
        """Write the manifest with what failed."""
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
        with disk_errors(self.path):
            write_manifest(self.path, self.label, {**self.identity, **more})

    def _check_same(self, before: Mapping[str, Any]) -> None:
        way_out = "Start anew with --fresh, or choose another folder with --out."
        found = differences({key: before.get(key) for key in self.identity}, self.identity)
        if found:
            raise RunFolderError(
                Problem(f"{self.path / MANIFEST}: {key}", f"must be {old} as in these results", new, way_out)
                for key, (old, new) in list(found.items())[:12]
            )


def _move_aside(folder: Path) -> None:
    number = 1
    while (target := folder.with_name(f"{folder.name}.old-{number}")).exists():
        number += 1
    with disk_errors(folder):
        folder.rename(target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process fills a folder at a time; the kernel releases the lock when the process ends, however it ends."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            way_out = "Wait for it to end, or choose another folder with --out."
            raise RunFolderError(Problem(str(folder), "another process fills this folder", "", way_out)) from None
    try:
        yield
    finally:
        lock.release()
