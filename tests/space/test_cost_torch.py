"""The cost of the space is that of the networks: multiply-accumulates by torch's counter, weights by counting them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from asymnas.core.seeding import rng_for
from asymnas.space import Architecture, list_spaces, load_space

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from asymnas.nn import Supernet, extract  # noqa: E402

DIM = 12


def _flops(supernet: Supernet, branch: str, arch: Architecture, *, sentences: bool) -> dict[str, int]:
    """FLOPs of one run of a branch by the name of the operation: twice the multiply-accumulates."""
    space = arch.space
    height, width = space.branch(branch).size
    images = torch.zeros(1, 3, height, width)
    has_mixer = any(stage.mixer is not None for stage in space.branch(branch).stages)
    language = SimpleNamespace(embedding=torch.zeros(1, DIM), present=torch.tensor([True])) if sentences else None
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        supernet.branch(branch, images, arch.genes, language=language if has_mixer else None)
    return {str(operation): count for operation, count in counter.get_flop_counts()["Global"].items()}


@pytest.mark.parametrize("name", [name for name in list_spaces() if name.startswith(("tiny", "vlt"))])
def test_macs_and_weights_are_those_of_the_networks(name):
    space = load_space(name)
    supernet = Supernet(space, language_dim=DIM, seed=0).eval()
    rng = rng_for(0, "cost", name)
    for _ in range(2 if name.startswith("vlt") else 4):
        arch = space.sample(rng)
        cost = space.cost(arch)
        for branch in space.branches:
            flops = _flops(supernet, branch.name, arch, sentences=True)
            convolutions = sum(count for operation, count in flops.items() if "convolution" in operation)
            assert convolutions == 2 * cost.branches[branch.name].macs
            # what the space leaves out, and nothing else: one linear map d -> channels a mixer
            channels = [stage.channels for stage in branch.stages if stage.mixer is not None]
            assert sum(flops.values()) - convolutions == 2 * DIM * sum(channels)
    subnet = extract(supernet, arch.genes)
    convolutions = [parameter for parameter in subnet.parameters() if parameter.dim() == 4]
    assert sum(parameter.numel() for parameter in convolutions) == cost.params
