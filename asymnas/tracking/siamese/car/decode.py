"""From the head's maps to one box per video: penalties, cosine window, coarse and fine peak (SiamCAR's two steps)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from asymnas.tracking.siamese.car.head import HeadOutput
from asymnas.tracking.siamese.car.options import CAROptions
from asymnas.tracking.siamese.decode import Decoded, cosine_window, finite_maps, shape_penalty
from asymnas.tracking.siamese.grid import Grid

__all__ = ["Decoder", "PixelDecoder"]

_REACH = (0.1, 0.44)  # the distance of the fine peak from the coarse one, in template-crop sides


class Decoder:
    """Finds the target on the maps of n videos at once; a video's answer does not depend on its neighbours.

    `tracker` is its name in messages.
    """

    def __init__(self, grid: Grid, options: CAROptions, tracker: str) -> None:
        self.options, self.tracker = options, tracker
        self.cells = grid.size
        self.axis = grid.axis().double().numpy()
        self.reach = _REACH[0] * grid.crops.template_size, _REACH[1] * grid.crops.template_size
        self.window = cosine_window(grid.size)

    def __call__(self, answers: HeadOutput, previous: np.ndarray) -> Decoded:
        """Decode.

        Args:
            answers: of n search crops.
            previous: (n, 2) w, h of the last boxes in search-crop pixels.

        Raises:
            EvaluationError: the network gave NaN or infinity.
        """
        cls, logits, distances = _maps(answers, self.tracker)
        score = cls / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
        penalty, mixed = self._weighed(score, distances, previous)
        coarse = np.argmax(mixed, axis=1)
        rows = np.arange(len(coarse))
        reach = np.clip(distances[rows, :, coarse] / 2, self.reach[0], self.reach[1])
        fine = np.argmax(np.where(_near(self.axis, coarse, reach), penalty * score, -1.0), axis=1)
        left, top, right, bottom = distances[rows, :, fine].T
        centre = _places(self.axis, fine) + np.stack([right - left, bottom - top], axis=1) / 2
        rate = penalty[rows, fine] * cls[rows, fine] * self.options.size_lr
        return Decoded(centre, np.stack([left + right, top + bottom], axis=1), rate, score[rows, fine])

    def _weighed(self, score: np.ndarray, distances: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The penalty of each cell (n, cells²), and penalised scores mixed with the window (n, cells²)."""
        width, height = distances[:, 0] + distances[:, 2], distances[:, 1] + distances[:, 3]
        penalty = shape_penalty(width, height, previous, self.options.penalty_k)
        share = self.options.window
        return penalty, penalty * score * (1.0 - share) + self.window * share


class PixelDecoder(Decoder):
    """SiamCAR's public decoding, which that of VLT_SCAR is too: maps resized to one value a pixel, from cell to cell.

    Centre-ness logits are stretched to 0..1 over the map. The scores are multiplied cell by cell and then resized,
    half-pixel, so that cell i lies at (i + 0.5) pixels / cells - 0.5. The new centre is the place of the fine peak, the
    new size that of the distances resized; the rate is left without its penalty.
    """

    def __init__(self, grid: Grid, options: CAROptions, tracker: str) -> None:
        super().__init__(grid, options, tracker)
        self.pixels = (grid.size - 1) * grid.stride + 1
        self.axis = np.linspace(self.axis[0], self.axis[-1], self.pixels)

    def __call__(self, answers: HeadOutput, previous: np.ndarray) -> Decoded:
        """Decode, see `Decoder`; a peak's score includes its penalty."""
        cls, logits, distances = _maps(answers, self.tracker)
        low, high = logits.min(axis=1, keepdims=True), logits.max(axis=1, keepdims=True)
        score = cls * (logits - low) / np.maximum(high - low, 1e-12)
        penalty, mixed = self._weighed(score, distances, previous)
        maps = self._resized(np.stack([mixed, penalty * score, cls, *distances.transpose(1, 0, 2)], axis=1))
        coarse = np.argmax(maps[:, 0], axis=1)
        rows = np.arange(len(coarse))
        reach = np.clip(distances[rows, :, self._cells_of(coarse)] / 2, *self.reach)
        fine = np.argmax(np.where(_near(self.axis, coarse, reach), maps[:, 1], -np.inf), axis=1)
        _, score, cls, left, top, right, bottom = maps[rows, :, fine].T
        size = np.maximum(np.stack([left + right, top + bottom], axis=1), 1e-3)  # bicubic maps can be negative
        return Decoded(_places(self.axis, fine), size, cls * self.options.size_lr, np.clip(score, 0.0, 1.0))

    def _resized(self, maps: np.ndarray) -> np.ndarray:
        """(n, m, cells²) to (n, m, pixels²)."""
        cells = torch.from_numpy(maps).unflatten(2, (self.cells, self.cells))
        size = (self.pixels, self.pixels)
        return F.interpolate(cells, size=size, mode="bicubic", align_corners=False).flatten(2).numpy()

    def _cells_of(self, pixels: np.ndarray) -> np.ndarray:
        """Flat indices of the cells that pixels, given by theirs, lie next to."""
        axes = (np.rint(np.stack(np.divmod(pixels, self.pixels)) * (self.cells / self.pixels))).astype(int)
        return np.minimum(axes, self.cells - 1).T @ [self.cells, 1]


def _maps(answers: HeadOutput, tracker: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class probabilities (n, cells²), centre-ness logits (n, cells²) and distances (n, 4, cells²), float64."""
    maps = torch.cat([torch.softmax(answers.cls.double(), dim=1)[:, 1:], answers.centre, answers.box], dim=1)
    flat = finite_maps(maps.flatten(2).cpu().numpy(), tracker)
    return flat[:, 0], flat[:, 1], np.maximum(flat[:, 2:], 1e-3)


def _places(axis: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(n, 2) x, y of places of a map, given by their flat index; `axis` has those of one side."""
    return np.stack([axis[index % len(axis)], axis[index // len(axis)]], axis=1)


def _near(axis: np.ndarray, peak: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(n, m²) bool: the places of a map within `reach` (n, 4) to the left, top, right and bottom of `peak` (n,)."""
    offset = axis[None, None, :] - _places(axis, peak)[:, :, None]
    inside = (offset >= -reach[:, :2, None]) & (offset <= reach[:, 2:, None])
    return (inside[:, 1, :, None] & inside[:, 0, None, :]).reshape(len(peak), -1)
