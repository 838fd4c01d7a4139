"""training.jsonl: one line a few steps, cut back to the checkpoint on resume."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.files import disk_errors, write_text


class Journal:
    """Writes training.jsonl; lines of steps after the checkpoint that training continues from, `step`, are dropped."""

    def __init__(self, file: Path, step: int) -> None:
        self.file = file
        kept = [record for record in read_records(file) if record["step"] <= step]
        write_text(file, "".join(json.dumps(record) + "\n" for record in kept))

    def append(self, record: dict[str, Any]) -> None:
        """Add one line."""
        with disk_errors(self.file), self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def read_records(file: Path) -> list[dict[str, Any]]:
    """All whole lines of a training.jsonl; a last line that was not written to its end is left out.

    Raises:
        RunFolderError: a line is damaged.
    """
    return list(Tail(file, -1).new())


class Tail:
    """Reads what another process appends to a training.jsonl, if it is there: lines beyond `step`, each once."""

    def __init__(self, file: Path, step: int) -> None:
        self.file, self.step, self._offset = file, step, 0

    def new(self) -> Iterator[dict[str, Any]]:
        """The whole lines added since the last call; a RunFolderError where one is damaged."""
        if not self.file.is_file():
            return
        with self.file.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) < self._offset:
                self._offset = 0  # cut back by a worker that started again
            stream.seek(self._offset)
            data = stream.read()
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
            raise RunFolderError(Problem(str(self.file), "a line is damaged", repr(shown), way)) from error
