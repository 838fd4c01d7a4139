"""The supernet: all ops of all choice blocks of a space, run along one path that is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from asymnas.core.errors import Problem, SpaceError, nearest
from asymnas.core.seeding import rng_for
from asymnas.nn._init import initialise
from asymnas.nn._network import BranchNetwork, NetworkOptions
from asymnas.nn._sources import LanguageLike, Rows, Source, read, rows_of
from asymnas.space import LANGUAGE, Branch, MixerPlace, SearchSpace


@dataclass(frozen=True, slots=True, eq=False)
class BranchOutput:
    """What a branch gives.

    Args:
        features: one (b, channels, h, w) per stage, after the stage's mixer.
        tokens: one (b, channels) per ModaMixer: what multiplied the features.
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
        language_dim: size of a sentence embedding; 0 where no mixer reads language.
        missing: what stands in for a missing sentence, row by row. `zero_embedding`: zeros in place of the embedding,
            so that projection and statistics treat the row as any other (paper, Algorithm 1, line 9). In a ModaMixer
            `zero_tensor` is a zero token after the projection, `template_embedding` the pooled template feature (line
            11); mixers of other kinds then see zeros. So do all that read another branch, under any of the three.
        affine: learn scales and offsets in the units' normalisation layers; the SPOS supernet does not.
        token_norm: normalise tokens as the public VLT code does; False is the paper's plain linear map.
        bn_statistics: `per_branch` keeps statistics per branch where weights are shared, `shared` one set for all.
        roi_scale: feature cells per input pixel of template embeddings; None is 1 / stride of the stage, 0.125 what the
            public code uses at every stage.
        seed: the initial weights are a function of it and of the parameters' names.

    Raises:
        SpaceError: an op has no torch module, a branch takes no images, or the size of what a mixer reads is not known.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        language_dim: int = 0,
        missing: Literal["zero_tensor", "zero_embedding", "template_embedding"] = "zero_tensor",
        affine: bool = False,
        token_norm: bool = True,
        bn_statistics: Literal["per_branch", "shared"] = "per_branch",
        roi_scale: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.space, self.language_dim, self.missing = space, language_dim, missing
        options = NetworkOptions(language_dim, missing, affine, token_norm, bn_statistics, roi_scale)
        self.settings: dict[str, Any] = asdict(options)
        """The keywords this supernet was built with, without the seed."""
        fixed, mixers = space.fixed, _mixer_places(space, language_dim)
        declared = space.inputs.get(LANGUAGE)
        self._sentence_dim = language_dim or (0 if declared is None else declared.channels)
        genes = {gene.id: ((fixed[gene.id],) if gene.id in fixed else gene.ops, gene.place) for gene in space.genes}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng_for(seed, "construction").integers(2**62)))
            networks = [BranchNetwork(group, genes, mixers, options) for group in _groups(space)]
        self.branches = nn.ModuleDict({"+".join(network.names): network for network in networks})
        self._networks = {name: network for network in networks for name in network.names}
        initialise(self, seed)

    def network(self, branch: str) -> BranchNetwork:
        """Return the network that `branch` runs through."""
        if branch not in self._networks:
            known = nearest(branch, self._networks)
            raise SpaceError(Problem("branch", "the space has no such branch", f"'{branch}'", known))
        return self._networks[branch]

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        path: Mapping[str, str],
        language: LanguageLike | None = None,
        *,
        present: Mapping[str, Tensor] | None = None,
    ) -> dict[str, BranchOutput]:
        """Run branches together, stage by stage, so that mixers can read other branches.

        A mixer that reads a branch gets its features of the same stage number, before that stage's mixer; of its last
        stage where it has fewer. So two branches may read each other.

        Args:
            inputs: by branch its images (b, channels, height, width); of other inputs that mixers read, vectors (b, d).
            path: one op token per gene id.
            language: the sentences of the b samples; None where none has one.
            present: by name of an input (b,) bool, False for samples whose input is missing: mixers that read it see
                zeros in these rows. All have it by default.

        Raises:
            ArchitectureMismatch: the path lacks a gene, or names an op the supernet does not have.
            ValueError: a mixer reads a branch that is not among the inputs, or `present` names none of them.
        """
        if unknown := (present or {}).keys() - inputs.keys():
            raise ValueError(f"`present` names {', '.join(sorted(unknown))}, but the inputs are {', '.join(inputs)}")
        images = {name: values for name, values in inputs.items() if name in self._networks}
        rows = {name: rows_of(mask) for name, mask in (present or {}).items()}
        sources = {name: read(inputs[name], rows.get(name)) for name in inputs.keys() - images.keys()}
        return self._run(images, path, {**sources, LANGUAGE: self._sentences(language, images)}, rows, None)

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
        """Run one branch, whose mixers read language alone, along a path.

        Args:
            name: the branch.
            images: (b, 3, h, w) float, channels B, G, R, values 0..255.
            path: one op token per gene id.
            language: the sentences of the b samples; None where none has one.
            tokens: one (b, channels) per ModaMixer, used as they are for rows without a sentence: a search branch gets
                the template branch's this way.
            boxes: (b, 4) x1, y1, x2, y2 in pixels of `images`, for template embeddings.

        Raises:
            ArchitectureMismatch: the path lacks a gene of the branch, or names an op the supernet does not have.
            ValueError: a row has neither a sentence nor, under `template_embedding`, a box or tokens.
        """
        source = replace(self._sentences(language, {name: images}), boxes=boxes)
        return self._run({name: images}, path, {LANGUAGE: source}, {}, tokens)[name]

    def _sentences(self, language: LanguageLike | None, images: Mapping[str, Tensor]) -> Source:
        """Return what mixers read as language: sentences that rows may lack, or zeros in their place."""
        if self.missing != "zero_embedding":
            return Source() if language is None else read(language.embedding, rows_of(language.present))
        if language is None:
            some = next(iter(images.values()))
            return Source(some.new_zeros(len(some), self._sentence_dim))
        return Source(language.embedding.where(language.present[:, None], 0.0))

    def _run(
        self,
        images: Mapping[str, Tensor],
        path: Mapping[str, str],
        sources: Mapping[str, Source],
        rows: Mapping[str, Rows],
        given: tuple[Tensor, ...] | None,
    ) -> dict[str, BranchOutput]:
        networks = {name: self.network(name) for name in images}
        x = {name: networks[name].enter(values, name) for name, values in images.items()}  # (b, c, h, w) each
        features: dict[str, list[Tensor]] = {name: [] for name in images}
        tokens: dict[str, list[Tensor]] = {name: [] for name in images}
        seen: dict[str, Tensor] = {}  # by branch what mixers of others read
        for number in range(max(len(network.steps) for network in networks.values())):
            steps = {name: network.steps[number] for name, network in networks.items() if number < len(network.steps)}
            for name, step in steps.items():
                seen[name] = x[name] = step.blocks(x[name], path, name)  # (b, c, h, w)
            for name, step in steps.items():
                if step.mixer is not None:
                    reads = step.reads[name]
                    if reads not in sources and reads not in seen:
                        raise ValueError(f"branch '{name}' reads '{reads}', which is not among the inputs")
                    source = sources[reads] if reads in sources else read(seen[reads], rows.get(reads))
                    source = source if given is None else replace(source, token=given[len(tokens[name])])
                    x[name], token = step.mixer(x[name], source, path, name)  # (b, c, h, w), (b, c)
                    tokens[name] += [] if token is None else [token]
                features[name].append(x[name])
        return {name: BranchOutput(tuple(features[name]), tuple(tokens[name])) for name in images}

    def active_parameters(self, path: Mapping[str, str]) -> list[str]:
        """Names of the parameters `path` can send a gradient to, in the order of `named_parameters`.

        All of a mixer but its choice blocks counts, even where no row of a batch has what it reads.
        """
        used = {id(parameter) for name, net in self._networks.items() for parameter in net.active(name, path)}
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
    subnet = Supernet(fixed, **supernet.settings)
    state = supernet.state_dict()
    subnet.load_state_dict({name: state[name] for name in subnet.state_dict()})
    return subnet.to(next(supernet.parameters()).dtype).train(supernet.training)


