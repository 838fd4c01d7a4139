"""Progress of a training run: callbacks and TensorBoard events, in the driver."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COUNTERS = ("step", "steps", "eta_seconds", "seconds")
_RATES = ("lr", "grad_norm", "samples_per_second")


def losses_of(record: dict[str, Any]) -> dict[str, float]:
    """The losses in a line of training.jsonl: what is not one of the loop's own entries."""
    return {name: value for name, value in record.items() if name not in {*_COUNTERS, *_RATES}}


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where training is.

    Args:
        step: steps done, of `steps`.
        losses: means over the steps since the last report, "total" and its parts.
        lr: learning rate of the last step.
        grad_norm: mean norm of the gradient before clipping.
        samples_per_second: over the steps since the last report.
        eta_seconds: estimate of the time that is left.
    """

    step: int
    steps: int
    losses: dict[str, float]
    lr: float
    grad_norm: float
    samples_per_second: float
    eta_seconds: float


class ProgressSink:
    """Hands the lines of training.jsonl to a callback and, where tensorboardX is installed, to a folder of events.

    Events beyond `step` come from an interrupted run and are hidden.
    """

    def __init__(self, events: Path, step: int, on_progress: Callable[[TrainingProgress], None] | None) -> None:
        self._events, self._step, self._on_progress = events, step, on_progress
        self._writer: Any = None
        self._available = importlib.util.find_spec("tensorboardX") is not None

    def record(self, record: dict[str, Any]) -> None:
        """Take one line."""
        losses = losses_of(record)
        if self._available:
            self._write(record["step"], losses, {name: record[name] for name in _RATES})
        if self._on_progress is not None:
            known = {name: record[name] for name in ("step", "steps", "eta_seconds", *_RATES)}
            self._on_progress(TrainingProgress(losses=losses, **known))

    def _write(self, step: int, losses: dict[str, float], rates: dict[str, float]) -> None:
        if self._writer is None:
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(str(self._events), purge_step=self._step + 1 if self._step else None)
        for name, value in losses.items():
            self._writer.add_scalar(f"loss/{name}", value, step)
        for name, value in rates.items():
            self._writer.add_scalar(f"training/{name}", value, step)

    def close(self) -> None:
        """Flush the event file."""
        if self._writer is not None:
            self._writer.close()
