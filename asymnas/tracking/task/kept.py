"""What a run keeps beside its scores: boxes of its test videos, strips that show them, normalisation statistics."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import WeightsError
from asymnas.search.results import SCORING_VERSION
from asymnas.tracking.metrics import main_measure
from asymnas.tracking.task.boxes import KeptBoxes

if TYPE_CHECKING:
    from asymnas.job import Job
    from asymnas.language import SentenceTable
    from asymnas.search import Evaluation, ScoreSettings, Task
    from asymnas.space import Architecture
    from asymnas.tracking.data import Video

__all__ = ["Keepsakes", "load_statistics", "save_statistics", "statistics_key"]

logger = logging.getLogger("asymnas.study")

STATISTICS, STRIPS = "statistics.safetensors", "strips"

CONTENT = "content"
"""Metadata of the statistics: a hash of the numbers themselves."""

SHOWN = 6
"""Test videos that are drawn."""

DRAWN = {"with": "with its sentence", "without": "without", "template_matching": "template matching"}
"""What is drawn, by the folder of its boxes, and what the strips call it."""


class Keepsakes:
    """Writes what a run keeps of its test stage into the run folder.

    Args:
        run: the run folder.
        job: the job.
        videos: the test videos.
        architecture: the found one.
        settings: give the keys of the evaluations.
        sentences: the text encoder.
    """

    def __init__(
        self,
        run: Path,
        job: Job,
        videos: Sequence[Video],
        architecture: Architecture,
        settings: ScoreSettings,
        sentences: SentenceTable,
    ) -> None:
        self._run, self._job, self._videos, self._settings = run, job, list(videos), settings
        self._architecture = architecture
        self._statistics = statistics_key(job, architecture, settings.weights, sentences)
        self._boxes = KeptBoxes(run, videos)
        self._missing: dict[str, str] = {}  # key of the score -> folder of its boxes

    def asking(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """Return the tasks; those whose boxes are to be kept and are not there ask for them.

        Args:
            tasks: by the names of `asymnas.tracking.task.final.final_tasks`.
        """
        asked = dict(tasks)
        for name, task in tasks.items():
            folder, key = _folder_of(name), self._settings.key(task)
            if folder is not None and not self._boxes.holds(folder, key):
                self._missing[key] = folder
                asked[name] = replace(task, keep_boxes=True)
        return asked

    def add(self, evaluation: Evaluation) -> None:
        """Write the statistics and boxes of an evaluation, if it has those that are missing.

        Raises:
            AsymNASError: the disk is full or cannot be written.
        """
        if not evaluation.tracks or evaluation.key not in self._missing:
            return
        if evaluation.statistics is not None:
            save_statistics(self._run, self._statistics, evaluation.statistics)
        name = self._missing.pop(evaluation.key)
        (tracks,) = evaluation.tracks.values()
        label = name if evaluation.tracker else f"{self._run.resolve().name}-{name}"
        self._boxes.write(name, label, evaluation.key, tracks, self._about(evaluation))

    def draw(self, results: Mapping[str, Evaluation]) -> None:
        """Draw test videos from the one that the found tracker follows best to the worst, at equal ranks between.

        The pictures are `strips/01_<video>.jpg` and so on, the best one first; those that are there are kept.

        Args:
            results: evaluations by the names of `asymnas.tracking.task.final.final_tasks`.

        Raises:
            DataError: a frame or box cannot be read, or a picture cannot be written.
        """
        if not results["best"].ok:
            return
        from asymnas.tracking.pictures.drawing import save_picture
        from asymnas.tracking.pictures.strips import draw_strip

        measure = main_measure(results["best"].protocol)
        scores = [results["best"].videos[_name(video)] for video in self._videos]
        order = np.argsort(-np.array(scores), kind="stable")
        places = np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))
        for number, index in enumerate(order[places].tolist(), start=1):
            video = self._videos[index]
            plain = re.sub(r"[^A-Za-z0-9_.-]", "_", video.name)[:80]
            path = self._run / STRIPS / f"{number:02d}_{plain}.jpg"
            if not path.is_file():
                save_picture(draw_strip(video, self._shown(index, results), measure=measure), path)

    def _shown(self, index: int, results: Mapping[str, Evaluation]) -> list[Any]:
        """The trackers on the strip of a test video."""
        from asymnas.tracking.pictures.strips import Shown

        shown = []
        for name, result in results.items():
            folder = _folder_of(name)
            boxes = self._boxes.read(folder, index) if folder in DRAWN and result.ok else None
            if folder in DRAWN and boxes is not None:
                shown.append(Shown(DRAWN[folder], result.videos[_name(self._videos[index])], boxes))
        return shown

    def _about(self, evaluation: Evaluation) -> dict[str, Any]:
        """What the manifest of the boxes says of the tracker."""
        job, found = self._job, self._architecture
        about = {"run": self._run.resolve().name, "job_hash": job.hash, "lockstep": job.evaluation.lockstep}
        if evaluation.tracker:
            settings: dict[str, Any] = {"tracker": evaluation.tracker}
            return {"weights": None, "settings": settings, "language": {"language": "not read"}, **about}
        settings = {
            "tracker": job.tracker.name,
            "options": job.tracker.options,
            "space": found.space.name,
            "architecture": found.key,
            "genes": dict(found.genes),
            "encoder": self._statistics["encoder"],
            "recalibration": job.evaluation.recalibration.model_dump(),
        }
        language = {"language": evaluation.language}
        return {"weights": self._settings.weights, "settings": settings, "language": language, **about}


def _folder_of(task: str) -> str | None:
    """The folder of a task's boxes; None for tasks whose boxes are not kept."""
    kind, _, name = task.partition(" ")
    return name if name and kind in ("best", "baseline") else None


def _name(video: Video) -> str:
    return f"{video.dataset}/{video.name}"


def statistics_key(job: Job, architecture: Architecture, weights_hash: str, sentences: SentenceTable) -> dict[str, str]:
    """Return all that recalibrated statistics depend on but for rounding, as text by name.

    The job's hash covers tracker, options, training data, seed and recalibration.
    """
    return {
        "job": job.hash,
        "architecture": architecture.key,
        "weights": weights_hash,
        "encoder": f"{sentences.name}-{sentences.fingerprint}",
        "scoring": str(SCORING_VERSION),
    }


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
