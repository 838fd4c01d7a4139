"""The engine without other processes: the same loop, here and now, with the same numbers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from asymnas.core.errors import JobError, Problem
from asymnas.core.threads import torch_threads
from asymnas.training._exchange import Exchange
from asymnas.training._loop import LoopStopped, TrainingLoop
from asymnas.training.config import TrainingConfig, TrainingSetup


def run_inprocess(
    factory: Callable[[], TrainingSetup],
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool,
    weights: str,
    on_record: Callable[[dict[str, Any]], None],
) -> None:
    """Train in this process; arguments as of `TrainingLoop` and its `run`.

    Ctrl-C is a KeyboardInterrupt after the running step and a checkpoint; a second one does not wait.
    """
    device = _device(config)
    with torch_threads(config.threads):
        setup = factory()
        with _interrupts() as interrupted:
            alone = Exchange(config.shards)
            loop = TrainingLoop(setup, config, folder, alone, device=device, stop=interrupted, on_record=on_record)
            try:
                loop.run(resume=resume, weights=weights)
            except LoopStopped as stopped:
                raise KeyboardInterrupt from stopped


def _device(config: TrainingConfig) -> torch.device:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise JobError(Problem("training.device", "needs a CUDA device", "none found", "Use `device: auto` or `cpu`."))
    return torch.device("cuda" if available and config.device != "cpu" else "cpu")


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Give a function that returns whether Ctrl-C was pressed. Outside the main thread Python delivers none."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def handler(number: int, frame: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    signal.signal(signal.SIGINT, handler)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
