"""VLT_SCAR: a supernet of two branches, a neck, the SiamCAR head, its losses and the online loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asymnas.core.errors import Problem, TrackerError
from asymnas.core.seeding import rng_for
from asymnas.nn import BranchOutput, Supernet
from asymnas.space import SearchSpace
from asymnas.tracking import Language, Path, TrainableTracker, TrainingBatch
from asymnas.tracking.boxes import box_centers, box_from_crop, box_to_crop, channel_mean, clip_box, crop, crop_side

from ._decode import Decoder
from ._geometry import grid_for
from ._head import CARHead, HeadOutput, centre_crop
from ._loss import assign, tracking_losses
from ._neck import Neck
from ._options import VLTSCAROptions
from ._session import Session, stack_language, stack_maps

__all__ = ["VLTSCAR", "build"]

_IMAGENET_BGR = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))  # mean and deviation of 0..255 pixels


class VLTSCAR(TrainableTracker):
    """The paper's VLT_SCAR over any space with two image branches of equal stages.

    Args:
        space: the search space; `options` name its two branches.
        options: the plugin's options.
        language_dim: width of the sentence embeddings.
        seed: the initial weights are a function of it.

    Raises:
        TrackerError: space and options do not fit together.
    """

    axis: Tensor
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, space: SearchSpace, options: VLTSCAROptions, *, language_dim: int, seed: int = 0) -> None:
        super().__init__()
        self.space, self.options, self.language_dim = space, options, language_dim
        self.grid = grid_for(space, options)
        self.geometry = self.grid.crops
        self.supernet = Supernet(
            space,
            language_dim=language_dim,
            missing=options.missing,
            token_norm=options.token_norm,
            bn_statistics=options.bn_statistics,
            seed=seed,
        )
        self.neck = Neck(
            self.grid.channels, options.channels, share=options.share_neck, statistics=options.bn_statistics
        )
        init_box = options.init_box_px or self.geometry.search_size / 8
        self.head = CARHead(len(self.grid.levels), options.channels, options.head_depth, init_box)
        for part, name in ((self.neck, "neck"), (self.head, "head")):
            draw = int(rng_for(seed, "vlt_scar", name).integers(2**63))
            part.reset_parameters(torch.Generator().manual_seed(draw))
        self.decoder = Decoder(self.grid, options)
        self.register_buffer("axis", self.grid.axis(), persistent=False)
        mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in _IMAGENET_BGR)
        self.register_buffer("pixel_mean", mean, persistent=False)
        self.register_buffer("pixel_std", std, persistent=False)

    def loss(self, batch: TrainingBatch, path: Path) -> dict[str, Tensor]:
        """Return "total" and its unweighted parts "cls", "box" and "centre".

        Pairs whose `positive` is False are background everywhere and have no part in the box and centre-ness losses.
        """
        answers = self.forward_pairs(batch, path).float()
        targets = assign(batch.search_box, batch.positive, self.axis, ensure_positive=self.options.ensure_positive)
        parts = tracking_losses(answers, targets, self.options.box_loss)
        weights = self.options.loss_weights
        total = weights[0] * parts["cls"] + weights[1] * parts["box"] + weights[2] * parts["centre"]
        return {"total": total, **parts}

    def forward_pairs(self, batch: TrainingBatch, path: Path) -> HeadOutput:
        """Answer for b pairs: maps of `grid.size` cells a side."""
        template = self._template(batch.template, batch.template_box, path, batch.language)
        maps = self._template_maps(template)
        return self._search(batch.search, maps, template.tokens, path, batch.language)

    def active_parameters(self, path: Path) -> list[str]:
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
        path: Path | None = None,
    ) -> list[Session]:
        """Run the template branch once for n videos and keep its maps and tokens, one session a video."""
        if path is None:
            raise TrackerError(Problem("vlt_scar.start", "needs a path: one op per gene", "None", "Pass `path`."))
        boxes = np.asarray(boxes, dtype=np.float64).reshape(len(frames), 4)
        fills = [channel_mean(frame) for frame in frames]
        centres, sides = box_centers(boxes), crop_side(boxes, self.geometry)[0]
        size = self.geometry.template_size
        images = self._crops(frames, centres, sides, size, fills)
        if language is None:
            language = Language.absent(len(frames), self.language_dim)
        language = language.to(images.device)
        crop_boxes = torch.from_numpy(box_to_crop(boxes, centres, sides, size)).to(images)
        template = self._template(images, crop_boxes, path, language)
        maps = self._template_maps(template)
        return [
            Session(
                path=path,
                template=tuple(level[i].clone() for level in maps),
                tokens=tuple(token[i].clone() for token in template.tokens),
                embedding=language.embedding[i].clone(),
                present=language.present[i].clone(),
                box=boxes[i].copy(),
                fill=fills[i],
            )
            for i in range(len(frames))
        ]

    @torch.inference_mode()
    def step(self, sessions: Sequence[Session], frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Run the search branch once for n videos, decode all maps together and move each session's box."""
        if not sessions:
            return np.zeros((0, 4)), np.zeros(0)
        last = np.stack([session.box for session in sessions])
        centres, sides = box_centers(last), crop_side(last, self.geometry)[1]
        size = self.geometry.search_size
        images = self._crops(frames, centres, sides, size, [session.fill for session in sessions])
        maps = stack_maps([session.template for session in sessions])
        tokens = stack_maps([session.tokens for session in sessions])
        answers = self._search(images, maps, tokens, sessions[0].path, stack_language(sessions)).float()
        corners = box_to_crop(last, centres, sides, size)
        found = self.decoder(answers, corners[:, 2:] - corners[:, :2])
        boxes = box_from_crop(
            np.concatenate([found.centre - found.size / 2, found.centre + found.size / 2], axis=1), centres, sides, size
        )
        # The size follows slowly, the centre at once (SiamCAR, facts 5.1).
        smooth = found.rate[:, None] * boxes[:, 2:] + (1.0 - found.rate[:, None]) * last[:, 2:]
        moved = np.concatenate([box_centers(boxes) - smooth / 2, smooth], axis=1)
        for session, frame, box in zip(sessions, frames, moved, strict=True):
            height, width = frame.shape[:2]
            session.box = clip_box(box, width, height, min_size=self.options.min_side)
        return np.stack([session.box for session in sessions]), found.score

    def _template(self, images: Tensor, boxes: Tensor, path: Path, language: Language) -> BranchOutput:
        name = self.options.template_branch
        return self.supernet.branch(name, self._scaled(images), path, language=language, boxes=boxes)

    def _template_maps(self, template: BranchOutput) -> tuple[Tensor, ...]:
        features = self.neck([template.features[level] for level in self.grid.levels], "template")
        return tuple(centre_crop(level, self.grid.kernel) for level in features)

    def _search(
        self, images: Tensor, template: Sequence[Tensor], tokens: tuple[Tensor, ...], path: Path, language: Language
    ) -> HeadOutput:
        name = self.options.search_branch
        output = self.supernet.branch(name, self._scaled(images), path, language=language, tokens=tokens)
        return self.head(template, self.neck([output.features[level] for level in self.grid.levels], "search"))

    def _scaled(self, images: Tensor) -> Tensor:
        if self.options.normalise == "none":
            return images
        return (images - self.pixel_mean) / self.pixel_std

    def _crops(
        self,
        frames: Sequence[np.ndarray],
        centres: np.ndarray,
        sides: np.ndarray,
        size: int,
        fills: Sequence[np.ndarray],
    ) -> Tensor:
        rows = zip(frames, centres, sides, fills, strict=True)
        crops = np.stack([crop(frame, centre, side, size, fill) for frame, centre, side, fill in rows])
        return torch.from_numpy(crops).to(self.axis.device).permute(0, 3, 1, 2).float()


def build(options: VLTSCAROptions, *, space: SearchSpace, language_dim: int, seed: int = 0) -> VLTSCAR:
    """Return the tracker on the CPU in eval mode."""
    return VLTSCAR(space, options, language_dim=language_dim, seed=seed).eval()
