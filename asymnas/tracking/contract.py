"""The tracker contract: what every tracker does online, and what a trainable one adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from asymnas.language.embedding import Language
from asymnas.tracking.boxes import CropGeometry

if TYPE_CHECKING:
    from pydantic import BaseModel

    from asymnas.space import SearchSpace

__all__ = ["Language", "OnlineTracker", "Path", "TrackerPlugin", "TrainableTracker", "TrainingBatch"]

Path = Mapping[str, str]
"""One op token per gene id, all genes of the space."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """A `PairBatch` as tensors on the training device, sentences embedded; same shapes, crops as float 0..255."""

    template: Tensor
    search: Tensor
    template_box: Tensor
    search_box: Tensor
    positive: Tensor
    language: Language

    def __len__(self) -> int:
        return len(self.template)


class OnlineTracker(ABC):
    """A tracker that follows targets frame by frame; all state of a video lives in its session, none in the tracker."""

    deterministic: bool = True

    @abstractmethod
    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: Path | None = None,
    ) -> list[Any]:
        """Open one session a video.

        Args:
            frames: the first frame of each of n videos, (height, width, 3) uint8 BGR; sizes may differ.
            boxes: (n, 4) float64, x, y, w, h in pixels of the first frames.
            language: n sentence embeddings, or None for a tracker that reads none.
            path: the architecture's path; None for a tracker without a search space.

        Returns:
            n independent session objects; opaque to the caller, never shared between videos.
        """

    @abstractmethod
    def step(self, sessions: Sequence[Any], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Follow every target one frame further, as one batch; the result must not depend on who shares a batch.

        Args:
            sessions: n sessions of `start` (all with the same path); they are updated in place.
            frames: the next frame of each video, (height, width, 3) uint8 BGR.

        Returns:
            boxes (n, 4) float64 x, y, w, h in pixels, and scores (n,) float64 in [0, 1].
        """


class TrainableTracker(nn.Module, OnlineTracker):
    """A tracker with a network over a search space: the path is an argument of its forward code, never state."""

    geometry: CropGeometry
    space: SearchSpace
    language_dim: int

    @abstractmethod
    def loss(self, batch: TrainingBatch, path: Path) -> dict[str, Tensor]:
        """Return scalar losses: "total" (to be minimised; mean over the batch) and its named parts, for the log."""

    @abstractmethod
    def forward_pairs(self, batch: TrainingBatch, path: Path) -> Any:
        """Run the network of `path` on pairs as training does, without the loss; recalibration feeds batches here."""

    @abstractmethod
    def active_parameters(self, path: Path) -> list[str]:
        """Names (as in `named_parameters`) of the parameters that `path` can send a gradient to, in a fixed order."""


@dataclass(frozen=True, slots=True)
class TrackerPlugin:
    """What a plugin registers: `TrackerPlugin` objects are found through the entry-point group `asymnas.trackers`.

    Args:
        name: the name used in jobs, e.g. "vlt_scar".
        summary: one line for `asymnas list`.
        build: `build(options, space=..., language_dim=..., seed=...)` returns an `OnlineTracker` (CPU, eval mode); a
            plugin without a search space ignores the keywords. Trainable plugins return a `TrainableTracker` whose
            initial weights depend on `seed` alone.
        options: pydantic model of the plugin's own options (the job's `tracker:` section without `name`).
        trainable: whether `build` returns a `TrainableTracker`.
        geometry: `geometry(options, space)` gives the crops of a trainable plugin without building its
            network; None otherwise.
    """

    name: str
    summary: str
    build: Callable[..., OnlineTracker]
    options: type[BaseModel]
    trainable: bool = True
    geometry: Callable[[Any, SearchSpace], CropGeometry] | None = None
