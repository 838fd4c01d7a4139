"""Tasks that are evaluated together: what the log knows of them, what must be computed, and what goes to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from asymnas.core.errors import EvaluationError, Problem
from asymnas.search._evaluators import Evaluator
from asymnas.search._log import STREAK, ResultLog
from asymnas.search.results import Evaluation, ScoreSettings, Task

__all__ = ["Batch", "evaluate_batch"]

logger = logging.getLogger("asymnas.search")


class Batch:
    """Tasks that are evaluated together and what is known of each.

    `on_result` is called with each evaluation and whether it was computed now.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        log: ResultLog,
        settings: ScoreSettings,
        stage: str,
        first_index: int,
        on_result: Callable[[Evaluation, bool], None] | None,
    ) -> None:
        self.tasks, self.log, self.stage, self.first_index = tasks, log, stage, first_index
        self.on_result = on_result
        self.keys = [settings.key(task) for task in tasks]
        self.results: dict[int, Evaluation] = {}
        self._twins: dict[int, int] = {}  # position -> the one that is computed for it, perhaps itself

    def replay(self) -> dict[int, Task]:
        """Settle what the log knows; return what must be computed by its position, in task order."""
        unknown: dict[str, list[int]] = {}
        places = range(self.first_index, self.first_index + len(self.tasks))
        stopped = {index for index in places if len(self.log.failures_around(self.stage, index)) >= STREAK}
        for position, (task, key) in enumerate(zip(self.tasks, self.keys, strict=True)):
            index = self.first_index + position
            here, known = self.log.at(self.stage, index), self.log.get(key)
            if known is None or (task.keep_boxes and known.ok) or index in stopped:
                unknown.setdefault(key, []).append(position)
            elif here is not None and here.key == key:
                self._settle(position, here)
            else:
                self._write(position, replace(known, cached=True, seconds=0.0))
        wanted: dict[int, Task] = {}
        for positions in unknown.values():  # the first is computed for all, so that boxes change no line of the log
            self._twins |= dict.fromkeys(positions, positions[0])
            boxes = any(self.tasks[position].keep_boxes for position in positions)
            wanted[positions[0]] = replace(self.tasks[positions[0]], keep_boxes=boxes)
        return dict(sorted(wanted.items()))

    def computed(self, position: int, evaluation: Evaluation) -> None:
        """Log and settle a fresh evaluation."""
        known = self.log.get(self.keys[position])
        if known is None or not known.ok:
            self._write(position, evaluation, fresh=True)
            return
        # computed again for its boxes
        if known.suc != evaluation.suc:
            now = evaluation.suc if evaluation.ok else f"a failure ({evaluation.error})"
            logger.warning("%s %d: the score was %s and is now %s.", self.stage, known.index, known.suc, now)
        self._copy(position, known, evaluation, fresh=True)

    def copy_twins(self) -> None:
        """Settle tasks that equal a computed one."""
        for position, leader in self._twins.items():
            if position == leader:
                continue
            twin = self.results[leader]
            self._copy(position, twin, twin)

    def _copy(self, position: int, known: Evaluation, boxes: Evaluation, *, fresh: bool = False) -> None:
        """Settle a task whose score is known, with boxes; its own place gets a line unless it has one."""
        kept: dict[str, Any] = {"tracks": boxes.tracks, "statistics": boxes.statistics}
        here = self._logged(position)
        if here is None:
            self._write(position, replace(known, cached=True, seconds=0.0, **kept), fresh=fresh)
        else:
            self._settle(position, replace(here, **kept), fresh=fresh)

    def _logged(self, position: int) -> Evaluation | None:
        """What the log holds at the task's own place, if it is the task's score."""
        here = self.log.at(self.stage, self.first_index + position)
        return here if here is not None and here.ok and here.key == self.keys[position] else None

    def _write(self, position: int, evaluation: Evaluation, *, fresh: bool = False) -> None:
        index = self.first_index + position
        evaluation = replace(evaluation, key=self.keys[position], stage=self.stage, index=index)
        self.log.append(evaluation)
        self._settle(position, evaluation, fresh=fresh)
        row = self.log.failures_around(self.stage, index)
        if len(row) >= STREAK:
            raise EvaluationError(
                Problem(
                    f"{self.stage}, evaluations {row[0].index + 1} to {row[-1].index + 1}",
                    f"{len(row)} evaluations in a row failed, so the {self.stage} was stopped; the last error was: "
                    f"{evaluation.error}",
                    way_out=f"Tracebacks are in {self.log.path}. When the cause is mended, resume the run.",
                )
            )

    def _settle(self, position: int, evaluation: Evaluation, *, fresh: bool = False) -> None:
        self.results[position] = evaluation
        if self.on_result is not None:
            self.on_result(evaluation, fresh)


def evaluate_batch(batch: Batch, evaluator: Evaluator) -> list[Evaluation]:
    """Return the evaluations of a batch in task order; see `asymnas.search.evaluate_logged`."""
    wanted = batch.replay()
    positions = list(wanted)
    if wanted:
        evaluator.evaluate(
            list(wanted.values()),
            on_result=lambda place, evaluation: batch.computed(positions[place], evaluation),
        )
    batch.copy_twins()
    return [batch.results[position] for position in range(len(batch.tasks))]
