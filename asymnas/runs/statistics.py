"""Normalisation statistics that a run keeps of the found architecture: a use of it need not recalibrate."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.errors import WeightsError
from asymnas.search import SCORING_VERSION

if TYPE_CHECKING:
    from asymnas.job import Job
    from asymnas.space import Architecture

logger = logging.getLogger("asymnas.study")

STATISTICS = "statistics.safetensors"


def statistics_key(job: Job, architecture: Architecture, weights_hash: str, **more: str) -> dict[str, str]:
    """Return all that recalibrated statistics depend on but for rounding, as text by name.

    The job's hash covers the model, the training data, the seed and the recalibration; `more` is what a task adds, such
    as the hash of an encoder's files.
    """
    found = {"job": job.hash, "architecture": architecture.key, "weights": weights_hash}
    return found | more | {"scoring": str(SCORING_VERSION)}


def save_statistics(folder: Path, key: Mapping[str, str], statistics: Mapping[str, Any]) -> None:
    """Write normalisation statistics (tensors or arrays, of `asymnas.nn.statistics_of`) into a run folder."""
    import torch

    from asymnas.nn import write_weights

    # copied, for Ray's arrays may not be written to, which torch warns of
    tensors = {name: torch.asarray(item, copy=True) for name, item in statistics.items()}
    write_weights(folder / STATISTICS, tensors, dict(key))


def load_statistics(folder: Path, key: Mapping[str, str], model: Any, *, own: bool) -> bool:
    """Set a model's statistics to those that the run kept for exactly this key; return whether they were there.

    A file that is damaged or of something else changes nothing; `own`: it is a warning that it is of something else.
    """
    from asymnas.nn import read_weights, set_statistics

    file = folder / STATISTICS
    if not file.is_file():
        return False
    try:
        statistics, found = read_weights(file)
        other = [name for name, value in key.items() if found.get(name) != value]
        if other:
            logger.log(
                logging.WARNING if own else logging.INFO,
                "%s: of another %s; the statistics are worked out again",
                file,
                ", ".join(other),
            )
            return False
        set_statistics(model, statistics, str(file))
    except WeightsError as error:
        logger.warning("%s; the statistics are worked out again", error)
        return False
    return True
