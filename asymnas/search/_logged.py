"""Requests that are evaluated together: what the log knows of them, what must be computed, what goes to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from asymnas.core.errors import EvaluationError, Problem
from asymnas.core.runtime.pool import Pool
from asymnas.search._log import STREAK, ResultLog
from asymnas.search.results import Evaluation, Request, ScoreSettings

logger = logging.getLogger("asymnas.search")


def evaluate_logged(
    requests: Sequence[Request],
    pool: Pool[Request, Evaluation],
    log: ResultLog,
    *,
    settings: ScoreSettings,
    stage: str,
    first_index: int = 0,
    marks: Sequence[Mapping[str, int]] | None = None,
    on_result: Callable[[Evaluation, bool], None] = lambda evaluation, fresh: None,
) -> list[Evaluation]:
    """Evaluate requests, taking from the log what it knows and writing to it what it does not.

    A score known under its key is not computed again; where it was computed for another stage or place, a line marked
    `cached` says so. A request with `keep` is computed again for what it keeps; the log keeps the line that it has.
    Failures in the log count as results, and keep nothing, except those of a row that stopped the stage: a resumed run
    tries these again.

    Args:
        requests: what to evaluate; requests of one key are evaluated once, with `keep` if any of them has it.
        pool: who does it.
        log: the log.
        settings: gives each request's key.
        stage: name written to the log.
        first_index: place of the first request in the stage.
        marks: for each request the values of `candidate` and `rung` in its line.
        on_result: called with each evaluation once it is in the log, and whether it was computed now; those from the
            log come first, the others as they complete.

    Returns:
        The evaluations in the order of the requests.

    Raises:
        EvaluationError: three requests in a row failed.
        RunFolderError: the log cannot be written.
    """
    marks = [{}] * len(requests) if marks is None else marks
    return _LoggedBatch(requests, log, settings, stage, first_index, marks, on_result).evaluate(pool)


class _LoggedBatch:
    """Requests that are evaluated together and what the log holds of each."""

    def __init__(
        self,
        requests: Sequence[Request],
        log: ResultLog,
        settings: ScoreSettings,
        stage: str,
        first_index: int,
        marks: Sequence[Mapping[str, int]],
        on_result: Callable[[Evaluation, bool], None],
    ) -> None:
        self.requests, self.log, self.stage, self.first_index = requests, log, stage, first_index
        self.marks, self.on_result = marks, on_result
        self.keys = [settings.key(request) for request in requests]
        self.results: dict[int, Evaluation] = {}
        self._twins: dict[int, int] = {}  # position -> the one that is computed for it, perhaps itself

    def evaluate(self, pool: Pool[Request, Evaluation]) -> list[Evaluation]:
        """Return the evaluations in the order of the requests; see `evaluate_logged`."""
        wanted = self._replay()
        positions = list(wanted)
        if wanted:
            pool.map(list(wanted.values()), lambda place, evaluation: self._computed(positions[place], evaluation))
        for position, leader in self._twins.items():
            if position != leader:
                self._copy(position, self.results[leader], self.results[leader])
        return [self.results[position] for position in range(len(self.requests))]

    def _replay(self) -> dict[int, Request]:
        """Settle what the log knows; return what must be computed by its position, in the order asked."""
        unknown: dict[str, list[int]] = {}
        places = range(self.first_index, self.first_index + len(self.requests))
        stopped = {index for index in places if len(self.log.failures_around(self.stage, index)) >= STREAK}
        for position, (request, key) in enumerate(zip(self.requests, self.keys, strict=True)):
            index = self.first_index + position
            here, known = self.log.at(self.stage, index), self.log.get(key)
            if known is None or (request.keep and known.ok) or index in stopped:
                unknown.setdefault(key, []).append(position)
            elif here is not None and here.key == key:
                self._settle(position, here)
            else:
                self._write(position, known.but(cached=True, seconds=0.0))
        wanted: dict[int, Request] = {}
        for positions in unknown.values():  # the first is computed for all, so that `keep` changes no line of the log
            self._twins |= dict.fromkeys(positions, positions[0])
            keep = any(self.requests[position].keep for position in positions)
            wanted[positions[0]] = replace(self.requests[positions[0]], keep=keep)
        return dict(sorted(wanted.items()))

    def _computed(self, position: int, evaluation: Evaluation) -> None:
        """Log and settle a fresh evaluation."""
        known = self.log.get(self.keys[position])
        if known is None or not known.ok:
            self._write(position, evaluation, fresh=True)
            return
        # computed again for what it keeps
        if known.value != evaluation.value:
            now = evaluation.value if evaluation.ok else f"a failure ({evaluation.error})"
            logger.warning("%s %d: the score was %s and is now %s.", self.stage, known.index, known.value, now)
        self._copy(position, known, evaluation, fresh=True)

    def _copy(self, position: int, known: Evaluation, keeper: Evaluation, *, fresh: bool = False) -> None:
        """Settle a request that has a score, with what another keeps; its place gets a line if it has none."""
        kept: dict[str, Any] = {"kept": keeper.kept, "statistics": keeper.statistics}
        here = self.log.at(self.stage, self.first_index + position)
        if here is not None and here.ok and here.key == self.keys[position]:
            self._settle(position, here.but(**kept), fresh=fresh)
        else:
            self._write(position, known.but(cached=True, seconds=0.0, **kept), fresh=fresh)

    def _write(self, position: int, evaluation: Evaluation, *, fresh: bool = False) -> None:
        index = self.first_index + position
        marks = {"candidate": None, "rung": None, **self.marks[position]}
        evaluation = evaluation.but(key=self.keys[position], stage=self.stage, index=index, **marks)
        self.log.append(evaluation)
        self._settle(position, evaluation, fresh=fresh)
        row = self.log.failures_around(self.stage, index)
        if len(row) >= STREAK:
            where = f"{self.stage}, evaluations {row[0].index + 1} to {row[-1].index + 1}"
            rule = f"{len(row)} evaluations in a row failed, so the {self.stage} was stopped; the last error was: "
            way_out = f"Tracebacks are in {self.log.file}. Remove the cause, then resume the run."
            raise EvaluationError(Problem(where, rule + evaluation.error, way_out=way_out))

    def _settle(self, position: int, evaluation: Evaluation, *, fresh: bool = False) -> None:
        self.results[position] = evaluation
        self.on_result(evaluation, fresh)
