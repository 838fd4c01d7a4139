"""What a run keeps beside its scores: the found tracker's normalisation statistics, and strips that show it at work."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.errors import WeightsError
from asymnas.study._final import DRAWN

if TYPE_CHECKING:
    from asymnas.data import Video
    from asymnas.job import Job
    from asymnas.language import SentenceTable
    from asymnas.search import Evaluation
    from asymnas.space import Architecture

__all__ = ["draw_strips", "keepsakes_missing", "load_statistics", "save_statistics", "statistics_key"]

logger = logging.getLogger("asymnas.study")

STATISTICS, STRIPS = "statistics.safetensors", "strips"

SHOWN = 6
"""Test videos that are drawn."""


def keepsakes_missing(folder: Path) -> bool:
    """Whether statistics or strips are still to be made."""
    return not ((folder / STATISTICS).is_file() and any((folder / STRIPS).glob("*.jpg")))


def statistics_key(job: Job, architecture: Architecture, weights_hash: str, sentences: SentenceTable) -> dict[str, str]:
    """Return all that recalibrated statistics depend on but for rounding, as text by name."""
    return {
        "job": job.hash,
        "architecture": architecture.key,
        "weights": weights_hash,
        "encoder": f"{sentences.name}-{sentences.fingerprint}",
    }


def save_statistics(folder: Path, key: Mapping[str, str], statistics: Mapping[str, Any]) -> None:
    """Write normalisation statistics (tensors or arrays, of `asymnas.nn.statistics_of`) into a run folder.

    Raises:
        WeightsError: the file cannot be written.
    """
    import torch

    from asymnas.nn import write_weights

    write_weights(folder / STATISTICS, {name: torch.as_tensor(item) for name, item in statistics.items()}, key)


def load_statistics(folder: Path, key: Mapping[str, str], model: Any) -> bool:
    """Set a model's statistics to those that the run kept for exactly this key; return whether there were any."""
    from asymnas.nn import read_weights, set_statistics

    path = folder / STATISTICS
    if not path.is_file():
        return False
    try:
        statistics, found = read_weights(path)
        if any(found.get(name) != value for name, value in key.items()):
            return False
        set_statistics(model, statistics, str(path))
    except WeightsError as error:
        logger.warning("%s; the statistics are worked out again", error)
        return False
    return True


def draw_strips(folder: Path, videos: Sequence[Video], results: Mapping[str, Evaluation]) -> None:
    """Draw test videos from the one that the found tracker follows best to the worst, at equal ranks between.

    Args:
        folder: the run folder; the pictures are `strips/01.jpg` and so on, the best one first.
        videos: the test videos.
        results: evaluations by the names of `asymnas.study._final.final_tasks`; those with boxes are drawn.

    Raises:
        DataError: a picture cannot be written.
    """
    from asymnas.report import Shown, draw_strip, save_picture

    best = results["best"]
    if not best.ok:
        return
    named = {"with its sentence": "best with", "without": "best without", DRAWN.replace("_", " "): f"baseline {DRAWN}"}
    scores = [best.videos[f"{video.dataset}/{video.name}"] for video in videos]
    order = np.argsort(-np.array(scores), kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))
    for number, index in enumerate(order[places].tolist(), start=1):
        video = videos[index]
        shown = []
        for label, task in named.items():
            result = results.get(task)
            if result is not None and result.ok and result.tracks:
                (tracks,) = result.tracks.values()
                shown.append(Shown(label, result.videos[f"{video.dataset}/{video.name}"], tracks[index].boxes))
        save_picture(draw_strip(video, shown), folder / STRIPS / f"{number:02d}.jpg")
