"""The contract of mixer kinds as a test class: whatever a mixer reads, its shapes, costs and missing rows are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from asymnas.nn import Supernet
from asymnas.space import MIXERS, SearchSpace, load_space
from asymnas.testing._op import counted

_DIM = 6


class MixerContract:
    """What every kind of mixer must keep. Subclass it, and set `kind` and the `options` that are to be tested.

    Example:
        >>> class TestGate(MixerContract):
        ...     kind = "gate"
        ...     options = ({}, {"hidden": 8})
    """

    kind: str
    options: Sequence[Mapping[str, Any]] = ({},)
    reads: Sequence[str] = ("language", "other")
    """What it can read: vectors (`language`), features of another branch (`other`), or both."""

    def spaces(self) -> Iterator[tuple[SearchSpace, str]]:
        """Yield a space of two branches for each of the options and sources; the mixer is in the branch `one`."""
        head = {"name": "contract", "ops": ["conv_3x3", "conv_1x1"], "inputs": {"language": {"channels": _DIM}}}
        stages: dict[str, Any] = {"stage": {"channels": 12, "blocks": 1}}
        other = {"input_channels": 2, "input_size": [9, 7], "stages": stages}
        for options, reads in product(self.options, self.reads):
            mixer = {"name": "mixer", "kind": self.kind, "from": reads, **options}
            stages = {"stage": {"channels": 8, "stride": 2, "blocks": 1, "mixer": mixer}}
            one = {"input_channels": 3, "input_size": [12, 10], "stages": stages}
            yield load_space({**head, "branches": {"one": one, "other": other}}), reads

    def path(self, space: SearchSpace) -> dict[str, str]:
        """Return the path of 3x3 convolutions."""
        return dict.fromkeys(space.gene_ids, "conv_3x3")

    def batch(self, n: int, seed: int = 0) -> tuple[dict[str, Tensor], Tensor]:
        """Return the inputs of both branches and n sentence embeddings."""
        generator = torch.Generator().manual_seed(seed)
        images = {
            "one": torch.rand(n, 3, 12, 10, generator=generator),
            "other": torch.rand(n, 2, 9, 7, generator=generator),
        }
        return images, torch.rand(n, _DIM, generator=generator)

    def run(
        self, net: Supernet, images: Mapping[str, Tensor], embedding: Tensor, reads: str, present: Tensor | None = None
    ) -> Tensor:
        """Return the features of the branch `one`; rows of which `present` is False lack what the mixer reads."""
        rows = torch.ones(len(embedding), dtype=torch.bool) if present is None else present
        language = SimpleNamespace(embedding=embedding, present=rows if reads == "language" else rows | True)
        masks = {"other": present} if present is not None and reads == "other" else None
        return net(images, self.path(net.space), language, present=masks)["one"].features[-1]

    def test_it_names_its_blocks_and_its_options_have_defaults(self) -> None:
        kind = MIXERS.get(self.kind)
        assert kind.summary and kind.blocks(kind.options())
        for space, _ in self.spaces():
            assert load_space(space.to_dict()).hash == space.hash

    def test_it_keeps_channels_and_size(self) -> None:
        for space, reads in self.spaces():
            assert self.run(Supernet(space), *self.batch(2), reads).shape == (2, 8, 6, 5)

    def test_the_cost_is_that_of_the_network(self) -> None:
        for space, reads in self.spaces():
            net, (images, embedding) = Supernet(space.replace(fix=self.path(space))).eval(), self.batch(1)
            found = counted(net, lambda net=net, at=(images, embedding, reads): self.run(net, *at))  # type: ignore[misc]
            cost = space.cost(space.architecture(self.path(space)))
            assert (found.macs, found.params) == (cost.macs, cost.params), reads

    def test_the_output_depends_on_what_it_reads(self) -> None:
        for space, reads in self.spaces():
            net, (images, embedding), (others, sentences) = Supernet(space).eval(), self.batch(2), self.batch(2, 1)
            changed = {**images, "other": others["other"]} if reads == "other" else images
            with torch.no_grad():
                first = self.run(net, images, embedding, reads)
                other = self.run(net, changed, sentences if reads == "language" else embedding, reads)
            assert not torch.equal(first, other), reads

    def test_rows_without_a_source_ignore_what_stands_there(self) -> None:
        for space, reads in self.spaces():
            net, (images, embedding), (others, sentences) = Supernet(space).eval(), self.batch(2), self.batch(2, 1)
            present = torch.tensor([True, False])
            changed = {**images, "other": torch.stack([images["other"][0], others["other"][1]])}
            with torch.no_grad():
                first = self.run(net, images, embedding, reads, present)
                other = self.run(net, changed, torch.stack([embedding[0], sentences[1]]), reads, present)
            assert torch.equal(first, other), reads

    def test_every_active_weight_gets_a_gradient(self) -> None:
        for space, reads in self.spaces():
            net = Supernet(space)
            self.run(net, *self.batch(2), reads).square().sum().backward()
            names = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
            active = {name for name in net.active_parameters(self.path(space)) if name.startswith("branches.one.")}
            assert active <= names, reads
