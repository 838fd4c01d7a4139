"""How workers combine what their shards gave: sums in shard order, so that the split over workers changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TypeVar

import torch
from torch import Tensor

from asymnas.core.errors import AsymNASError

Result = TypeVar("Result")


class Signal(IntEnum):
    """What a worker sends to the others before a step's sums; the highest one counts."""

    GO = 0
    STOP = 1
    FAILED = 2


def shards_of(rank: int, workers: int, shards: int) -> range:
    """The consecutive shards that worker `rank` of `workers` computes."""
    return range(rank * shards // workers, (rank + 1) * shards // workers)


class PeerFailed(Exception):
    """Another worker met an error, which that worker reports."""


class Exchange:
    """One worker's end of the exchange over `shards` shards: here of a worker alone, whose shards are all."""

    def __init__(self, shards: int, rank: int = 0, workers: int = 1) -> None:
        self.rank, self.workers, self.shards = rank, workers, shards
        self.mine = shards_of(rank, workers, shards)

    def total(self, rows: list[Tensor]) -> Tensor:
        """Sum the rows of all shards in shard order; given are mine, (n,) float32 each, which may be overwritten."""
        return _ordered_sum(rows)

    def agree(self, signal: Signal) -> Signal:
        """The highest signal of all workers; every worker must call it at the same point."""
        return signal

    def same(self, values: list[int]) -> bool:
        """Whether all workers gave the same values (each below 2^63)."""
        return True


class TorchExchange(Exchange):
    """Workers joined by torch.distributed's default group, whose backend must serve the device of the rows."""

    def __init__(self, shards: int, device: torch.device) -> None:
        import torch.distributed as dist

        super().__init__(shards, dist.get_rank(), dist.get_world_size())
        self._dist, self._device = dist, device

    def total(self, rows: list[Tensor]) -> Tensor:
        if self.workers == self.shards == 2:
            (row,) = rows
            self._dist.all_reduce(row)  # two summands: their order changes nothing
            return row
        most = -(-self.shards // self.workers)
        block = torch.stack([*rows, *[torch.zeros_like(rows[0])] * (most - len(rows))])
        blocks = [torch.empty_like(block) for _ in range(self.workers)]
        self._dist.all_gather(blocks, block)
        return _ordered_sum(
            blocks[rank][index]
            for rank in range(self.workers)
            for index in range(len(shards_of(rank, self.workers, self.shards)))
        )

    def agree(self, signal: Signal) -> Signal:
        value = torch.tensor([int(signal)], dtype=torch.int64, device=self._device)
        self._dist.all_reduce(value, op=self._dist.ReduceOp.MAX)
        return Signal(int(value))

    def same(self, values: list[int]) -> bool:
        mine = torch.tensor(values, dtype=torch.int64, device=self._device)
        theirs = [torch.empty_like(mine) for _ in range(self.workers)]
        self._dist.all_gather(theirs, mine)
        return all(torch.equal(mine, other) for other in theirs)


def together(exchange: Exchange, action: Callable[[], Result], *, stop: bool = False) -> tuple[Result, bool]:
    """Do what every worker does at this point; all fail if one fails, so that none waits for ever in a sum.

    `stop` says that this worker wishes all to stop. Returned is what the action gave, and whether a worker wishes to
    stop. An `AsymNASError` of another worker's action is a `PeerFailed` here.
    """
    try:
        result = action()
    except AsymNASError:
        exchange.agree(Signal.FAILED)
        raise
    signal = exchange.agree(Signal.STOP if stop else Signal.GO)
    if signal is Signal.FAILED:
        raise PeerFailed
    return result, signal is Signal.STOP


def _ordered_sum(rows: Iterable[Tensor]) -> Tensor:
    iterator = iter(rows)
    result = next(iterator)
    for row in iterator:
        result += row
    return result
