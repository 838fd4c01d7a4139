"""Pairs drawn ahead of the training step, in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.sampler import PairSampler

__all__ = ["prefetch"]


def prefetch(
    sampler: PairSampler, steps: Iterable[int], shard: int = 0, shards: int = 1, depth: int = 2
) -> Iterator[PairBatch]:
    """Yield the batches of `steps`, in order, `depth` drawn ahead by a thread; the same numbers as without it.

    Closing the iterator, or leaving the loop over it, ends the thread. Errors are raised at the step they concern.
    """
    left = iter(steps)
    if depth < 1:
        yield from (sampler.batch(step, shard, shards) for step in left)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="asymnas-pairs")
    try:
        ahead = deque(pool.submit(sampler.batch, step, shard, shards) for step in islice(left, depth))
        while ahead:
            batch = ahead.popleft().result()
            ahead.extend(pool.submit(sampler.batch, step, shard, shards) for step in islice(left, 1))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
