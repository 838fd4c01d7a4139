"""How long each op of a space takes on this machine."""

from __future__ import annotations

import time
from statistics import median

import torch

from asymnas.core.threads import torch_threads
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._units import build_unit
from asymnas.space import Place, SearchSpace


def measure_latency(space: SearchSpace, *, threads: int = 1, rounds: int = 15) -> dict[str, dict[str, float]]:
    """Return by gene and op the milliseconds of one run of the op at the gene's place, for one image, on the CPU.

    It is the median over `rounds`; in each round all ops run once, so that what else the machine does meets all alike.
    The latency of an architecture is about the sum over its genes (ProxylessNAS, Cai et al. 2019, App. B): what is no
    gene is the same for all, and left out.

    Args:
        space: its ops have torch modules.
        threads: of torch.
        rounds: how often each op is timed, after one run that is not.

    Raises:
        SpaceError: an op has no torch module.
    """
    taken: dict[tuple[Place, str], list[float]] = {(gene.place, op): [] for gene in space.genes for op in gene.ops}
    with torch_threads(threads), torch.inference_mode(), torch.random.fork_rng(devices=[]):
        units = {key: build_unit(key[1], key[0], RecalibratedBatchNorm).eval() for key in taken}
        images = {place: torch.randn(1, place.in_channels, *place.in_size) for place, _ in taken}
        if all(len(place.in_size) == 2 for place in images):  # as networks have them
            images = {place: x.contiguous(memory_format=torch.channels_last) for place, x in images.items()}
        for _ in range(rounds + 1):
            for key, unit in units.items():
                began = time.perf_counter()
                unit(images[key[0]], None)
                taken[key].append(1e3 * (time.perf_counter() - began))
    return {gene.id: {op: median(taken[gene.place, op][1:]) for op in gene.ops} for gene in space.genes}
