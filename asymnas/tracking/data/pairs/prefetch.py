"""Pairs drawn ahead of the training step, in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.tracking.data.pairs.sampler import PairSampler

__all__ = ["prefetch"]


def prefetch(
    sampler: PairSampler, steps: Iterable[int], shard: int = 0, shards: int = 1, depth: int = 2
) -> Iterator[PairBatch]:
    """Yield the batches of `steps`, in order, drawn by one background thread; the same numbers as without it.

    Closing the iterator, or leaving the loop over it, ends the thread.

    Args:
        sampler: where batches come from.
        steps: training steps.
        shard: see `PairSampler.batch`.
        shards: see `PairSampler.batch`.
        depth: how many batches may wait; 0 draws them in the caller's thread.

    Raises:
        DataError: as `PairSampler.batch`, at the step it concerns.
    """
    if depth < 1:
        for step in steps:
            yield sampler.batch(step, shard, shards)
        return
    ready: queue.Queue[PairBatch | BaseException | None] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: PairBatch | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for step in steps:
                put(sampler.batch(step, shard, shards))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            put(error)

    thread = threading.Thread(target=work, name="asymnas-pairs", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
