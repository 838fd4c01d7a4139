"""One frame as a Siamese tracker sees it: the search crop, what each ModaMixer selects, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asymnas.nn import ModaMixer
from asymnas.space import stage_strides
from asymnas.task import GenePath
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.boxes import box_centers, box_to_crop
from asymnas.tracking.data import Video
from asymnas.tracking.online import begin, follow
from asymnas.tracking.siamese.session import TemplateFeatures
from asymnas.tracking.siamese.tracker import SiameseTracker

__all__ = [
    "Fusion",
    "SearchView",
    "fusions",
    "moda_mixers",
    "nearest_cell",
    "open_view",
    "selection_scores",
    "siamese",
]


@dataclass(frozen=True, slots=True, eq=False)
class SearchView:
    """A search crop of s x s pixels under n sentences.

    Args:
        crop: (s, s, 3) uint8 BGR.
        images: (n, 3, s, s) float32, the same crop n times.
        template: of the first frame, under each sentence.
        path: the architecture's.
        found: (n, 4) x1, y1, x2, y2 of the boxes found, in crop pixels; `boxes` (n, 4) x, y, w, h in image pixels.
        scores: (n,) of the boxes, in [0, 1].
        truth: (4,) x1, y1, x2, y2 in crop pixels; None where it is not known.
    """

    crop: np.ndarray
    images: Tensor
    template: TemplateFeatures
    path: GenePath
    found: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    truth: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """What a ModaMixer of the search branch did.

    Args:
        name: the mixer's, as in the space.
        before: (c, h, w) features that come in; `after`, of the same shape, are the mixed ones.
        scores: (c,) selection scores: what multiplied the channels.
        stride: crop pixels a cell.
    """

    name: str
    before: np.ndarray
    after: np.ndarray
    scores: np.ndarray
    stride: int

    def extremes(self, count: int) -> tuple[list[int], list[int]]:
        """Return the channels of the `count` largest scores, largest first, and of the smallest, smallest first."""
        order = np.argsort(self.scores, kind="stable")
        return order[::-1][:count].tolist(), order[:count].tolist()


def open_view(
    ready: ReadyTracker,
    video: Video,
    frame: int,
    around: np.ndarray,
    sentences: Sequence[str | None],
    truth: np.ndarray | None = None,
) -> SearchView:
    """Start a tracker under n sentences, and let each find the target in one frame, searched at the same place.

    Args:
        ready: a Siamese tracker.
        video: tracking starts at its first frame.
        frame: the frame that is searched.
        around: (4,) x, y, w, h that the search crop is cut around, as the box of the frame before.
        sentences: None is no sentence.
        truth: (4,) x, y, w, h of the target in the frame, if known.
    """
    tracker, count = siamese(ready), len(sentences)
    first, picture = video.frame(0), video.frame(frame)
    language = ready.embed(sentences)
    starts = np.repeat(np.asarray(video.boxes[:1], float), count, axis=0)
    sessions = begin(tracker, [first] * count, starts, language=language, path=ready.path)
    tracker.place(sessions, np.repeat(around[None], count, axis=0))
    images, centres, sides = tracker.search_crops(sessions, [picture] * count)
    template = TemplateFeatures.joined([session.template for session in sessions])
    boxes, scores = follow(tracker, sessions, [picture] * count)
    size = tracker.geometry.search_size
    place = None if truth is None else box_to_crop(truth, centres[0], sides[0], size)
    crop = images[0].permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    found = box_to_crop(boxes, centres, sides, size)
    return SearchView(crop, images, template, sessions[0].path, found, boxes, scores, place)


def siamese(ready: ReadyTracker) -> SiameseTracker:
    """Return the tracker of an opened one, which must be a `SiameseTracker`."""
    assert isinstance(ready.tracker, SiameseTracker)
    return ready.tracker


def moda_mixers(tracker: SiameseTracker) -> Iterator[tuple[str, ModaMixer, int]]:
    """Yield name, module and stride of each ModaMixer of the search branch, in order."""
    name = tracker.options.search_branch
    branch, steps = tracker.space.branch(name), tracker.supernet.network(name).steps
    for stage, step, stride in zip(branch.stages, steps, stage_strides(branch), strict=True):
        if isinstance(step.mixer, ModaMixer) and stage.mixer is not None:
            yield stage.mixer.name, step.mixer, stride


def fusions(tracker: SiameseTracker, view: SearchView, row: int) -> list[Fusion]:
    """Return what each ModaMixer of the search branch does with the crop under sentence number `row`."""
    found: list[Fusion] = []
    handles = [mixer.register_forward_hook(_keep(found, name, stride)) for name, mixer, stride in moda_mixers(tracker)]
    try:
        with torch.no_grad():
            tracker.embed_search(view.images[row : row + 1], view.template.row(row), view.path)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _keep(found: list[Fusion], name: str, stride: int) -> Callable[..., None]:
    """Return a forward hook that adds what a mixer does with the first row of its batch."""

    def hook(mixer: ModaMixer, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        before, after, scores = (item[0].detach().float().cpu().numpy() for item in (inputs[0], *output))
        found.append(Fusion(name, before, after, scores, stride))

    return hook


def selection_scores(ready: ReadyTracker, sentences: Sequence[str]) -> dict[str, np.ndarray]:
    """Return by ModaMixer of the search branch the selection scores (n, channels) of n sentences.

    They are functions of the sentence alone: the projection of its embedding (paper, Equation 1).
    """
    tracker, language = siamese(ready), ready.embed(sentences)
    branch = tracker.options.search_branch
    assert language is not None
    with torch.no_grad():
        return {
            name: mixer.project(language.embedding, branch).float().cpu().numpy()
            for name, mixer, _ in moda_mixers(tracker)
        }


def nearest_cell(tracker: SiameseTracker, corners: np.ndarray) -> tuple[int, int]:
    """Return row and column of the answer nearest to the centre of a box (4,) x1, y1, x2, y2 in crop pixels."""
    axis = tracker.axis.cpu().numpy()
    x, y = box_centers(np.array([*corners[:2], *(corners[2:] - corners[:2])]))
    return int(np.abs(axis - y).argmin()), int(np.abs(axis - x).argmin())
