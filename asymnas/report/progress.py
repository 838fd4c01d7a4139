"""How far a run is: bars on a terminal, plain lines elsewhere, nothing under --json."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from asymnas.report.texts import span

EVERY_SECONDS = 10.0
EVERY_SHARE = 0.05


class ProgressDisplay:
    """A reporter (`asymnas.runs.times`) that shows nothing; the others do. A context manager: leaving it ends it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[str, tuple[float, int]] = {}

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Report how far a stage is; `eta` in seconds, None: estimated from the pace so far."""

    def message(self, text: str) -> None:
        """Show one line that is no progress of a stage."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the display."""

    def _rest(self, stage: str, done: int, total: int, eta: float | None) -> str:
        """When the stage ends, by `eta` or by the pace since its first report (a resumed stage does not start at 0)."""
        now = self._clock()
        start, first = self._began.setdefault(stage, (now, done))
        if eta is None and done > first and now > start:
            eta = (now - start) / (done - first) * (total - done)
        return "" if eta is None or done >= total else f"ETA {span(eta)}"


class LineProgress(ProgressDisplay):
    """One plain line a stage at its start and end, and when 10 s or 5 % have passed since its last line."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self.console = console
        self._shown: dict[str, tuple[float, float]] = {}

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Show a line if it is time for one."""
        rest = self._rest(stage, done, total, eta)
        now, share = self._clock(), done / max(total, 1)
        when, shown = self._shown.get(stage, (float("-inf"), -1.0))
        ended = done >= total and shown < 1
        if ended or now - when >= EVERY_SECONDS or share - shown >= EVERY_SHARE:
            self._shown[stage] = (now, share)
            self.message("  ".join(part for part in (f"{stage}: {done}/{total}", text, rest) if part))

    def message(self, text: str) -> None:
        """Show the line."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress(ProgressDisplay):
    """A bar for each stage, redrawn in place."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        texts = (TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("eta", "text"))
        head: list[Any] = [TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn()]
        self._bars = Bars(*head, *texts, console=console)
        self._tasks: dict[str, TaskID] = {}

    def update(self, stage: str, done: int, total: int, text: str = "", eta: float | None = None) -> None:
        """Move the stage's bar."""
        rest = self._rest(stage, done, total, eta)
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total, text="", eta="")
        self._bars.update(self._tasks[stage], completed=done, total=total, text=text, eta=rest)

    def message(self, text: str) -> None:
        """Show the line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


def make_progress(console: Console, *, silent: bool = False) -> ProgressDisplay:
    """Return the reporter that suits: bars on a terminal, lines elsewhere, nothing if `silent`."""
    if silent:
        return ProgressDisplay()
    return LiveProgress(console) if console.is_terminal else LineProgress(console)
