"""What a run keeps of its test videos: result folders of boxes, and strips that show them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import DataError
from asymnas.tracking.results import read_manifest, read_video_file
from asymnas.tracking.results.names import check_file_names
from asymnas.tracking.results.result_folder import ResultFolder

if TYPE_CHECKING:
    from asymnas.space import Architecture
    from asymnas.tracking.data import Video
    from asymnas.tracking.task.schema import TrackingJob

logger = logging.getLogger("asymnas.tracking")

BOXES, STRIPS = "boxes", "strips"

EVALUATION = "evaluation"
"""Key of the manifests: the key of the score in evaluations.jsonl."""

SHOWN = 6
"""Test videos that are drawn."""

DRAWN = {"with": "with its sentence", "without": "without", "template_matching": "template matching"}
"""What is drawn, by the folder of its boxes, and what the strips call it."""


class BoxKeeper:
    """Writes the boxes of each evaluation to `boxes/<data set>/<condition or baseline>/`, and draws strips of them.

    Data sets whose names or videos' names cannot be those of files are left out, with a warning.
    """

    def __init__(
        self,
        run: Path,
        job: TrackingJob,
        videos: Sequence[Video],
        architecture: Architecture,
        weights: str,
        settings: Mapping[str, Any],
        measure: str,
    ) -> None:
        self._run, self._job, self._videos, self._measure = run, job, videos, measure
        found = {"space": architecture.space.name, "architecture": architecture.key, "genes": dict(architecture.genes)}
        self._settings = {**settings, **found, "recalibration": job.evaluation.recalibration.model_dump()}
        self._weights = weights
        self._indices: dict[str, list[int]] = {}
        for index, video in enumerate(self._videos):
            self._indices.setdefault(video.dataset, []).append(index)
        for dataset, indices in list(self._indices.items()):
            try:
                check_file_names([dataset], "data set")
                check_file_names([self._videos[index].name for index in indices], dataset)
            except DataError as error:
                logger.warning("the boxes of %s are not kept: %s", dataset, error)
                del self._indices[dataset]

    def wants(self, name: str, key: str) -> bool:
        """Whether the boxes of an evaluation are to be kept and not all there."""
        folder = _folder_of(name)
        return folder is not None and not all(
            self._is_whole(place, key, indices) for _, place, indices in self._places(folder)
        )

    def _is_whole(self, folder: Path, key: str, indices: list[int]) -> bool:
        try:
            manifest = read_manifest(folder)
        except DataError:
            return False
        if manifest.get(EVALUATION) != key or manifest.get("complete") is not True:
            return False
        results = ResultFolder(folder, "", {})
        return all(results.holds(self._videos[index].name, len(self._videos[index])) for index in indices)

    def add(self, name: str, evaluation: Any) -> None:
        """Write the boxes of an evaluation; the manifest says when all are there."""
        folder = _folder_of(name)
        if folder is None or not evaluation.kept:
            return
        (tracks,) = evaluation.kept.values()
        label = folder if evaluation.baseline else f"{self._run.resolve().name}-{folder}"
        about = self._about(evaluation, folder)
        for dataset, place, indices in self._places(folder):
            frames = sum(len(self._videos[index]) for index in indices)
            size = {"name": dataset, "videos": len(indices), "frames": frames}
            results = ResultFolder(place, label, {**about, "dataset": size, EVALUATION: evaluation.key})
            results.begin()
            for index in indices:
                results.write(tracks[index])
            results.finish({}, {})

    def finish(self, results: Mapping[str, Any]) -> None:
        """Draw test videos at equal ranks, from the one that the found tracker follows best to the worst.

        The pictures are `strips/01_<video>.jpg` and so on, the best one first; those that are there are kept.
        """
        if not results["best"].ok:
            return
        from asymnas.tracking.pictures.drawing import save_picture
        from asymnas.tracking.pictures.strips import draw_strip

        scores = [results["best"].items[video.key] for video in self._videos]
        order = np.argsort(-np.array(scores), kind="stable")
        ranks = np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))
        for number, index in enumerate(order[ranks].tolist(), start=1):
            video = self._videos[index]
            name = re.sub(r"[^A-Za-z0-9_.-]", "_", video.name)[:80]
            file = self._run / STRIPS / f"{number:02d}_{name}.jpg"
            if not file.is_file():
                strip = draw_strip(video, self._shown(index, results), measure=self._measure)
                save_picture(strip, file)

    def _shown(self, index: int, results: Mapping[str, Any]) -> list[Any]:
        from asymnas.tracking.pictures.strips import Shown

        video, shown = self._videos[index], []
        for name, result in results.items():
            folder = _folder_of(name)
            if folder in DRAWN and result.ok and video.dataset in self._indices:
                file = self._run / BOXES / video.dataset / folder / f"{video.name}.txt"
                shown.append(Shown(DRAWN[folder], result.items[video.key], read_video_file(file)[0]))
        return shown

    def _about(self, evaluation: Any, condition: str) -> dict[str, Any]:
        job = self._job
        about = {"run": self._run.resolve().name, "job_hash": job.hash, "lockstep": job.evaluation.lockstep}
        if evaluation.baseline:
            settings = {"tracker": evaluation.baseline}
            return {"weights": None, "settings": settings, "language": {"language": "not read"}, **about}
        return {"weights": self._weights, "settings": self._settings, "language": {"language": condition}, **about}

    def _places(self, folder: str) -> Iterator[tuple[str, Path, list[int]]]:
        for dataset, indices in self._indices.items():
            yield dataset, self._run / BOXES / dataset / folder, indices


def _folder_of(name: str) -> str | None:
    """The folder of an evaluation's boxes; None for those whose boxes are not kept."""
    kind, _, rest = name.partition(" ")
    return rest if rest and kind in ("best", "baseline") else None
