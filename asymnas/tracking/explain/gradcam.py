"""Grad-CAM (Selvaraju et al. 2017) of a tracker's answer: which places of the search crop speak for the target."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from torch import Tensor, nn

from asymnas.core.errors import MissingDependency, Problem
from asymnas.task import GenePath
from asymnas.tracking.explain.inside import SearchView
from asymnas.tracking.siamese.session import TemplateFeatures
from asymnas.tracking.siamese.tracker import SiameseTracker

__all__ = ["SearchAnswer", "answer_maps", "check_captum", "grad_cam", "share_inside"]


class SearchAnswer(nn.Module):
    """From search crops (n, 3, s, s) to the target's logits (n,) at one place.

    The features that the last stage of the search branch gives, after its mixer, pass through `probe`.

    Args:
        tracker: the tracker.
        template: of n targets.
        path: the architecture's path.
        cell: row and column of the answer.
    """

    def __init__(
        self, tracker: SiameseTracker, template: TemplateFeatures, path: GenePath, cell: tuple[int, int]
    ) -> None:
        super().__init__()
        self.tracker, self.template, self.path, self.cell = tracker, template, path, cell
        self.probe = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        last = self.tracker.supernet.network(self.tracker.options.search_branch).steps[-1]
        handle = (last.blocks if last.mixer is None else last.mixer).register_forward_hook(self._through_probe)
        try:
            maps = self.tracker.embed_search(images, self.template, self.path)
        finally:
            handle.remove()
        row, column = self.cell
        return self.tracker.target_logits(self.tracker.head(self.template.maps, maps))[:, row, column]

    def _through_probe(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        """Put the probe behind a stage's blocks, or behind its mixer, which gives features and a token."""
        return (self.probe(output[0]), *output[1:]) if isinstance(output, tuple) else self.probe(output)


def check_captum() -> None:
    """Raise `MissingDependency` unless captum, which computes Grad-CAM, is installed."""
    if find_spec("captum") is None:
        way_out = "Run pip install 'asymnas[explain]'."
        raise MissingDependency(Problem("asymnas explain", "Grad-CAM needs the package captum", way_out=way_out))


def grad_cam(model: nn.Module, layer: nn.Module, inputs: Tensor, *, by_place: bool = False) -> np.ndarray:
    """Return the maps (n, h, w) >= 0 of a model that gives one number (n,) for each of n inputs.

    Each is the sum over the layer's channels, weighted by the mean of their gradients over the map, its negative part
    left out. `by_place` weights each place by its own gradients instead (HiResCAM, Draelos and Carin 2020), which says
    where a local answer comes from: the positive part of what each place gives to it, in its unit.
    """
    from captum.attr import LayerGradCam, LayerGradientXActivation

    if by_place:
        parts: Tensor = LayerGradientXActivation(model, layer).attribute(inputs)
        maps = parts.sum(1).clamp(min=0)
    else:
        maps = LayerGradCam(model, layer).attribute(inputs, relu_attributions=True)[:, 0]
    return maps.detach().float().cpu().numpy()


def answer_maps(tracker: SiameseTracker, view: SearchView, cell: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return maps (n, h, w) of the target's logit at a cell of the answer, under each of a view's n sentences.

    The first are Grad-CAM, the second weighted by place; see `grad_cam`.
    """
    model = SearchAnswer(tracker, view.template, view.path, cell)
    pooled, placed = (grad_cam(model, model.probe, view.images, by_place=by_place) for by_place in (False, True))
    return pooled, placed


def share_inside(cam: np.ndarray, corners: np.ndarray, stride: int, side: int) -> float:
    """Return the share of a map (h, w) that lies in a box (4,) x1, y1, x2, y2 of crop pixels, in [0, 1]; NaN of none.

    Cells are squares of `stride` pixels, the map centred in a crop of `side` pixels.
    """
    inside = []
    for cells, low, high in ((cam.shape[0], *corners[[1, 3]]), (cam.shape[1], *corners[[0, 2]])):
        start = (side - cells * stride) / 2 + stride * np.arange(cells)
        inside.append(np.clip(np.minimum(start + stride, high) - np.maximum(start, low), 0, None) / stride)
    total = float(cam.sum())
    return float(inside[0] @ cam @ inside[1]) / total if total > 0 else float("nan")
