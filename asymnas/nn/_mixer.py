"""Mixers: how a branch joins a sentence or another branch into its features. `MixerSetup` says how to write one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._roi import roi_align
from asymnas.nn._sources import Source
from asymnas.nn._units import Chain, Choice, Norm
from asymnas.space import MixerPlace


@dataclass(frozen=True, slots=True)
class MixerSetup:
    """What the builder of a kind of mixer gets: `builder(setup)` returns the mixer's module.

    The module is called as `mixer(x, source, path, branch)`: `x` (b, place.channels, h, w) are the branch's features,
    `source` (`Source`) is what it reads, `path` and `branch` are handed on to its choice blocks. It returns the mixed
    features, of the shape of `x`, and a token (b, place.channels) that another branch may use for rows without a
    source, or None. A row must not depend on what its source holds where the row has none.

    Attributes:
        place: channels and sizes of features and source, and the mixer's options, of its kind's model.
        choices: the choice blocks by name, called as `choice(x, path, branch)`.
        norm: `norm(channels)` makes a normalisation layer, called as `layer(x, branch)`.
        branches: names of the branches that run through the mixer where each has statistics of its own, else none.
        token_norm: whether `moda` normalises its projections.
        missing: what `moda` puts in place of a missing source, `zero_tensor` or `template_embedding`; no row lacks one
            under `zero_embedding`.
        boxed: whether one of the branches may come with target boxes (rate `video`).
        scale: feature cells per input pixel.
    """

    place: MixerPlace
    choices: Mapping[str, Choice]
    norm: Norm
    branches: tuple[str, ...]
    token_norm: bool
    missing: str
    boxed: bool
    scale: float

    @property
    def source_channels(self) -> int:
        """Channels of the source; nothing that a network is built for leaves them open."""
        return self.place.source_channels or 0


class Project(nn.Module):
    """A linear map without bias, then (as the public code has it for language) affine batch normalisation.

    `branches` are those that run through it, for the statistics; `norm` False is the paper's linear map alone.
    """

    def __init__(self, inputs: int, outputs: int, branches: tuple[str, ...], *, norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = RecalibratedBatchNorm(outputs, branches, affine=True) if norm else None

    def forward(self, vector: Tensor, branch: str) -> Tensor:
        """Map (n, inputs) to (n, outputs)."""
        token = self.linear(vector.to(self.linear.weight.dtype))
        return token if self.norm is None else self.norm(token, branch)


class TemplateEmbedding(nn.Module):
    """What stands in for a sentence: the target in the feature, pooled 3 x 3 and reduced to one value a channel.

    `branches` are those that run through it, for the statistics; `scale` is feature cells per input pixel.
    """

    def __init__(self, channels: int, branches: tuple[str, ...], *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(channels, channels, 3)
        self.norm = RecalibratedBatchNorm(channels, branches, affine=True)

    def forward(self, feature: Tensor, boxes: Tensor, branch: str) -> Tensor:
        """Map (n, channels, h, w) and boxes (n, 4) in input pixels to (n, channels)."""
        pooled = roi_align(feature, boxes, self.scale)  # (n, channels, 3, 3)
        return F.leaky_relu(self.norm(self.conv(pooled), branch), 0.1).flatten(1)


class ModaMixer(nn.Module):
    """Eq. 1 of the paper: `mixed(project(source) * x) + visual(x)`, both blocks being choice blocks.

    A row without a source gets a zero token (its mixed block then sees zeros and gives what the block makes of them),
    a token handed in, or a template embedding. Rows without a source do not enter the projection's statistics, and
    rows with one do not enter those of the template embedding.

    Args:
        mixed: ops of the block after source x vision.
        visual: ops of the block of the vision path; None without a residual (paper, Table 5c).
        project: source to channels.
        embed: pools the target where a sentence is missing; None for zero tokens or those handed in.
        zero: whether tokens of rows without are zero.
    """

    def __init__(
        self, mixed: Choice, visual: Choice | None, project: Project, embed: TemplateEmbedding | None, *, zero: bool
    ) -> None:
        super().__init__()
        self.mixed, self.visual, self.project, self.template_embedding = mixed, visual, project, embed
        self.zero = zero

    def token(self, x: Tensor, source: Source, branch: str) -> Tensor:
        """Return the tokens (b, channels) of features `x` (b, channels, h, w)."""
        vector = source.vector()  # (b, d)
        if vector is not None and source.rows is None:
            return self.project(vector, branch).to(x.dtype)
        absent = self._absent(x, source, branch)
        if vector is None or source.rows is None:
            return absent
        present = source.rows[0]
        return absent.index_copy(0, present, self.project(vector[present], branch).to(x.dtype))

    def _absent(self, x: Tensor, source: Source, branch: str) -> Tensor:
        """Return (b, channels) tokens in which the rows without a source are right."""
        if source.token is not None:
            return source.token.to(x.dtype)
        if self.zero:
            return x.new_zeros(x.shape[:2])
        if self.template_embedding is None or source.boxes is None:
            raise ValueError(
                f"branch '{branch}': a row has no sentence; hand in the target boxes, in a branch of rate 'video', "
                "or the tokens of the branch that had them"
            )
        if source.rows is None:
            return self.template_embedding(x, source.boxes, branch)
        missing = source.rows[1]
        pooled = self.template_embedding(x[missing], source.boxes[missing], branch)
        return x.new_zeros(x.shape[:2]).index_copy(0, missing, pooled)

    def forward(self, x: Tensor, source: Source, path: Mapping[str, str], branch: str) -> tuple[Tensor, Tensor]:
        """Mix (b, channels, h, w) with the source; return that and the tokens (b, channels)."""
        token = self.token(x, source, branch)  # (b, c)
        out = self.mixed(x * token[:, :, None, None], path, branch)  # (b, c, h, w)
        if self.visual is not None:
            out = out + self.visual(x, path, branch)
        return out, token


def build_moda(setup: MixerSetup) -> ModaMixer:
    """Build the kind `moda`."""
    place = setup.place
    pools = setup.missing == "template_embedding" and setup.boxed
    return ModaMixer(
        setup.choices["mixed"],
        setup.choices.get("visual"),
        Project(setup.source_channels, place.channels, setup.branches, norm=setup.token_norm),
        TemplateEmbedding(place.channels, setup.branches, scale=setup.scale) if pools else None,
        zero=setup.missing == "zero_tensor",
    )


class FilmMixer(nn.Module):
    """Scale and shift (Perez et al. 2018): `mixed(x * (1 + scale) + shift)`, both linear in the pooled source.

    The linear map has no bias: a row without a source passes unchanged into the choice block.

    Args:
        mixed: ops of the block after scale and shift.
        project: source to scale and shift, 2 x channels.
    """

    def __init__(self, mixed: Choice, project: Project) -> None:
        super().__init__()
        self.mixed, self.project = mixed, project

    def forward(self, x: Tensor, source: Source, path: Mapping[str, str], branch: str) -> tuple[Tensor, None]:
        """Mix (b, channels, h, w) with the source."""
        vector = source.vector()  # (b, d)
        if vector is not None:
            scale, shift = self.project(vector, branch).to(x.dtype)[:, :, None, None].chunk(2, 1)  # (b, c, 1, 1)
            x = x * (1 + scale) + shift
        return self.mixed(x, path, branch), None


def build_film(setup: MixerSetup) -> FilmMixer:
    """Build the kind `film`."""
    project = Project(setup.source_channels, 2 * setup.place.channels, (), norm=False)
    return FilmMixer(setup.choices["mixed"], project)


class ConcatMixer(nn.Module):
    """The source beside the features: `mixed(join([x, source]))`, the join being a 1x1 convolution with norm and ReLU.

    A map is resized to `x` by averaging, a vector is repeated at every place; rows without a source have zeros.

    Args:
        mixed: ops of the block after the join.
        join: (b, channels + source_channels, h, w) to (b, channels, h, w).
        source_channels: channels of the source.
    """

    def __init__(self, mixed: Choice, join: Chain, source_channels: int) -> None:
        super().__init__()
        self.mixed, self.join, self.source_channels = mixed, join, source_channels

    def forward(self, x: Tensor, source: Source, path: Mapping[str, str], branch: str) -> tuple[Tensor, None]:
        """Mix (b, channels, h, w) with the source."""
        size = (x.shape[2], x.shape[3])
        if source.values is None:
            beside = x.new_zeros(len(x), self.source_channels, *size)
        elif source.values.ndim == 2:
            beside = source.values.to(x.dtype)[:, :, None, None].expand(-1, -1, *size)
        else:
            beside = F.adaptive_avg_pool2d(source.values, size)
        x = self.join(torch.cat((x, beside), 1), branch)  # (b, c + d, h, w) -> (b, c, h, w)
        return self.mixed(x, path, branch), None


def build_concat(setup: MixerSetup) -> ConcatMixer:
    """Build the kind `concat`."""
    channels, source = setup.place.channels, setup.source_channels
    join = Chain(nn.Conv2d(channels + source, channels, 1, bias=False), setup.norm(channels), nn.ReLU(inplace=True))
    return ConcatMixer(setup.choices["mixed"], join, source)