def _groups(space: SearchSpace) -> list[list[Branch]]:
    """Return the branches in groups that share weights, in declaration order."""
    rule = "a supernet branch takes images of two dimensions"
    problems = [Problem(b.name, rule, str(b.input_size)) for b in space.branches if len(b.size) != 2]
    if problems:
        raise SpaceError(problems)
    group_of = {name: tuple(group) for group in space.share_weights for name in group}
    groups: dict[tuple[str, ...], list[Branch]] = {}
    for branch in space.branches:
        groups.setdefault(group_of.get(branch.name, (branch.name,)), []).append(branch)
    return list(groups.values())


def _mixer_places(space: SearchSpace, language_dim: int) -> dict[str, MixerPlace]:
    """Return `{branch}.{mixer}` -> where the mixer sits, with the size of what it reads."""
    places = dict(space.mixer_places)
    for branch in space.branches:
        for stage in branch.stages:
            if stage.mixer is not None and stage.mixer.reads == LANGUAGE:
                name = f"{branch.name}.{stage.mixer.name}"
                declared = places[name].source_channels
                if not (language_dim or declared) or (language_dim and declared not in (None, language_dim)):
                    rule = f"reads language of {language_dim or 'unknown'} numbers a sentence"
                    way_out = "Declare `inputs: {language: {channels: ...}}` in the space as the encoder has it."
                    raise SpaceError(Problem(name, rule, f"{declared} in the space", way_out))
                places[name] = replace(places[name], source_channels=language_dim or declared)
    return places
