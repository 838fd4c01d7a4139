"""The network of one branch, or of several that share weights: stem, stages of choice blocks, mixers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asymnas.nn._mixer import MixerSetup
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._units import Choice, build_unit, load_builder
from asymnas.space import LANGUAGE, MIXERS, Branch, MixerPlace, Place, Stage, stem_place


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What all branch networks of a supernet have in common; see `Supernet` for the meaning."""

    language_dim: int
    missing: str
    affine: bool
    token_norm: bool
    bn_statistics: str
    roi_scale: float | None


class StageBlocks(nn.ModuleDict):
    """The choice blocks of a stage by name, in order."""

    def forward(self, x: Tensor, path: Mapping[str, str], branch: str) -> Tensor:
        """Map (b, in_channels, h, w) to the stage's channels and size."""
        for block in self.values():
            x = block(x, path, branch)
        return x


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A stage of a network.

    Called are `blocks(x, path, branch)`, then `mixer(x, source, path, branch)`, which reads an input or branch `reads`.
    """

    blocks: StageBlocks
    mixer: nn.Module | None
    reads: Mapping[str, str]
    """By branch what the mixer reads."""


class BranchNetwork(nn.Module):
    """One set of parameters for the branches that share weights; module names are gene ids without the branch.

    `genes` has by gene id the ops to build and their place, `mixers` by `{branch}.{mixer}` that of a mixer.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        genes: Mapping[str, tuple[tuple[str, ...], Place]],
        mixers: Mapping[str, MixerPlace],
        options: NetworkOptions,
    ) -> None:
        super().__init__()
        self.names = tuple(branch.name for branch in branches)
        self._genes, self._mixers, self._options, self._branches = genes, mixers, options, branches
        self._statistics = () if options.bn_statistics == "shared" else self.names
        first, stride = branches[0], 1
        self.stem: nn.Module | None = None
        if first.stem is not None and (place := stem_place(first)) is not None:
            stride = first.stem.stride
            self.stem = build_unit(first.stem.op, place, self._norm)
        steps = []
        for number, stage in enumerate(first.stages):
            stride *= stage.stride
            names = [f"block{n}" for n in range(1, stage.blocks + 1)]
            blocks = StageBlocks({name: self._choice(f"{stage.name}.{name}") for name in names})
            self.add_module(stage.name, blocks)
            mixer = self._mixer(stage, stride)
            if stage.mixer is not None:
                self.add_module(stage.mixer.name, mixer)
            same = [(branch.name, branch.stages[number].mixer) for branch in branches]
            steps.append(Step(blocks, mixer, {name: found.reads for name, found in same if found is not None}))
        self.steps = tuple(steps)  # the modules above in the order in which they run
        self._choices = [module for module in self.modules() if isinstance(module, Choice)]
        inside = {module for choice in self._choices for module in choice.modules()}
        self._outside = [module for module in self.modules() if module not in inside]
        del self._genes, self._mixers, self._branches

    def _norm(self, channels: int) -> RecalibratedBatchNorm:
        return RecalibratedBatchNorm(channels, self._statistics, affine=self._options.affine)

    def _choice(self, block: str) -> Choice:
        """Build the ops that any of the branches may choose at `block`, in declaration order."""
        ids = {name: f"{name}.{block}" for name in self.names}
        found = [self._genes[gene] for gene in ids.values()]
        tokens = dict.fromkeys(op for ops, _ in found for op in ops)
        return Choice({op: build_unit(op, found[0][1], self._norm) for op in tokens}, ids)

    def _mixer(self, stage: Stage, stride: int) -> nn.Module | None:
        mixer, options = stage.mixer, self._options
        if mixer is None:
            return None
        setup = MixerSetup(
            place=self._mixers[f"{self.names[0]}.{mixer.name}"],
            choices={block: self._choice(f"{mixer.name}.{block}") for block in mixer.blocks},
            norm=self._norm,
            branches=self._statistics,
            token_norm=options.token_norm,
            missing=options.missing if mixer.reads == LANGUAGE else "zero_tensor",
            boxed=any(branch.rate == "video" for branch in self._branches),
            scale=1.0 / stride if options.roi_scale is None else options.roi_scale,
        )
        return load_builder(f"mixer kind '{mixer.kind}'", MIXERS.get(mixer.kind).module)(setup)

    def enter(self, images: Tensor, branch: str) -> Tensor:
        """Map (b, input_channels, height, width) to what the first stage reads (b, c, h, w)."""
        x = images if images.is_cuda else images.contiguous(memory_format=torch.channels_last)
        return x if self.stem is None else self.stem(x, branch)

    def active(self, branch: str, path: Mapping[str, str]) -> Iterator[nn.Parameter]:
        """Yield the parameters that `branch` runs through on `path`."""
        for module in self._outside:
            yield from module.parameters(recurse=False)
        for choice in self._choices:
            yield from choice.unit(path, branch).parameters()
