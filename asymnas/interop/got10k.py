"""A tracker for the `got10k` toolkit; needs `pip install 'asymnas[got10k]'`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import DataError, MissingDependency, Problem
from asymnas.interop._sequences import sentence_of, sequence_name
from asymnas.tracking.benchmark.open import ReadyTracker, open_tracker

try:
    from got10k.trackers import Tracker
except ImportError as error:
    raise MissingDependency(
        Problem("got10k", "is needed to run its experiments", way_out="Install it: pip install 'asymnas[got10k]'.")
    ) from error

if TYPE_CHECKING:
    from PIL.Image import Image


class GOT10kTracker(Tracker):  # type: ignore[misc]
    """Any tracker of AsymNAS for the experiments of the `got10k` toolkit (0.1.3).

    The toolkit hands over frames and a box and no text: the sentence is looked up by the sequence, which is the folder
    of the frames.

    Args:
        tracker: what `open_tracker` opens (a plugin's name, a run folder, an architecture.json), or an opened
            tracker.
        name: names the folder of results; None: the tracker's own.
        sentences: sentences by sequence; sequences that are not in it have none.
        dataset: the experiment's data set. Needed for sentences only where one folder holds several targets, as
            OTB's Jogging: the first box then distinguishes `Jogging.1` from `Jogging.2`.
        one_based: whether the data set's first pixel is (1, 1), as in OTB and LaSOT; GOT-10k counts from 0.

    Example:
        experiment = ExperimentGOT10k("data/GOT-10k", subset="val")
        experiment.run(GOT10kTracker("runs/vlt_scar", sentences=sentences))
        experiment.report(["vlt_scar"])
    """

    def __init__(
        self,
        tracker: str | Path | ReadyTracker,
        *,
        name: str | None = None,
        sentences: Mapping[str, str | None] | None = None,
        dataset: Any = None,
        one_based: bool = False,
    ) -> None:
        self.ready = tracker if isinstance(tracker, ReadyTracker) else open_tracker(tracker)
        super().__init__(name=name or self.ready.name, is_deterministic=self.ready.tracker.deterministic)
        self.sentence: str | None = None
        self._sentences = dict(sentences or {})
        self._dataset = dataset
        self._shift = np.array([1.0, 1.0, 0.0, 0.0]) * one_based
        self._live = self.ready.live()
        self._targets: dict[tuple[str, tuple[float, ...]], str] | None = None

    def track(
        self, img_files: Sequence[str], box: np.ndarray, visualize: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Track one sequence with its sentence; see the toolkit.

        Returns:
            boxes (n, 4) x, y, w, h and seconds (n,).

        Raises:
            DataError: the sequence has no frames.
        """
        if not img_files:
            raise DataError(Problem("got10k", "the sequence must have frames", "none"))
        before = self.sentence
        if self._sentences:
            self.sentence = self._look_up(img_files, box)
        try:
            return super().track(img_files, box, visualize=visualize)
        finally:
            self.sentence = before

    def init(self, image: Image, box: np.ndarray) -> None:
        """Start on a target.

        Args:
            image: the first frame, RGB.
            box: x, y, w, h in pixels.
        """
        self._live.start(_bgr(image), np.asarray(box, np.float64) - self._shift, self.sentence)

    def update(self, image: Image) -> np.ndarray:
        """Return the box (4,) x, y, w, h in the next frame."""
        box, _ = self._live.step(_bgr(image))
        return np.asarray(box + self._shift)

    def _look_up(self, files: Sequence[str], box: np.ndarray) -> str | None:
        folder = sequence_name(files[0])
        found = sentence_of(self._sentences, folder)
        if found is not None or self._dataset is None:
            return found
        if self._targets is None:
            self._targets = {}
            for index, name in enumerate(self._dataset.seq_names):
                images, boxes = self._dataset[index][:2]
                self._targets[sequence_name(images[0]), _key(boxes[0])] = name
        return sentence_of(self._sentences, self._targets.get((folder, _key(box)), folder))


def _key(box: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in box)


def _bgr(image: Image) -> np.ndarray:
    """(height, width, 3) uint8 BGR."""
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
