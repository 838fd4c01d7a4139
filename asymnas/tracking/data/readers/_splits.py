"""The names of splits, which are known without any file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from asymnas.core.errors import DataError, Problem, nearest

__all__ = ["check_split", "split_check", "split_problems"]


def split_problems(split: str, splits: Sequence[str]) -> list[Problem]:
    """Return a problem at `split` unless it is one of `splits`."""
    if split in splits:
        return []
    rule = f"the split must be one of {', '.join(splits)}"
    return [Problem("split", rule, f"'{split}'", nearest(split, splits))]


def check_split(dataset: str, split: str, splits: Sequence[str]) -> None:
    """Raise `DataError` unless `split` is one of `splits`."""
    problems = split_problems(split, splits)
    if problems:
        raise DataError([replace(item, where=dataset) for item in problems])


def split_check(splits: Sequence[str]) -> Callable[..., list[Problem]]:
    """Return a `DatasetInfo.check` that knows the names of the splits and nothing of options."""
    return lambda split, **_: split_problems(split, splits)
