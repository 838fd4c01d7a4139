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

__all__ = ["STATISTICS", "load_statistics", "save_statistics", "statistics_key"]

logger = logging.getLogger("asymnas.study")

STATISTICS = "statistics.safetensors"

CONTENT = "content"
"""Metadata of the statistics: a hash of the numbers themselves."""


def statistics_key(job: Job, architecture: Architecture, weights_hash: str, **more: str) -> dict[str, str]:
    """Return all that recalibrated statistics depend on but for rounding, as text by name.

    The job's hash covers the model, the training data, the seed and the recalibration; `more` is what a task adds, such
    as the hash of an encoder's files.
    """
    found = {"job": job.hash, "architecture": architecture.key, "weights": weights_hash}
    return found | more | {"scoring": str(SCORING_VERSION)}


def save_statistics(folder: Path, key: Mapping[str, str], statistics: Mapping[str, Any]) -> None:
    """Write normalisation statistics (tensors or arrays, of `asymnas.nn.statistics_of`) into a run folder.

    Raises:
        WeightsError: the file cannot be written.
    """
    import torch

    from asymnas.nn import weights_hash, write_weights

    # copied, for Ray's arrays may not be written to, which torch warns of
    tensors = {name: torch.asarray(item, copy=True) for name, item in statistics.items()}
    write_weights(folder / STATISTICS, tensors, {**key, CONTENT: weights_hash(tensors)})


def load_statistics(folder: Path, key: Mapping[str, str], model: Any, *, own: bool) -> bool:
    """Set a model's statistics to those that the run kept for exactly this key.

    Args:
        folder: the run folder.
        key: of `statistics_key`.
        model: whose statistics are set, in place.
        own: whether the run should have kept them; files that are of something else are then worth a warning.

    Returns:
        whether they were there; a file that is damaged or of something else changes nothing.
    """
    from asymnas.nn import read_weights, set_statistics, weights_hash

    path = folder / STATISTICS
    if not path.is_file():
        return False
    try:
        statistics, found = read_weights(path)
        other = [name for name, value in key.items() if found.get(name) != value]
        if other:
            level = logging.WARNING if own else logging.INFO
            logger.log(level, "%s: of another %s; the statistics are worked out again", path, ", ".join(other))
            return False
        if found.get(CONTENT) != weights_hash(statistics):
            logger.warning("%s: damaged, its numbers are not those written; the statistics are worked out again", path)
            return False
        set_statistics(model, statistics, str(path))
    except WeightsError as error:
        logger.warning("%s; the statistics are worked out again", error)
        return False
    return True
