"""From the head's maps to one box per video: penalties, cosine window, coarse and fine peak (SiamCAR's two steps)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from asymnas.tracking.siamese.decode import Decoded, cosine_window, finite_maps, shape_penalty
from asymnas.tracking.siamese.grid import Grid

from ._head import HeadOutput
from ._options import VLTSCAROptions

_REACH = (0.1, 0.44)  # the distance of the fine peak from the coarse one, in template-crop sides


class Decoder:
    """Finds the target on the maps of n videos at once; a video's answer does not depend on its neighbours."""

    def __init__(self, grid: Grid, options: VLTSCAROptions) -> None:
        self.options = options
        axis = grid.axis().double().numpy()
        self.cells = (grid.size - 1) * grid.stride + 1 if options.upsample else grid.size
        self.axis = np.linspace(axis[0], axis[-1], self.cells)
        self.template_size = grid.crops.template_size
        self.window = cosine_window(self.cells)

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
        penalty = shape_penalty(width, height, previous, self.options.penalty_k)
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
        flat = finite_maps(maps.flatten(2).cpu().numpy(), "vlt_scar")
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
