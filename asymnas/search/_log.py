"""The log of evaluations: append-only JSON lines, the truth of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.files import disk_errors
from asymnas.search.results import Evaluation

logger = logging.getLogger("asymnas.search")

STREAK = 3
"""So many failures in a row stop a stage."""


class ResultLog:
    """`evaluations.jsonl`: one line an evaluation, on disk before anybody acts on it.

    A last line that a killed process did not write to its end is left out, and cut off by the next `append`.

    Args:
        file: made by the first `append`. Its folder must exist. One process at a time may append.

    Raises:
        RunFolderError: a line other than the last is corrupt.
    """

    def __init__(self, file: Path | str) -> None:
        self.file = Path(file)
        self._evaluations: list[Evaluation] = []
        self._by_key: dict[str, Evaluation] = {}
        self._by_place: dict[tuple[str, int], Evaluation] = {}
        self._end = 0  # bytes of whole lines
        self._read()

    def __len__(self) -> int:
        return len(self._evaluations)

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(tuple(self._evaluations))

    def get(self, key: str) -> Evaluation | None:
        """Return the newest evaluation with that key, None when there is none."""
        return self._by_key.get(key)

    def at(self, stage: str, index: int) -> Evaluation | None:
        """Return the newest evaluation at a place of a stage, None when there is none."""
        return self._by_place.get((stage, index))

    def failures_around(self, stage: str, index: int) -> list[Evaluation]:
        """Return the unbroken run of failures that holds the place, in the order asked; [] if none failed there."""
        first = last = index
        while self._failed(stage, first - 1):
            first -= 1
        while self._failed(stage, last + 1):
            last += 1
        run = [self.at(stage, place) for place in range(first, last + 1)] if self._failed(stage, index) else []
        return [evaluation for evaluation in run if evaluation is not None]

    def append(self, evaluation: Evaluation) -> None:
        """Write one evaluation and wait until it is on disk.

        Raises:
            RunFolderError: it could not be written, e.g. because the disk is full; all earlier lines are kept.
        """
        line = evaluation.to_json().encode() + b"\n"
        with disk_errors(self.file):
            self.file.touch(0o644)
            with self.file.open("r+b") as stream:
                stream.truncate(self._end)  # cuts off a part of a line, of this process or of a killed one
                stream.seek(self._end)
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        self._end += len(line)
        self._remember(evaluation.but(kept=None, statistics=None))

    def _read(self) -> None:
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return
        lines = content.splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            where = f"{self.file}, line {number}"
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("no line end")
                evaluation = Evaluation.from_json(line.decode(), where)
            except ValueError as error:  # errors of JSON and of UTF-8 are ValueErrors
                if number == len(lines):
                    logger.warning("%s is incomplete (the run was killed while writing it) and is left out.", where)
                    return
                way_out = "Restore the file, or delete this line."
                raise RunFolderError(Problem(where, f"the line is corrupt ({error})", "", way_out)) from error
            self._end += len(line)
            self._remember(evaluation)

    def _remember(self, evaluation: Evaluation) -> None:
        self._evaluations.append(evaluation)
        self._by_key[evaluation.key] = evaluation
        self._by_place[evaluation.stage, evaluation.index] = evaluation

    def _failed(self, stage: str, index: int) -> bool:
        evaluation = self.at(stage, index)
        return evaluation is not None and not evaluation.ok
