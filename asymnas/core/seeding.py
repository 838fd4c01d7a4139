"""Random streams: `numpy.random.Generator`s derived from a seed and the purpose they serve."""

from __future__ import annotations

import zlib

import numpy as np


def rng_for(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random stream of (seed, purpose); streams of different purposes are independent.

    Args:
        seed: the job's seed, >= 0.
        purpose: words and counters that name the use, such as `"path", step`. The same purpose gives the same
            stream on every machine and in every process; nothing else influences it.
    """
    words = [zlib.crc32(item.encode()) if isinstance(item, str) else int(item) for item in purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), len(words), *words])))
