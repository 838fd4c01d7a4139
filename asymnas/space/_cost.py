"""Cost of an architecture from the space alone: multiply-accumulates and weights of convolutions and linear layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asymnas.space._genes import Gene, stem_place
from asymnas.space._parts import Branch
from asymnas.space.mixers import MIXERS, MixerPlace
from asymnas.space.ops import OPS, OpCost


@dataclass(frozen=True, slots=True)
class BranchCost:
    """Multiply-accumulates of one run of a branch, and its weights."""

    macs: int
    params: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What an architecture costs.

    Counted are the weights of the stem, of every block, and of a mixer's other layers (where the space says how many
    channels it reads), and one multiply-accumulate for each use of a weight. Not counted: biases, batch normalisation,
    activations, products, and layers of mixers for an input whose channels the space does not declare.

    Attributes:
        branches: branch name -> its cost.
        rates: branch name -> `frame` or `video`.
        params: weights that exist; those two branches share are counted once.
    """

    branches: dict[str, BranchCost]
    rates: dict[str, str]
    params: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run of every branch."""
        return sum(cost.macs for cost in self.branches.values())

    def amortised(self, frames: int) -> float:
        """Multiply-accumulates per frame of a video of `frames` frames: branches of rate `video` run once in it."""
        return sum(c.macs / (frames if self.rates[name] == "video" else 1) for name, c in self.branches.items())

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return {branch: {macs, params}} and a `total` of the same form."""
        parts = {name: {"macs": cost.macs, "params": cost.params} for name, cost in self.branches.items()}
        return {**parts, "total": {"macs": self.macs, "params": self.params}}


def _fixed(branch: Branch, places: Mapping[str, MixerPlace]) -> OpCost:
    """The cost of what a branch has beside its choice blocks: the stem, and parts of its mixers."""
    place = stem_place(branch)
    parts = [OPS.get(branch.stem.op).cost(place)] if branch.stem and place else []
    for stage in branch.stages:
        if stage.mixer is not None and (at := places[f"{branch.name}.{stage.mixer.name}"]).source_channels is not None:
            parts.append(MIXERS.get(stage.mixer.kind).cost(at))
    return OpCost(sum(part.macs for part in parts), sum(part.params for part in parts))


class CostTable:
    """The cost of every op at every gene of a space (`ops`), and of what is no gene by branch (`fixed`).

    Costs of a branch are sums over its genes.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        genes: Sequence[Gene],
        shared: Sequence[Sequence[str]],
        places: Mapping[str, MixerPlace],
    ) -> None:
        self.ops: dict[str, dict[str, OpCost]] = {
            gene.id: {op: OPS.get(op).cost(gene.place) for op in gene.ops} for gene in genes
        }
        self.fixed = {branch.name: _fixed(branch, places) for branch in branches}
        self.rates = {branch.name: branch.rate for branch in branches}
        self.branch_of = {gene.id: gene.branch for gene in genes}
        owner = {name: group[0] for group in shared for name in group}
        self.owner = {name: owner.get(name, name) for name in self.rates}
        self.weight_of = {gene.id: self.owner[gene.branch] + gene.id[len(gene.branch) :] for gene in genes}

    def cost(self, path: Mapping[str, str]) -> Cost:
        """Return the cost of a path (gene id -> op), of what is no gene and of the genes that it names."""
        macs = {name: part.macs for name, part in self.fixed.items()}
        params = {name: part.params for name, part in self.fixed.items()}
        for gene, op in path.items():
            cost = self.ops[gene][op]
            macs[self.branch_of[gene]] += cost.macs
            params[self.branch_of[gene]] += cost.params
        branches = {name: BranchCost(macs[name], params[name]) for name in macs}
        own = {(self.weight_of[gene], op): self.ops[gene][op].params for gene, op in path.items()}
        shared = sum(self.fixed[name].params for name in set(self.owner.values())) + sum(own.values())
        return Cost(branches, dict(self.rates), shared)
