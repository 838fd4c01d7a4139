"""The network of one branch, or of several that share weights: stem, stages of choice blocks, mixers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from asymnas.core.errors import ArchitectureMismatch, Problem
from asymnas.nn._mixer import Choice, ModaMixer, Project, TemplateEmbedding, TokenSource
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._units import Norm, build_unit
from asymnas.space import Branch, Mixer, Place, Stage

__all__ = ["BranchNetwork", "NetworkOptions"]


class NetworkOptions:
    """What all branch networks of a supernet have in common; see `Supernet` for the meaning."""

    def __init__(
        self, *, language_dim: int, missing: str, affine: bool, token_norm: bool, shared: bool, scale: float | None
    ) -> None:
        self.language_dim, self.missing, self.affine = language_dim, missing, affine
        self.token_norm, self.shared_statistics, self.roi_scale = token_norm, shared, scale


class BranchNetwork(nn.Module):
    """One set of parameters for the branches that share weights; module names are gene ids without the branch.

    Args:
        branches: the branches that run through this network; one, or several of equal structure.
        places: for every gene id of these branches the ops to build and where they sit.
        options: settings of the supernet.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        places: Mapping[str, tuple[tuple[str, ...], Place]],
        options: NetworkOptions,
    ) -> None:
        super().__init__()
        self.names = tuple(branch.name for branch in branches)
        self._places, self._options = places, options
        self._outline = branches[0]
        self._statistics = () if options.shared_statistics else self.names
        first, stride = branches[0], 1
        if first.stem is not None:
            size = first.size
            stride = first.stem.stride
            out = tuple(-(-side // stride) for side in size)
            place = Place(first.input_channels, first.stem.channels, size, out, stride, stride > 1)
            self.stem: nn.Module | None = build_unit(first.stem.op, place, self._norm())
        else:
            self.stem = None
        self._embeds = options.missing == "template_embedding" and any(b.rate == "video" for b in branches)
        for stage in first.stages:
            stride *= stage.stride
            blocks = {f"block{n}": self._choice(f"{stage.name}.block{n}") for n in range(1, stage.blocks + 1)}
            self.add_module(stage.name, nn.ModuleDict(blocks))
            if stage.mixer is not None:
                self.add_module(stage.mixer.name, self._mixer(stage.mixer, stage, stride))
        del self._places

    def _norm(self) -> Norm:
        return lambda channels: RecalibratedBatchNorm(channels, self._statistics, affine=self._options.affine)

    def _choice(self, block: str) -> Choice:
        """Build the ops that any of the branches may choose at `block`, in declaration order."""
        found = [self._places[f"{name}.{block}"] for name in self.names]
        ops = dict.fromkeys(op for tokens, _ in found for op in tokens)
        return Choice({op: build_unit(op, found[0][1], self._norm()) for op in ops})

    def _mixer(self, mixer: Mixer, stage: Stage, stride: int) -> ModaMixer:
        options, channels = self._options, stage.channels
        scale = 1.0 / stride if options.roi_scale is None else options.roi_scale
        return ModaMixer(
            self._choice(f"{mixer.name}.mixed"),
            self._choice(f"{mixer.name}.visual") if "visual" in mixer.blocks else None,
            Project(options.language_dim, channels, self._statistics, norm=options.token_norm),
            TemplateEmbedding(channels, self._statistics, scale=scale) if self._embeds else None,
            zero=options.missing == "zero_tensor",
        )

    def forward(
        self, images: Tensor, branch: str, path: Mapping[str, str], source: TokenSource
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the output of every stage (after its mixer) and the token of every mixer."""
        x = images if images.is_cuda else images.contiguous(memory_format=torch.channels_last)
        if self.stem is not None:
            x = self.stem(x, branch)
        features: list[Tensor] = []
        tokens: list[Tensor] = []
        for stage in self._outline.stages:
            blocks = self._modules[stage.name]
            for name, block in blocks._modules.items():  # type: ignore[union-attr]
                gene = f"{branch}.{stage.name}.{name}"
                x = block(x, _op(path, gene), branch, gene)  # type: ignore[misc]
            if stage.mixer is not None:
                mixer: ModaMixer = self._modules[stage.mixer.name]  # type: ignore[assignment]
                place = f"{branch}.{stage.mixer.name}"
                ops = (_op(path, f"{place}.mixed"), _op(path, f"{place}.visual") if "visual" in stage.mixer.blocks else None)
                token = mixer.token(x, source, len(tokens), branch)
                tokens.append(token)
                x = mixer(x, token, ops, branch, place)
            features.append(x)
        return tuple(features), tuple(tokens)

    def active(self, branch: str, path: Mapping[str, str]) -> Iterator[nn.Parameter]:
        """Yield the parameters that `branch` runs through on `path`."""
        if self.stem is not None:
            yield from self.stem.parameters()
        for stage in self._outline.stages:
            for name, block in self._modules[stage.name]._modules.items():  # type: ignore[union-attr]
                yield from block[_op(path, f"{branch}.{stage.name}.{name}")].parameters()  # type: ignore[index, union-attr]
            if stage.mixer is None:
                continue
            mixer: ModaMixer = self._modules[stage.mixer.name]  # type: ignore[assignment]
            yield from mixer.project.parameters()
            if mixer.template_embedding is not None:
                yield from mixer.template_embedding.parameters()
            for block in stage.mixer.blocks:
                op = _op(path, f"{branch}.{stage.mixer.name}.{block}")
                yield from getattr(mixer, block)[op].parameters()


def _op(path: Mapping[str, str], gene: str) -> str:
    try:
        return path[gene]
    except KeyError:
        raise ArchitectureMismatch(
            Problem(gene, "the path says no op for this gene", way_out="A path names one op for every gene.")
        ) from None
