"""Folders of data sets below the data root, and the errors of reading them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.registry import dataset_info

__all__ = ["NotThere", "dataset_folder", "find_folder", "raise_all", "readable"]

_SHOWN = 20


class NotThere(DataError):
    """The folder of a benchmark, or of a split, is not in the data root."""


@contextmanager
def readable(where: Path) -> Iterator[None]:
    """Make the refusal of a file or folder, which any look at it can meet, an error of the user's."""
    try:
        yield
    except OSError as error:
        rule, value = "the files of the data set must be readable", error.strerror or str(error)
        raise DataError(Problem(str(error.filename or where), rule, value, "Correct the path or its rights.")) from None


def find_folder(root: Path, names: Sequence[str], layout: str) -> Path:
    """Return the first of the folders `names` that lies in the data root, or the root itself if it is called so."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    if root.name in names:
        return root
    rule = f"the data root must hold {layout}"
    found = ", ".join(sorted(item.name for item in root.iterdir() if item.is_dir())[:8]) or "no folder"
    raise NotThere(Problem(str(root), rule, found, "Unpack the benchmark there, or correct the data root."))


def dataset_folder(root: Path, name: str, inner: str = "") -> Path:
    """Return the folder of a data set in the data root, or a folder in it; `NotThere` shows the layout."""
    info = dataset_info(name)
    folder = find_folder(root, info.folders, info.layout)
    return find_folder(folder, (inner,), info.layout) if inner else folder


def raise_all(problems: Sequence[Problem], where: str) -> None:
    """Raise `DataError` with the problems, if there are any: the first 20 in words, the others counted."""
    more = len(problems) - _SHOWN
    if problems:
        rest = [Problem(where, f"{more} more problems", "", "`asymnas data check` lists all.")] if more > 0 else []
        raise DataError([*problems[:_SHOWN], *rest])
