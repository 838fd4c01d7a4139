"""Learning rates by step."""

from __future__ import annotations

import math

from asymnas.training.config import TrainingConfig


def lr_at(config: TrainingConfig, step: int) -> float:
    """The learning rate of `step`, 0 <= step < config.steps.

    The warm-up starts at lr / 5; the first step after it has lr; the last step of all has lr_end.
    """
    lr, geometric = config.lr, config.schedule == "log"
    if step < config.warmup_steps:
        return _between(lr / 5, lr, step / config.warmup_steps, geometric=geometric)
    if config.schedule == "constant":
        return lr
    done = (step - config.warmup_steps) / max(1, config.steps - 1 - config.warmup_steps)
    if geometric:
        return _between(lr, lr / 10 if config.lr_end is None else config.lr_end, done, geometric=True)
    end = 0.0 if config.lr_end is None else config.lr_end
    if config.schedule == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return _between(lr, end, done, geometric=False)


def _between(start: float, end: float, share: float, *, geometric: bool) -> float:
    return start * (end / start) ** share if geometric else start + (end - start) * share
