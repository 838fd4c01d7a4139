"""training.jsonl: one line a few steps, cut back to the checkpoint on resume."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.files import write_whole


@dataclass(slots=True)
class Window:
    """Sums over the steps since the last line."""

    count: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, values: dict[str, float]) -> None:
        """Take in one step's values."""
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def mean(self) -> dict[str, float]:
        """Means over the steps taken in."""
        return {name: value / self.count for name, value in self.sums.items()}


class Journal:
    """The writer.

    Args:
        path: of training.jsonl.
        step: lines beyond it are dropped: they come from steps after the checkpoint that training continues from.

    Raises:
        RunFolderError: the file cannot be written.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = [record for record in read_records(path) if record["step"] <= step]
        try:
            write_whole(path, "".join(json.dumps(record) + "\n" for record in kept).encode())
        except OSError as error:
            raise _unwritable(path, error) from error

    def append(self, record: dict[str, Any]) -> None:
        """Add one line and flush it.

        Raises:
            RunFolderError: the file cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise _unwritable(self.path, error) from error


def read_records(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a training.jsonl; a torn last line is left out.

    Raises:
        RunFolderError: a line is damaged.
    """
    return list(Tail(path, -1).new()) if path.is_file() else []


class Tail:
    """Reads what another process appends.

    Args:
        path: of training.jsonl; may not exist yet.
        step: only records beyond it are given, each once.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step, self._offset = path, step, 0

    def new(self) -> Iterator[dict[str, Any]]:
        """The whole lines added since the last call.

        Raises:
            RunFolderError: a line is damaged.
        """
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._offset:
                self._offset = 0  # cut back by a worker that started again
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            record = self._record(line)
            if record["step"] > self.step:
                self.step = record["step"]
                yield record

    def _record(self, line: bytes) -> dict[str, Any]:
        try:
            return json.loads(line)
        except ValueError as error:
            shown = line.decode(errors="replace")[:60]
            way = "Delete the line, or what is left of it, and resume the run."
            raise RunFolderError(Problem(str(self.path), "a line is damaged", repr(shown), way)) from error


def _unwritable(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        Problem(str(path), "must be writable", error.strerror or str(error), "Free some space, then resume the run.")
    )
