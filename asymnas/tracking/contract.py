"""The tracker contract: what every tracker does online, and what a trainable one adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from asymnas.language import Language
from asymnas.task import GenePath
from asymnas.tracking.boxes import CropGeometry

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

__all__ = ["Language", "NoOptions", "OnlineTracker", "TrackerPlugin", "TrainableTracker", "TrainingBatch"]


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
        path: GenePath | None = None,
    ) -> list[Any]:
        """Open one session a video.

        Args:
            frames: the first frame of each of n videos, (height, width, 3) uint8 BGR; sizes may differ.
            boxes: (n, 4) float64, x, y, w, h in pixels of the first frames.
            language: n sentences, or None for a tracker that reads none.
            path: the architecture's path; None for a tracker that has none to search.

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
    """A tracker with a network over a space (`asymnas.task.TaskModel`): the path is an argument, never state."""

    geometry: CropGeometry
    space: SearchSpace
    language_dim: int

    @abstractmethod
    def loss(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return scalar losses: "total" (to be minimised; mean over the batch) and its named parts, for the log."""

    @abstractmethod
    def forward(self, batch: TrainingBatch, path: GenePath) -> Any:
        """Run the network of `path` on pairs as training does, without the loss; recalibration feeds batches here."""

    @abstractmethod
    def active_parameters(self, path: GenePath) -> list[str]:
        """Names (as in `named_parameters`) of the parameters that `path` can send a gradient to, in a fixed order."""

    def pair_losses(self, batch: TrainingBatch, path: GenePath) -> dict[str, Tensor]:
        """Return the parts of `loss` for each of b pairs alone, (b,) each and >= 0; needed for the reward `pair_loss`.

        A pair's losses are those of a batch of this pair alone, but for the last bits.
        """
        raise NotImplementedError

    def pair_boxes(self, batch: TrainingBatch, path: GenePath) -> np.ndarray:
        """Return the boxes (b, 4) x1, y1, x2, y2 that tracking would find in the search crops of b pairs, float64.

        In crop pixels, the last box having the size of the true one; needed for the reward `pair_iou`.
        """
        raise NotImplementedError

    def place(self, sessions: Sequence[Any], boxes: np.ndarray) -> None:
        """Let the next `step` look for the targets of n sessions around `boxes` (n, 4) x, y, w, h in image pixels.

        Needed for the reward `open_loop`.
        """
        raise NotImplementedError


class NoOptions(BaseModel):
    """Options of a tracker that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class TrackerPlugin:
    """What a package registers for a tracker, through the entry-point group `asymnas.trackers`.

    Args:
        name: as jobs write it, such as "vlt_scar".
        summary: one line for `asymnas list trackers`.
        build: `build(options, *, space=None, language_dim=0, seed=0)` returns an `OnlineTracker` on the CPU, in eval
            mode, its initial weights a function of `seed` alone. `space` is the search space of a searchable tracker;
            others get None, and a trainable one then has a space of one architecture of its own.
        options: pydantic model of the tracker's own options (the job's `tracker:` section without `name`).
        searchable: it is built over any search space; a path is given with every call.
        trainable: `build` returns a `TrainableTracker`, and `geometry` is given. A searchable tracker is trainable.
        has_weights: the tracker is a `torch.nn.Module` that needs a weight file to be of use (`load_tracker_weights`).
            A trainable tracker has weights.
        reads_language: sentences can change its boxes.
        geometry: `geometry(options, space)` gives the crops of a trainable tracker without building its network, and
            raises a `TrackerError` with all that is wrong where options and space do not fit together.
        rewards: what a searchable tracker can be scored by beside SUC: "pair_loss" and "pair_iou" on pairs of crops,
            "open_loop" on videos. They need its methods `pair_losses`, `pair_boxes` and `place`.
        convert: `convert(state, tracker)` gives a public checkpoint's tensors by the names of the tracker's
            `state_dict`; it raises a `WeightsError` with all that is absent, has another shape or is left over.
        published: what public checkpoints are of: a shipped space and, where it has several, the shipped architecture.
    """

    name: str
    summary: str
    build: Callable[..., OnlineTracker]
    options: type[BaseModel] = NoOptions
    searchable: bool = False
    trainable: bool = False
    has_weights: bool = False
    reads_language: bool = False
    geometry: Callable[..., CropGeometry] | None = None
    rewards: tuple[str, ...] = ()
    convert: Callable[[Mapping[str, Tensor], Any], dict[str, Tensor]] | None = None
    published: tuple[str, ...] = ()
