"""How workers combine what their shards gave: sums in shard order, so that the split over workers changes no bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TypeVar

import torch
from torch import Tensor

from asymnas.core.errors import AsymNASError

Result = TypeVar("Result")


class Signal(IntEnum):
    """What a worker tells the others before a step's sums; the highest one counts."""

    GO = 0
    STOP = 1
    FAILED = 2


def shards_of(rank: int, workers: int, shards: int) -> range:
    """The consecutive shards that worker `rank` of `workers` computes."""
    return range(rank * shards // workers, (rank + 1) * shards // workers)


class PeerFailed(Exception):
    """Another worker met an error, which that worker reports."""


class Exchange(ABC):
    """One worker's end of the exchange among `workers` workers over `shards` shards."""

    def __init__(self, rank: int, workers: int, shards: int) -> None:
        self.rank, self.workers, self.shards = rank, workers, shards
        self.mine = shards_of(rank, workers, shards)

    @abstractmethod
    def total(self, rows: list[Tensor]) -> Tensor:
        """Sum the rows of all shards in shard order.

        Args:
            rows: one (n,) float32 row for each of my shards, in order; they may be overwritten.
        """

    @abstractmethod
    def agree(self, signal: Signal) -> Signal:
        """The highest signal of all workers; every worker must call it at the same point."""

    @abstractmethod
    def same(self, values: list[int]) -> bool:
        """Whether all workers gave the same values (each below 2^63)."""


class LocalExchange(Exchange):
    """A worker alone: all shards are its own."""

    def __init__(self, shards: int) -> None:
        super().__init__(0, 1, shards)

    def total(self, rows: list[Tensor]) -> Tensor:
        return _ordered_sum(rows)

    def agree(self, signal: Signal) -> Signal:
        return signal

    def same(self, values: list[int]) -> bool:
        return True


class TorchExchange(Exchange):
    """Workers joined by torch.distributed's default group.

    Args:
        shards: of the global batch.
        device: where rows lie; the group's backend must serve it.
    """

    def __init__(self, shards: int, device: torch.device) -> None:
        import torch.distributed as dist

        super().__init__(dist.get_rank(), dist.get_world_size(), shards)
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

    Args:
        exchange: joins the workers.
        action: may raise an `AsymNASError`.
        stop: whether this worker wishes all to stop.

    Returns:
        what the action gave, and whether a worker wishes to stop.

    Raises:
        AsymNASError: of the action.
        PeerFailed: the action of another worker raised.
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
