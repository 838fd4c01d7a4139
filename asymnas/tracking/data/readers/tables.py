"""What the readers of large training sets share: targets in a table, its index on disk, folders of XML files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import xml.etree.ElementTree as ElementTree
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import cache_folder
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.folders import raise_all
from asymnas.tracking.data.tracks import TrackTable, TrackVideos

__all__ = ["TableBuilder", "leaf_folders", "load_table", "read_folders", "read_xml"]

log = logging.getLogger("asymnas.tracking.data")

VERSION = 1
"""Part of every index's name; raised when readers or the index files change."""

_ARRAYS = ("names", "offsets", "folders", "folder", "scene", "files", "boxes", "sentences", "sentence")
_READERS = 8
_AHEAD = 4 * _READERS
"""Folders that are read together: of a set with a million files all would be gigabytes."""

Read = TypeVar("Read")


class TableBuilder:
    """Collects the targets of a `TrackTable`, and counts in `left_out` what is left out and why."""

    def __init__(self, dataset: str, root: Path, *, normalised: bool = False, images: bool = False) -> None:
        self.left_out: dict[str, int] = {}
        self.dataset, self.root = dataset, root
        self._normalised, self._images = normalised, images
        self._names: list[bytes] = []
        self._files: list[bytes] = []
        self._counts = array("q")
        self._codes: tuple[dict[bytes, int], dict[bytes, int], dict[bytes, int]] = ({}, {}, {})
        self._folder, self._scene, self._sentence = array("i"), array("i"), array("i")
        self._boxes = array("d")

    def skip(self, reason: str, count: int = 1) -> None:
        """Count rows that are left out for a reason."""
        self.left_out[reason] = self.left_out.get(reason, 0) + count

    def add(
        self,
        name: str,
        folder: str,
        files: Sequence[str],
        boxes: Iterable[float] | np.ndarray,
        *,
        scene: str | None = None,
        sentence: str | None = None,
    ) -> None:
        """Add a target with n `files` in a `folder` below the root, and its n * 4 numbers x, y, w, h.

        `scene` is what the targets of the same frames share, the folder by default.
        """
        folders, scenes, sentences = self._codes
        self._names.append(os.fsencode(name))
        self._folder.append(folders.setdefault(os.fsencode(folder), len(folders)))
        self._scene.append(scenes.setdefault(os.fsencode(folder if scene is None else scene), len(scenes)))
        text = None if sentence is None else sentence.encode("utf-8")
        self._sentence.append(-1 if text is None else sentences.setdefault(text, len(sentences)))
        self._counts.append(len(files))
        self._files.extend(map(os.fsencode, files))
        self._boxes.extend(np.asarray(boxes, dtype=np.float64).ravel())

    def finish(self) -> TrackTable:
        """Return the table; `DataError` if two targets have one name."""
        folders, _, sentences = self._codes
        names = np.array(self._names, dtype=np.bytes_)
        ordered = np.sort(names)
        same = ordered[1:] == ordered[:-1]
        if same.any():
            twice = os.fsdecode(ordered[1:][same][0])
            rule = "names of targets must be unique"
            raise DataError(Problem(str(self.root), rule, f"'{twice}' twice", "Correct the annotations."))
        return TrackTable(
            dataset=self.dataset,
            root=self.root,
            names=names,
            offsets=np.concatenate([[0], np.cumsum(np.array(self._counts, dtype=np.int64))]).astype(np.int64),
            folders=np.array(list(folders), dtype=np.bytes_),
            folder=np.array(self._folder, dtype=np.int32),
            scene=np.array(self._scene, dtype=np.int32),
            files=np.array(self._files, dtype=np.bytes_),
            boxes=np.frombuffer(self._boxes, dtype=np.float64).reshape(-1, 4),
            sentences=np.array(list(sentences), dtype=np.bytes_),
            sentence=np.array(self._sentence, dtype=np.int32),
            normalised=self._normalised,
            images=self._images,
        )


def load_table(
    dataset: str, split: str, stamps: Sequence[Path], read: Callable[[], TableBuilder], *, options: str, index: bool
) -> Dataset:
    """Return a lazy data set, from the index of an earlier load if nothing changed since.

    The index lies in `index` of the cache folder, and is found again by `options` and the names, sizes and times of
    `stamps` (files and folders); what is not among them, as single annotation files of a set with a million, can change
    unnoticed until the index is deleted. Its arrays are memory-mapped: processes share them. Without `index` the
    annotations are read always and nothing is written.
    """
    folder = (
        cache_folder() / "index" / f"{dataset}-{split.replace(os.sep, '_')}-{_key(dataset, split, stamps, options)}"
    )
    found = _load(folder) if index else None
    if found is None:
        if index:
            log.info("%s/%s: reading the annotations, once; the index goes to %s", dataset, split, folder)
        builder = read()
        table, left_out = builder.finish(), builder.left_out
        fingerprint = _fingerprint(table, split)
    else:
        table, left_out, fingerprint = found
    if not len(table):
        value = "; ".join(f"{count} left out: {reason}" for reason, count in left_out.items() if count) or "none"
        where = f"{dataset}/{split} in {table.root}"
        raise DataError(Problem(where, "the annotations must hold a target with frames", value, "Check the data root."))
    for reason, count in left_out.items():
        if count:
            log.warning("%s/%s: %d left out: %s", dataset, split, count, reason)
    if found is None and index:
        _save(folder, table, left_out, fingerprint)
    return Dataset(dataset, split, TrackVideos(table), fingerprint)


