"""The supernet: all ops of all choice blocks of a space, run along one path that is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from asymnas.core.errors import Problem, SpaceError, nearest
from asymnas.core.seeding import rng_for
from asymnas.nn._init import initialise
from asymnas.nn._mixer import LanguageLike, TokenSource
from asymnas.nn._network import BranchNetwork, NetworkOptions
from asymnas.space import Branch, SearchSpace

__all__ = ["BranchOutput", "Supernet", "extract"]


@dataclass(frozen=True, slots=True, eq=False)
class BranchOutput:
    """What a branch gives.

    Args:
        features: one (b, channels, h, w) per stage, after the stage's mixer.
        tokens: one (b, channels) per mixer: what multiplied the features.
    """

    features: tuple[Tensor, ...]
    tokens: tuple[Tensor, ...]


class Supernet(nn.Module):
    """All subnets of a space with image branches.

    Parameters are named `branches.<branch>.<gene id without the branch>.<op>...`, for example
    `branches.template.stage1.block1.shuffle_3x3.main.0.weight`; branches that share weights are one entry,
    `branches.template+search...`.

    Args:
        space: the space.
        language_dim: size of a sentence embedding.
        missing: what stands in for a missing sentence, row by row: a zero token, or the pooled template feature.
        affine: learn scales and offsets in the units' normalisation layers; the SPOS supernet does not.
        token_norm: normalise language tokens as the public VLT code does; False is the paper's plain linear map.
        bn_statistics: `per_branch` keeps statistics per branch where weights are shared, `shared` one set for all.
        roi_scale: feature cells per input pixel of template embeddings; None is 1 / stride of the stage, 0.125 what the
            public code uses at every stage.
        seed: the initial weights are a function of it and of the parameters' names.

    Raises:
        SpaceError: an op has no torch module, or a branch takes no images.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        language_dim: int,
        missing: Literal["zero_tensor", "template_embedding"] = "zero_tensor",
        affine: bool = False,
        token_norm: bool = True,
        bn_statistics: Literal["per_branch", "shared"] = "per_branch",
        roi_scale: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.space, self.language_dim, self.missing = space, language_dim, missing
        self._settings: dict[str, object] = {
            "language_dim": language_dim, "missing": missing, "affine": affine, "token_norm": token_norm,
            "bn_statistics": bn_statistics, "roi_scale": roi_scale,
        }  # fmt: skip
        options = NetworkOptions(
            language_dim=language_dim, missing=missing, affine=affine, token_norm=token_norm,
            shared=bn_statistics == "shared", scale=roi_scale,
        )  # fmt: skip
        allowed, places = _allowed_ops(space), {gene.id: gene.place for gene in space.genes}
        built = {gene: (ops, places[gene]) for gene, ops in allowed.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng_for(seed, "construction").integers(2**62)))
            networks = {
                "+".join(b.name for b in group): BranchNetwork(group, built, options) for group in _groups(space)
            }
        self.branches = nn.ModuleDict(networks)
        self._network_of = {name: key for key, network in networks.items() for name in network.names}
        initialise(self, seed)

    @property
    def settings(self) -> dict[str, object]:
        """The keywords this supernet was built with, without the seed."""
        return dict(self._settings)

    def network(self, branch: str) -> BranchNetwork:
        """Return the network that `branch` runs through."""
        if branch not in self._network_of:
            known = nearest(branch, self._network_of)
            raise SpaceError(Problem("branch", "the space has no such branch", f"'{branch}'", known))
        return self.branches[self._network_of[branch]]  # type: ignore[return-value]

    def branch(
        self,
        name: str,
        images: Tensor,
        path: Mapping[str, str],
        *,
        language: LanguageLike | None,
        tokens: tuple[Tensor, ...] | None = None,
        boxes: Tensor | None = None,
    ) -> BranchOutput:
        """Run a branch along a path.

        Args:
            name: the branch.
            images: (b, 3, h, w) float, channels B, G, R, values 0..255.
            path: one op token per gene id.
            language: the sentences of the b samples; None where none has one.
            tokens: one (b, channels) per mixer, used as they are for rows without a sentence: a search branch gets the
                template branch's this way.
            boxes: (b, 4) x1, y1, x2, y2 in pixels of `images`, for template embeddings.

        Raises:
            ArchitectureMismatch: the path lacks a gene of the branch, or names an op the supernet does not have.
            ValueError: a row has neither a sentence nor, under `template_embedding`, a box or tokens.
        """
        network = self.network(name)
        return BranchOutput(*network(images, name, path, TokenSource.of(language, tokens, boxes)))

    def active_parameters(self, path: Mapping[str, str]) -> list[str]:
        """Names of the parameters `path` can send a gradient to, in the order of `named_parameters`.

        Projections count even where no row of a batch has a sentence, template embeddings where all rows have one.
        """
        used = {id(parameter) for name in self._network_of for parameter in self.network(name).active(name, path)}
        return [name for name, parameter in self.named_parameters() if id(parameter) in used]


@torch.no_grad()
def extract(supernet: Supernet, path: Mapping[str, str]) -> Supernet:
    """Return the subnet of one path by itself, with the supernet's weights and statistics, on the CPU.

    It is a supernet over the same space with every gene fixed, so it runs, trains and is saved as one; where two
    branches share weights and choose different ops at a place, it holds both.

    Raises:
        ArchitectureMismatch: the path is not of the space.
    """
    genes = supernet.space.architecture(dict(path)).genes
    fixed = supernet.space.replace(fix=genes, constraints=())
    subnet = Supernet(fixed, **supernet.settings)  # type: ignore[arg-type]
    state = supernet.state_dict()
    subnet.load_state_dict({name: state[name] for name in subnet.state_dict()})
    return subnet.to(next(supernet.parameters()).dtype).train(supernet.training)


def _allowed_ops(space: SearchSpace) -> dict[str, tuple[str, ...]]:
    """Return the ops that each gene can take, after ties and fixes."""
    return {gene.id: (space.fixed[gene.id],) if gene.id in space.fixed else gene.ops for gene in space.genes}


def _groups(space: SearchSpace) -> list[list[Branch]]:
    """Return the branches in groups that share weights, in declaration order."""
    group_of = {name: tuple(group) for group in space.share_weights for name in group}
    groups: dict[tuple[str, ...], list[Branch]] = {}
    problems = []
    for branch in space.branches:
        if len(branch.size) != 2:
            rule = "a supernet branch takes images of two dimensions"
            problems.append(Problem(branch.name, rule, str(branch.input_size)))
        group = groups.setdefault(group_of.get(branch.name, (branch.name,)), [])
        group.append(branch)
    if problems:
        raise SpaceError(problems)
    return list(groups.values())
