"""Orders of millions of things of which any entry can be asked for, without holding the rest."""

from __future__ import annotations

from functools import lru_cache

from asymnas.core.seeding import rng_for

__all__ = ["Shuffle", "shuffle"]

_MASK = (1 << 64) - 1
_ROUNDS = 4


class Shuffle:
    """A random order of range(n): entry i is a function of (n, keys, i).

    A Feistel network over the next power of four, walked until it lands below n (Black and Rogaway, "Ciphers with
    Arbitrary Finite Domains", 2002).

    Args:
        n: how many, at least 1.
        keys: one 64-bit key a round.
    """

    __slots__ = ("_bits", "_keys", "n")

    def __init__(self, n: int, keys: tuple[int, ...]) -> None:
        self.n = n
        self._keys = keys
        self._bits = max(1, ((n - 1).bit_length() + 1) // 2)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self.n:
            raise IndexError(f"entry {index} of {self.n}")
        while True:
            index = self._permuted(index)
            if index < self.n:
                return index

    def _permuted(self, index: int) -> int:
        half = (1 << self._bits) - 1
        left, right = index >> self._bits, index & half
        for key in self._keys:
            left, right = right, left ^ (_mixed(right ^ key) & half)
        return left << self._bits | right


def _mixed(value: int) -> int:
    """The finaliser of SplitMix64."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31


@lru_cache(maxsize=4096)
def shuffle(n: int, seed: int, *purpose: str | int) -> Shuffle:
    """Return the order of range(n) of (seed, purpose); see `rng_for`."""
    keys = rng_for(seed, "shuffle", *purpose).integers(2**63, size=_ROUNDS)
    return Shuffle(n, tuple(int(key) for key in keys))