def _fingerprint(table: TrackTable, split: str) -> str:
    """Return 16 hex digits of what a table holds; where it lies is left out."""
    digest = hashlib.sha256(f"{table.dataset}\0{split}\0{table.normalised}\0{table.images}".encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(table, name)).data)
    return digest.hexdigest()[:16]


def _key(dataset: str, split: str, stamps: Iterable[Path], options: str) -> str:
    digest = hashlib.sha256(f"{VERSION}\0{dataset}\0{split}\0{options}".encode())
    for path in stamps:
        state = path.stat()
        digest.update(f"\0{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _load(folder: Path) -> tuple[TrackTable, dict[str, int], str] | None:
    try:
        facts = json.loads((folder / "index.json").read_text("utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        left_out, fingerprint, root = facts.pop("left_out"), facts.pop("fingerprint"), Path(facts.pop("root"))
        return TrackTable(root=root, **facts, **arrays), left_out, fingerprint
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, TypeError, KeyError, AttributeError) as error:
        log.warning("the index %s cannot be read (%s) and is made anew", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _save(folder: Path, table: TrackTable, left_out: dict[str, int], fingerprint: str) -> None:
    """Write the index beside its place and move it there, so that a killed process leaves no half of one."""
    facts = {item.name: getattr(table, item.name) for item in dataclasses.fields(table) if item.name not in _ARRAYS}
    facts = {**facts, "root": str(table.root), "left_out": left_out, "fingerprint": fingerprint}
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        for name in _ARRAYS:
            np.save(scratch / f"{name}.npy", getattr(table, name))
        (scratch / "index.json").write_text(json.dumps(facts), "utf-8")
        os.replace(scratch, folder)
    except OSError as error:
        if not (folder / "index.json").is_file():  # else another process was faster
            log.warning("the index of %s cannot be kept (%s): it is made anew every time", table.dataset, error)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def leaf_folders(top: Path) -> list[Path]:
    """Return the folders of files below `top`, in order of name; a folder holds either folders or files.

    Only one entry of each is looked at: sets have millions of files.
    """
    try:
        with os.scandir(top) as entries:
            first = next((entry for entry in entries if not entry.name.startswith(".")), None)
    except OSError as error:
        rule = "the folder must exist"
        raise DataError(Problem(str(top), rule, error.strerror or str(error), "Unpack the data set there.")) from None
    if first is None or not first.is_dir():
        return [top]
    folders = sorted(item.name for item in top.iterdir() if item.is_dir() and not item.name.startswith("."))
    return [leaf for name in folders for leaf in leaf_folders(top / name)]


def read_folders(folders: Sequence[Path], read: Callable[[Path], Read]) -> Iterator[tuple[Path, Read]]:
    """Yield what `read` makes of each folder, in order, several at once; all problems are raised after the last."""

    def attempt(folder: Path) -> Read | DataError:
        try:
            return read(folder)
        except DataError as error:
            return error

    problems: list[Problem] = []
    with ThreadPoolExecutor(_READERS, thread_name_prefix="asymnas-index") as pool:
        for start in range(0, len(folders), _AHEAD):
            some = folders[start : start + _AHEAD]
            for folder, found in zip(some, pool.map(attempt, some), strict=True):
                if isinstance(found, DataError):
                    problems.extend(found.problems)
                else:
                    yield folder, found
    raise_all(problems, str(folders[0].parent))


def read_xml(path: Path) -> list[tuple[str, bool, tuple[float, float, float, float]]]:
    """Return the objects of an ImageNet annotation: track id ("" for none), occluded, and box x, y, w, h, 0-based.

    Corners on disk are whole pixels that both belong to the box, so a side is one more than their difference.
    """
    try:
        found = []
        for item in ElementTree.parse(path).getroot().findall("object"):
            texts = [item.findtext(f"bndbox/{key}", f"no bndbox/{key}") for key in ("xmin", "xmax", "ymin", "ymax")]
            left, right, top, bottom = map(float, texts)
            if not all(map(math.isfinite, (left, right, top, bottom))):
                raise ValueError("a number that is not finite")
            occluded = item.findtext("occluded", "0").strip() == "1"
            box = (left, top, right - left + 1, bottom - top + 1)
            found.append((item.findtext("trackid", "").strip(), occluded, box))
        return found
    except (OSError, ValueError, ElementTree.ParseError) as error:
        rule = "must be an ImageNet annotation in XML with numbers in bndbox"
        raise DataError(Problem(str(path), rule, str(error), "Restore the file.")) from None
