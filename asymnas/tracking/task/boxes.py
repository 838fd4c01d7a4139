"""Boxes of a run's test videos on disk: result folders in the canonical form, one a data set and tracker."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.disk import disk_errors
from asymnas.core.errors import DataError, Problem
from asymnas.core.versions import versions
from asymnas.runs.boxes import BOXES, EVALUATION, is_run_boxes
from asymnas.tracking.results import read_manifest, read_video_file, write_manifest, write_video_file
from asymnas.tracking.results.names import check_file_names

if TYPE_CHECKING:
    import numpy as np

    from asymnas.tracking import TrackResult
    from asymnas.tracking.data import Video

__all__ = ["KeptBoxes"]

logger = logging.getLogger("asymnas.study")


class KeptBoxes:
    """The result folders `boxes/<data set>/<tracker>/` of a run.

    Data sets whose names or videos' names cannot be those of files are left out, with a warning; so are places where
    somebody else's files lie.

    Args:
        run: the run folder.
        videos: the test videos, in the order of an evaluation's tracks.
    """

    def __init__(self, run: Path, videos: Sequence[Video]) -> None:
        self.path = run / BOXES
        self._videos = list(videos)
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

    def holds(self, name: str, key: str) -> bool:
        """Whether all boxes of a tracker are there that can be kept.

        Args:
            name: the tracker's folder.
            key: of the evaluation that they must be of.
        """
        return all(_is_whole(folder, key, videos) for _, folder, videos in self._places(name))

    def write(self, name: str, label: str, key: str, tracks: Sequence[TrackResult], about: Mapping[str, Any]) -> None:
        """Write a tracker's boxes; each file is there as a whole or not at all, and the manifest says when all are.

        Args:
            name: the tracker's folder.
            label: its name in the manifest.
            key: of the evaluation.
            tracks: one a test video, in their order.
            about: what else the manifest says, as JSON values.

        Raises:
            RunFolderError: the disk is full or cannot be written.
        """
        for dataset, folder, videos in self._places(name):
            frames = sum(len(video) for video in videos)
            manifest = {
                **about,
                "dataset": {"name": dataset, "videos": len(videos), "frames": frames},
                EVALUATION: key,
                "versions": versions(),
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            }
            with disk_errors(folder):
                write_manifest(folder, label, manifest | {"complete": False})
                for index in self._indices[dataset]:
                    item = tracks[index]
                    write_video_file(folder, item.video, item.boxes, item.scores, item.seconds)
                write_manifest(folder, label, manifest | {"complete": True})

    def read(self, name: str, index: int) -> np.ndarray | None:
        """Return a tracker's boxes (n, 4) of a test video; None where they are not kept.

        Args:
            name: the tracker's folder.
            index: place of the video among the test videos.

        Raises:
            DataError: the file is damaged.
        """
        video = self._videos[index]
        folder = self.path / video.dataset / name
        file = folder / f"{video.name}.txt"
        if video.dataset not in self._indices or not is_run_boxes(folder) or not file.is_file():
            return None
        boxes, _ = read_video_file(file)
        if len(boxes) != len(video):
            rule = f"must have a row for each of the {len(video)} frames"
            way_out = f"Delete {folder} and go on with --resume, which tracks again."
            raise DataError(Problem(str(file), rule, str(len(boxes)), way_out))
        return boxes

    def _places(self, name: str) -> Iterator[tuple[str, Path, list[Video]]]:
        """The data sets, their folders of a tracker that may be written, and their videos."""
        for dataset, indices in self._indices.items():
            folder = self.path / dataset / name
            if folder.is_dir() and any(folder.iterdir()) and not is_run_boxes(folder):
                logger.warning("%s holds other files than this run's, so these boxes are not kept", folder)
                continue
            yield dataset, folder, [self._videos[index] for index in indices]


def _is_whole(folder: Path, key: str, videos: Sequence[Video]) -> bool:
    """Whether a folder has all boxes of an evaluation: as many lines as frames, and a header."""
    if not is_run_boxes(folder):
        return False
    manifest = read_manifest(folder)
    if manifest[EVALUATION] != key or manifest.get("complete") is not True:
        return False
    for video in videos:
        file = folder / f"{video.name}.txt"
        lines = file.read_bytes().count(b"\n") if file.is_file() else 0
        if lines != len(video) + 1:
            logger.warning("%s has %d of %d lines; the boxes are made anew", file, lines, len(video) + 1)
            return False
    return True
