"""How long the stages of a run took, over all the processes that worked on it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from asymnas.runs.folder import SECONDS, RunFolder

PAUSE = 5.0
"""Seconds between two notes of a running stage: so much of it is lost when the process is killed."""


class Reporter(Protocol):
    """What shows progress to the user."""

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Say that `done` of `total` of a stage is finished; `eta` in seconds."""


class StageTimes:
    """Seconds of each stage, kept in the run folder so that a resumed run adds to them; a reporter in between."""

    def __init__(self, run: RunFolder, progress: Reporter | None = None) -> None:
        self._run, self._progress = run, progress
        file = run.folder / SECONDS
        self._spent: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self._stage: str | None = None
        self._since = 0.0

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Hand the progress on; note the time of the running stage if the last note is some seconds old."""
        if self._stage is not None and time.perf_counter() - self._since >= PAUSE:
            self._note()
        if self._progress is not None:
            self._progress.update(stage, done, total, text, eta)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage, in the order in which the stages began."""
        return dict(self._spent)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, however it ends."""
        self._stage, self._since = name, time.perf_counter()
        try:
            yield
        finally:
            self._note()
            self._stage = None

    def _note(self) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._since
        self._since = now
        self._run.write_json(SECONDS, self._spent)
