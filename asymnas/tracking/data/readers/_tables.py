"""What the readers of large training sets share: collecting targets into a table, folders of XML files."""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ElementTree
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._index import Indexed, indexed
from asymnas.tracking.data._tracks import TrackTable, TrackVideos
from asymnas.tracking.data._video import Dataset

__all__ = ["TableBuilder", "leaf_folders", "load_table", "read_folders", "read_xml"]

_SHOWN = 20
_READERS = 8
_AHEAD = 4 * _READERS
_CHUNK = 65536

Read = TypeVar("Read")


class _Texts:
    """Texts that are put into arrays as they come: as objects of Python millions of them take gigabytes."""

    def __init__(self) -> None:
        self._full: list[np.ndarray] = []
        self._last: list[bytes] = []

    def extend(self, texts: Iterable[str]) -> None:
        self._last.extend(map(os.fsencode, texts))
        if len(self._last) >= _CHUNK:
            self._full.append(np.array(self._last, dtype=np.bytes_))
            self._last = []

    def take(self) -> np.ndarray:
        """Return all texts, (n,) bytes; they are held no longer here."""
        parts, self._full = [*self._full, np.array(self._last, dtype=np.bytes_)], []
        self._last = []
        return np.concatenate(parts)


class TableBuilder:
    """Collects the targets of a data set, one after the other.

    Args:
        dataset: registered name.
        root: the folder that folders of frames are relative to.
        normalised: see `TrackTable`.
        images: see `TrackTable`.
    """

    def __init__(self, dataset: str, root: Path, *, normalised: bool = False, images: bool = False) -> None:
        self.left_out: dict[str, int] = {}
        self.dataset, self.root = dataset, root
        self._normalised, self._images = normalised, images
        self._names, self._files = _Texts(), _Texts()
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
        """Add a target.

        Args:
            name: unique.
            folder: folder of its frames, relative to the root.
            files: n file names in that folder.
            boxes: n * 4 numbers x, y, w, h in pixels, 0-based (or shares of the image).
            scene: what the targets of the same frames share; the folder by default.
            sentence: its description.
        """
        folders, scenes, sentences = self._codes
        place, spot = os.fsencode(folder), os.fsencode(folder if scene is None else scene)
        self._names.extend([name])
        self._folder.append(folders.setdefault(place, len(folders)))
        self._scene.append(scenes.setdefault(spot, len(scenes)))
        text = None if sentence is None else sentence.encode("utf-8")
        self._sentence.append(-1 if text is None else sentences.setdefault(text, len(sentences)))
        self._counts.append(len(files))
        self._files.extend(files)
        self._boxes.extend(np.asarray(boxes, dtype=np.float64).ravel())

    def finish(self) -> Indexed:
        """Return the table and what was left out.

        Raises:
            DataError: two targets have one name.
        """
        folders, _, sentences = self._codes
        names = self._names.take()
        ordered = np.sort(names)
        same = ordered[1:] == ordered[:-1]
        if same.any():
            twice = os.fsdecode(ordered[1:][same][0])
            rule = "names of targets must be unique"
            raise DataError(Problem(str(self.root), rule, f"'{twice}' twice", "Mend the annotations."))
        table = TrackTable(
            dataset=self.dataset,
            root=self.root,
            names=names,
            offsets=np.concatenate([[0], np.cumsum(np.array(self._counts, dtype=np.int64))]).astype(np.int64),
            folders=np.array(list(folders), dtype=np.bytes_),
            folder=np.array(self._folder, dtype=np.int32),
            scene=np.array(self._scene, dtype=np.int32),
            files=self._files.take(),
            boxes=np.frombuffer(self._boxes, dtype=np.float64).reshape(-1, 4),
            sentences=np.array(list(sentences), dtype=np.bytes_),
            sentence=np.array(self._sentence, dtype=np.int32),
            normalised=self._normalised,
            images=self._images,
        )
        return table, self.left_out


def load_table(
    dataset: str, split: str, stamps: Iterable[Path], read: Callable[[], Indexed], *, options: str, index: bool
) -> Dataset:
    """Return a lazy data set; see `asymnas.tracking.data._index.indexed`."""
    table, fingerprint = indexed(dataset, split, stamps, read, options=options, keep=index)
    return Dataset(dataset, split, TrackVideos(table), fingerprint)


def leaf_folders(top: Path) -> list[Path]:
    """Return the folders of files below `top`, in order of name; a folder holds either folders or files.

    Only one entry of each is looked at: sets have millions of files.

    Raises:
        DataError: `top` is no folder.
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
    """Yield what `read` makes of each folder, in order; several are read at once, for disks that answer slowly.

    What is read and not yet taken is a few folders: of a set with a million files it would be gigabytes.

    Raises:
        DataError: all problems of all folders (the first 20 in words), after the last.
    """
    problems: list[Problem] = []
    left = iter(folders)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="asymnas-index") as pool:
        ahead = deque((folder, pool.submit(read, folder)) for folder in islice(left, _AHEAD))
        while ahead:
            folder, task = ahead.popleft()
            ahead.extend((later, pool.submit(read, later)) for later in islice(left, 1))
            try:
                found = task.result()
            except DataError as error:
                problems.extend(error.problems)
                continue
            finally:
                del task
            yield folder, found
    if problems:
        more = len(problems) - _SHOWN
        tail = [Problem(str(folders[0].parent), f"{more} more problems")] if more > 0 else []
        raise DataError(problems[:_SHOWN] + tail)


def read_xml(path: Path) -> list[tuple[str, bool, tuple[float, float, float, float]]]:
    """Return the objects of an ImageNet annotation: track id ("" for none), occluded, and box x, y, w, h, 0-based.

    Corners on disk are whole pixels that both belong to the box, so a side is one more than their difference.

    Raises:
        DataError: the file is unreadable or no such annotation.
    """
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
        found = []
        for item in objects:
            left, right, top, bottom = (float(_text(item, f"bndbox/{key}")) for key in ("xmin", "xmax", "ymin", "ymax"))
            if not all(map(math.isfinite, (left, right, top, bottom))):
                raise ValueError("a number that is not finite")
            occluded = (item.findtext("occluded") or "0").strip() == "1"
            box = (left, top, right - left + 1, bottom - top + 1)
            found.append(((item.findtext("trackid") or "").strip(), occluded, box))
        return found
    except (OSError, ValueError, ElementTree.ParseError) as error:
        rule = "must be an ImageNet annotation in XML with numbers in bndbox"
        raise DataError(Problem(str(path), rule, str(error), "Restore the file.")) from None


def _text(item: ElementTree.Element, key: str) -> str:
    text = item.findtext(key)
    if text is None:
        raise ValueError(f"no {key}")
    return text
