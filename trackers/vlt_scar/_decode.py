"""From the head's maps to one box per video: penalties, cosine window, coarse and fine peak (SiamCAR's two steps)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from asymnas.core.errors import EvaluationError, Problem

from ._geometry import Grid
from ._head import HeadOutput
from ._options import VLTSCAROptions

__all__ = ["Decoded", "Decoder"]

_REACH = (0.1, 0.44)  # the fine peak lies this near to the coarse one, in template-crop sides


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The answer for n videos, in search-crop pixels.

    Args:
        centre: (n, 2) x, y of the new centre.
        size: (n, 2) w, h as regressed, before smoothing.
        rate: (n,) share of the new size to take over, in [0, 1].
        score: (n,) class probability times centre-ness at the peak, in [0, 1].
    """

    centre: np.ndarray
    size: np.ndarray
    rate: np.ndarray
    score: np.ndarray


class Decoder:
    """Finds the target on the maps of n videos at once; a video's answer does not depend on its neighbours."""

    def __init__(self, grid: Grid, options: VLTSCAROptions) -> None:
        self.options = options
        axis = grid.axis().double().numpy()
        self.cells = (grid.size - 1) * grid.stride + 1 if options.upsample else grid.size
        self.axis = np.linspace(axis[0], axis[-1], self.cells)
        self.template_size = grid.crops.template_size
        self.window = np.outer(np.hanning(self.cells), np.hanning(self.cells)).reshape(-1)

    def __call__(self, answers: HeadOutput, previous: np.ndarray) -> Decoded:
        """Decode.

        Args:
            answers: of n search crops.
            previous: (n, 2) w, h of the last boxes in search-crop pixels.

        Raises:
            EvaluationError: the network gave NaN or infinity.
        """
        cls, centreness, distances = self._maps(answers)
        width, height = distances[:, 0] + distances[:, 2], distances[:, 1] + distances[:, 3]
        old_w, old_h = previous[:, :1], previous[:, 1:]
        scale_change = _change(_padded(width, height) / _padded(old_w, old_h))
        ratio_change = _change((old_w / old_h) / (width / height))
        penalty = np.exp(-self.options.penalty_k * (ratio_change * scale_change - 1.0))
        score = cls * centreness
        penalised = penalty * score
        share = self.options.window
        coarse = np.argmax(penalised * (1.0 - share) + self.window * share, axis=1)
        fine = np.argmax(np.where(self._near(coarse, distances), penalised, -1.0), axis=1)
        rows = np.arange(len(fine))
        left, top, right, bottom = distances[rows, :, fine].T
        centre = self._places(fine)
        if self.options.centre == "box":
            centre = centre + np.stack([right - left, bottom - top], axis=1) / 2
        rate = penalty[rows, fine] * cls[rows, fine] * self.options.size_lr
        return Decoded(centre, np.stack([left + right, top + bottom], axis=1), rate, score[rows, fine])

    def _maps(self, answers: HeadOutput) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class probability (n, cells²), centre-ness (n, cells²) in [0, 1] and distances (n, 4, cells²), float64."""
        maps = torch.cat([torch.softmax(answers.cls.double(), dim=1)[:, 1:], answers.centre, answers.box], dim=1)
        if self.options.upsample:
            maps = F.interpolate(maps, size=(self.cells, self.cells), mode="bicubic", align_corners=True)
        flat = maps.flatten(2).cpu().numpy()
        if not np.isfinite(flat).all():
            rule = "the network's answers must be finite"
            way_out = "Train it longer or with a smaller learning rate, and recalibrate its batch norms."
            raise EvaluationError(Problem("vlt_scar", rule, "NaN or infinity", way_out))
        cls, logits, distances = np.clip(flat[:, 0], 0.0, 1.0), flat[:, 1], np.maximum(flat[:, 2:], 1e-3)
        if self.options.centerness_score == "sigmoid":
            return cls, 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))), distances
        low, high = logits.min(axis=1, keepdims=True), logits.max(axis=1, keepdims=True)
        return cls, (logits - low) / np.maximum(high - low, 1e-12), distances

    def _near(self, peak: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """(n, cells²) bool: the cells within half the box regressed at `peak`, each reach bounded."""
        low, high = (share * self.template_size for share in _REACH)
        reach = np.clip(distances[np.arange(len(peak)), :, peak] / 2, low, high)
        offset = self.axis[None, None, :] - self._places(peak)[:, :, None]
        inside = (offset >= -reach[:, :2, None]) & (offset <= reach[:, 2:, None])
        return (inside[:, 1, :, None] & inside[:, 0, None, :]).reshape(len(peak), -1)

    def _places(self, index: np.ndarray) -> np.ndarray:
        """(n, 2) x, y of cells given by their flat index."""
        return np.stack([self.axis[index % self.cells], self.axis[index // self.cells]], axis=1)


def _padded(width: np.ndarray, height: np.ndarray) -> np.ndarray:
    pad = (width + height) / 2
    return np.sqrt((width + pad) * (height + pad))


def _change(ratio: np.ndarray) -> np.ndarray:
    return np.maximum(ratio, 1.0 / ratio)
