"""The base of Siamese trackers: a template branch once, a search branch every frame, neck, head and online loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asymnas.core.errors import Problem, TrackerError
from asymnas.core.seeding import rng_for
from asymnas.nn import Supernet
from asymnas.space import SearchSpace
from asymnas.task import GenePath
from asymnas.tracking.boxes import box_centers, box_from_crop, box_to_crop, channel_mean, clip_box, crop, crop_side
from asymnas.tracking.contract import Language, TrainableTracker, TrainingBatch
from asymnas.tracking.siamese.correlation import centre_crop, resized
from asymnas.tracking.siamese.decode import Decoded
from asymnas.tracking.siamese.grid import Grid, grid_for
from asymnas.tracking.siamese.neck import Neck
from asymnas.tracking.siamese.options import SiameseOptions
from asymnas.tracking.siamese.session import SiameseSession, TemplateFeatures

__all__ = ["SiameseTracker"]

_IMAGENET_BGR = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))  # mean and deviation of 0..255 pixels


class SiameseTracker(TrainableTracker):
    """Two branches of a supernet, a neck and a head; a subclass gives the head, its loss and its decoding.

    `options` name the branches; sentences are `language_dim` wide; the initial weights are a function of `seed`.

    Raises:
        TrackerError: space and options do not fit together.
    """

    name: str
    """In messages and in the random streams of neck and head."""

    axis: Tensor
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, space: SearchSpace, options: SiameseOptions, *, language_dim: int = 0, seed: int = 0) -> None:
        super().__init__()
        self.space, self.options, self.language_dim = space, options, language_dim
        self.grid = self.build_grid()
        self.geometry = self.grid.crops
        self.supernet = Supernet(
            space,
            language_dim=language_dim,
            missing=options.missing,
            affine=space.size == 1 if options.affine is None else options.affine,
            token_norm=options.token_norm,
            bn_statistics=options.bn_statistics,
            roi_scale=options.roi_scale,
            seed=seed,
        )
        self.neck = self.build_neck()
        self.head = self.build_head()
        for name in ("neck", "head"):
            draw = int(rng_for(seed, self.name, name).integers(2**63))
            getattr(self, name).reset_parameters(torch.Generator().manual_seed(draw))
        self.register_buffer("axis", self.grid.axis(), persistent=False)
        mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in _IMAGENET_BGR)
        self.register_buffer("pixel_mean", mean, persistent=False)
        self.register_buffer("pixel_std", std, persistent=False)

    def build_grid(self) -> Grid:
        """Return the crops, the levels that the neck reads and the places of the answers."""
        return grid_for(self.space, self.options)

    def build_neck(self) -> nn.Module:
        """Return the neck: called with a branch's features of `grid.levels` and "template" or "search".

        It returns one (b, channels, h, w) a level and has `reset_parameters(generator)`.
        """
        options = self.options
        return Neck(self.grid.channels, options.channels, share=options.share_neck, statistics=options.bn_statistics)

    @abstractmethod
    def build_head(self) -> nn.Module:
        """Return the head: called with a tuple of maps per branch; it has `reset_parameters(generator)`."""

    @abstractmethod
    def decode(self, answers: Any, previous: np.ndarray) -> Decoded:
        """Find the target in the head's `answers` for n crops; `previous` is (n, 2) w, h of the last boxes."""

    def online_side(self, side: int) -> int:
        """Return the side that template maps of `side` cells are resized to in tracking; search maps keep the grid."""
        return side

    def to_image(self, corners: np.ndarray, centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Return boxes x, y, w, h in image pixels of (n, 4) corners in the pixels of n search crops.

        `centres` (n, 2) and `sides` (n,) are those of the crops, in image pixels.
        """
        size = self.geometry.search_size
        return box_from_crop(corners, centres, sides, size, middle=self._middle((size + 1) // 2))

    def moved(self, last: np.ndarray, found: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """Return the new boxes of n videos; all are (n, 4) x, y, w, h in image pixels.

        The size follows at the `rate` (n,) of `Decoded`, the centre at once (SiamRPN). `step` then clips the boxes.
        """
        size = rate[:, None] * found[:, 2:] + (1.0 - rate[:, None]) * last[:, 2:]
        return np.concatenate([box_centers(found) - size / 2, size], axis=1)

    def embed_template(
        self, images: Tensor, boxes: Tensor, path: GenePath, language: Language, *, online: bool = False
    ) -> TemplateFeatures:
        """Run the template branch and its neck on (b, 3, h, w) template crops, B, G, R 0..255.

        `boxes` are (b, 4) x1, y1, x2, y2 of the targets in crop pixels; `online` is for tracking, see `online_side`.
        """
        name = self.options.template_branch
        output = self.supernet.branch(name, self._scaled(images), path, language=language, boxes=boxes)
        features = [output.features[level] for level in self.grid.levels]
        cells = features[0].shape[2]
        side = self.online_side(cells) if online else cells
        maps = self.neck([resized(item, side) for item in features], "template")
        kernel = self.grid.kernel * side // cells
        return TemplateFeatures(tuple(centre_crop(item, kernel) for item in maps), output.tokens, language)

    def embed_search(self, images: Tensor, template: TemplateFeatures, path: GenePath) -> tuple[Tensor, ...]:
        """Run the search branch and its neck on (b, 3, h, w) search crops; (b, channels, h, w) per level."""
        name, language = self.options.search_branch, template.language
        output = self.supernet.branch(name, self._scaled(images), path, language=language, tokens=template.tokens)
        features = [output.features[level] for level in self.grid.levels]
        side = features[0].shape[2] - (self.grid.kernel - template.maps[0].shape[2])
        return self.neck([resized(item, side) for item in features], "search")

    def forward(self, batch: TrainingBatch, path: GenePath) -> Any:
        """Return the head's answers for b pairs."""
        return self._answers(batch, path, online=False)

    def _answers(self, batch: TrainingBatch, path: GenePath, *, online: bool) -> Any:
        template = self.embed_template(batch.template, batch.template_box, path, batch.language, online=online)
        return self.head(template.maps, self.embed_search(batch.search, template, path))

    @torch.inference_mode()
    def pair_boxes(self, batch: TrainingBatch, path: GenePath) -> np.ndarray:
        """Return what `decode` finds in the search crops, the last box having the size of the true one."""
        true = batch.search_box.cpu().numpy().astype(np.float64)
        found = self.decode(self._answers(batch, path, online=True), true[:, 2:] - true[:, :2])
        return np.concatenate([found.centre - found.size / 2, found.centre + found.size / 2], axis=1)

    def active_parameters(self, path: GenePath) -> list[str]:
        """Return the names of the supernet's active parameters on `path` and of all of neck and head."""
        active = {f"supernet.{name}" for name in self.supernet.active_parameters(path)}
        return [name for name, _ in self.named_parameters() if name in active or not name.startswith("supernet.")]

    @torch.inference_mode()
    def start(
        self,
        frames: Sequence[np.ndarray],
        boxes: np.ndarray,
        *,
        language: Language | None = None,
        path: GenePath | None = None,
    ) -> list[SiameseSession]:
        """Run the template branch once for n videos; a space of one architecture needs no path."""
        if path is None and self.space.size > 1:
            raise TrackerError(Problem(f"{self.name}.start", "needs a path: one op per gene", "None", "Pass `path`."))
        path = next(iter(self.space.enumerate())).genes if path is None else path
        boxes = np.asarray(boxes, dtype=np.float64).reshape(len(frames), 4)
        boxes = boxes - [0.5, 0.5, 0.0, 0.0] if self.options.centring == "pysot" else boxes
        fills = [channel_mean(frame) for frame in frames]
        centres, sides = box_centers(boxes), crop_side(boxes, self.geometry)[0]
        size = self.geometry.template_size
        images = self._crops(size, frames, centres, sides, fills)
        language = Language.absent(len(frames), self.language_dim) if language is None else language
        corners = box_to_crop(boxes, centres, np.rint(sides), size, middle=self._middle(size // 2))
        given = torch.from_numpy(corners).to(images)
        template = self.embed_template(images, given, path, language.to(images.device), online=True)
        rows = zip(boxes, fills, strict=True)
        return [SiameseSession(path, template.row(i), box.copy(), fill) for i, (box, fill) in enumerate(rows)]

    @torch.inference_mode()
    def step(self, sessions: Sequence[SiameseSession], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Run the search branch once for n videos, decode all maps together and move each session's box."""
        last = np.stack([session.box for session in sessions])
        centres, sides = box_centers(last), crop_side(last, self.geometry)[1]
        size = self.geometry.search_size
        images = self._crops(size, frames, centres, sides, [session.fill for session in sessions])
        template = TemplateFeatures.joined([session.template for session in sessions])
        answers = self.head(template.maps, self.embed_search(images, template, sessions[0].path))
        corners = box_to_crop(last, centres, sides, size, middle=self._middle((size + 1) // 2))
        found = self.decode(answers, corners[:, 2:] - corners[:, :2])
        corners = np.concatenate([found.centre - found.size / 2, found.centre + found.size / 2], axis=1)
        moved = self.moved(last, self.to_image(corners, centres, sides), found.rate)
        for session, frame, box in zip(sessions, frames, moved, strict=True):
            height, width = frame.shape[:2]
            session.box = clip_box(box, width, height, min_size=self.options.min_side)
        return np.stack([session.box for session in sessions]), found.score

    def place(self, sessions: Sequence[SiameseSession], boxes: np.ndarray) -> None:
        """Set the last box of each session."""
        for session, box in zip(sessions, boxes, strict=True):
            session.box = np.array(box, dtype=np.float64)

    def _scaled(self, images: Tensor) -> Tensor:
        return images if self.options.normalise == "none" else (images - self.pixel_mean) / self.pixel_std

    def _middle(self, place: float) -> float | None:
        return None if self.options.centring == "exact" else place

    def _crops(self, size: int, *rows: Sequence[Any] | np.ndarray) -> Tensor:
        """(n, 3, size, size) crops of frames, centres, sides and fills."""
        crops = np.stack(
            [crop(frame, centre, side, size, fill) for frame, centre, side, fill in zip(*rows, strict=True)]
        )
        return torch.from_numpy(crops).to(self.axis.device).permute(0, 3, 1, 2).float()
