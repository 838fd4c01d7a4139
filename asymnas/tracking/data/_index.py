"""Indices of large data sets, kept as files so that only the first load reads the annotations."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import cache_folder
from asymnas.tracking.data._tracks import TrackTable

__all__ = ["Indexed", "index_folder", "indexed", "table_fingerprint"]

log = logging.getLogger("asymnas.tracking.data")

VERSION = 1
"""Part of every key; raised when readers or the form of the files change."""

_ARRAYS = ("names", "offsets", "folders", "folder", "scene", "files", "boxes", "sentences", "sentence")

_ABOUT = {"dataset", "root", "normalised", "images", "left_out", "fingerprint"}

Indexed = tuple[TrackTable, dict[str, int]]
"""A table, and the counts of what was left out by the reason."""


def index_folder() -> Path:
    """Return where indices lie: `index` in the environment's `ASYMNAS_CACHE`, else in `~/.cache/asymnas`."""
    return cache_folder() / "index"


def table_fingerprint(table: TrackTable, split: str) -> str:
    """Return 16 hex digits of what a table holds; where it lies is left out."""
    digest = hashlib.sha256(f"{table.dataset}\0{split}\0{table.normalised}\0{table.images}".encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(table, name)).data)
    return digest.hexdigest()[:16]


def indexed(
    dataset: str, split: str, stamps: Iterable[Path], read: Callable[[], Indexed], *, options: str, keep: bool
) -> tuple[TrackTable, str]:
    """Return a table and its fingerprint, from the files of an earlier load if nothing changed since.

    The index is found again by the paths, sizes and times of `stamps`; what is not among them, as single annotation
    files of a set with a million, can change unnoticed until the index is deleted. Loaded arrays are memory-mapped:
    processes share them.

    Args:
        dataset: registered name.
        split: split name.
        stamps: files and folders whose change makes the index anew.
        read: reads the annotations.
        options: what else the table depends on.
        keep: False reads the annotations always and writes nothing.

    Raises:
        DataError: the annotations cannot be read, or hold no target.
    """
    if not keep:
        table, left_out = read()
        return _checked(table, split, left_out), table_fingerprint(table, split)
    folder = index_folder() / f"{dataset}-{split.replace(os.sep, '_')}-{_key(dataset, split, stamps, options)}"
    found = _load(folder)
    if found is None:
        log.info("%s/%s: reading the annotations, once; the index goes to %s", dataset, split, folder)
        table, left_out = read()
        fingerprint = table_fingerprint(_checked(table, split, left_out), split)
        _save(folder, table, left_out, fingerprint)
        return table, fingerprint
    table, left_out, fingerprint = found
    return _checked(table, split, left_out), fingerprint


def _checked(table: TrackTable, split: str, left_out: dict[str, int]) -> TrackTable:
    for reason, count in left_out.items():
        if count:
            log.warning("%s/%s: %d left out: %s", table.dataset, split, count, reason)
    if not len(table):
        value = "; ".join(f"{count} left out: {reason}" for reason, count in left_out.items() if count) or "none"
        where = f"{table.dataset}/{split} in {table.root}"
        raise DataError(Problem(where, "the annotations must hold a target with frames", value, "Check the data root."))
    return table


def _key(dataset: str, split: str, stamps: Iterable[Path], options: str) -> str:
    digest = hashlib.sha256(f"{VERSION}\0{dataset}\0{split}\0{options}".encode())
    for path in stamps:
        state = path.stat()
        digest.update(f"\0{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _load(folder: Path) -> tuple[TrackTable, dict[str, int], str] | None:
    try:
        about = json.loads((folder / "index.json").read_text("utf-8"))
        if not isinstance(about, dict) or not about.keys() >= _ABOUT:
            raise ValueError("index.json lacks keys")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        log.warning("the index %s cannot be read (%s) and is made anew", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None
    root = Path(about["root"])
    table = TrackTable(about["dataset"], root, **arrays, normalised=about["normalised"], images=about["images"])
    return table, about["left_out"], about["fingerprint"]


def _save(folder: Path, table: TrackTable, left_out: dict[str, int], fingerprint: str) -> None:
    """Write the index beside its place and move it there, so that a killed process leaves no half of one."""
    about = {
        "dataset": table.dataset,
        "root": str(table.root),
        "normalised": table.normalised,
        "images": table.images,
        "left_out": left_out,
        "fingerprint": fingerprint,
    }
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        for name in _ARRAYS:
            np.save(scratch / f"{name}.npy", getattr(table, name))
        (scratch / "index.json").write_text(json.dumps(about), "utf-8")
        os.replace(scratch, folder)
    except OSError as error:
        if not (folder / "index.json").is_file():  # else another process was faster
            log.warning("the index of %s cannot be kept (%s): it is made anew every time", table.dataset, error)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
