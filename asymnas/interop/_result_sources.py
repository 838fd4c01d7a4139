"""Which trackers lie in a folder or archive of result files, whatever toolkit wrote it."""

from __future__ import annotations

import contextlib
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asymnas.errors import DataError, Problem

__all__ = ["ResultSource", "result_sources"]

SUFFIXES = {".txt", ".json", ".csv", ".value", ".label"}
"""Files of an archive that are unpacked; result files of every toolkit end so."""

LIMIT = 8 * 2**30
"""Bytes that an archive may unpack to."""

DEPTH = 6
"""Folders below the given one in which trackers are looked for."""


@dataclass(frozen=True, slots=True)
class ResultSource:
    """One tracker's results.

    Args:
        path: the folder or file to read.
        shown: the same as the user knows it; a folder of an archive is `archive.tar.xz/folder`.
        unpacked: the temporary folder that the path lies in, None where nothing was unpacked.
        archive: the archive it came from.
    """

    path: Path
    shown: str
    unpacked: Path | None = None
    archive: Path | None = None

    def as_known(self, text: str) -> str:
        """Return a message with the temporary folder replaced by the archive's path."""
        return text if self.unpacked is None else text.replace(str(self.unpacked), str(self.archive))


@contextlib.contextmanager
def result_sources(path: Path, videos: Sequence[str]) -> Iterator[list[ResultSource]]:
    """Find the trackers in a path; archives are unpacked into a temporary folder for as long as the context lasts.

    A folder is one tracker's if files or folders in it are named like videos of the split, or if it has a
    `manifest.json`; otherwise the folders in it are searched. So `tracking_results/<tracker>/<parameters>/`,
    `results/GOT-10k/<tracker>/<video>/` and an archive of several trackers are all found.

    Args:
        path: a folder, a .zip or .tar[.gz|.xz|.bz2] archive, or one file of a format that holds a tracker in one file.
        videos: names of the videos of the split.

    Yields:
        The trackers, sorted by path. A folder without any is yielded as it is: its reader says what is wrong.

    Raises:
        DataError: the path does not exist, or the archive is broken, unsafe or too large.
    """
    if not path.exists():
        rule = "results must be a folder, an archive or a file that exists"
        raise DataError(Problem(str(path), rule, "nothing there", "Mend the path."))
    known = {_plain(name) for name in videos}
    kind = None if path.is_dir() else _archive(path)
    if kind is None:
        yield [ResultSource(found, str(found)) for found in _trackers(path, known)]
        return
    folder = Path(tempfile.mkdtemp(prefix="asymnas-results-"))
    try:
        _unpack(path, kind, folder)
        found = _trackers(folder, known)
        if kind == "zip" and len(found) == 1:  # a reader may know the archive's own form, as servers take it
            yield [ResultSource(path, str(path))]
        else:
            yield [ResultSource(item, str(path / item.relative_to(folder)), folder, path) for item in found]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _archive(path: Path) -> str | None:
    if zipfile.is_zipfile(path):
        return "zip"
    if tarfile.is_tarfile(path):
        return "tar"
    if path.suffix.lower() in {".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".rar"}:
        rule, way_out = "the archive must be a readable zip or tar", "Unpack it and give the folder."
        raise DataError(Problem(str(path), rule, f"{path.stat().st_size} bytes that are neither", way_out))
    return None


def _trackers(path: Path, known: set[str]) -> list[Path]:
    found = list(_search(path, known, 0)) if path.is_dir() else []
    return sorted(found) or [path]


def _search(folder: Path, known: set[str], depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        value = error.strerror or str(error)
        raise DataError(Problem(str(folder), "the folder must be readable", value, "Mend its rights.")) from None
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__MACOSX"))]
    stems = [entry.stem for entry in files] + [entry.name for entry in folders]
    if any(entry.name == "manifest.json" for entry in files) or any(_is_video(stem, known) for stem in stems):
        yield folder
    elif depth < DEPTH:
        for entry in folders:
            yield from _search(entry, known, depth + 1)


def _is_video(stem: str, known: set[str]) -> bool:
    return _plain(stem) in known or _plain(re.sub(r"_\d{3}$", "", stem)) in known


def _unpack(path: Path, kind: str, folder: Path) -> None:
    """Unpack the text files of an archive; names that lead out of the folder are refused."""
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                members = [item for item in archive.infolist() if _wanted(item.filename) and not item.is_dir()]
                _check_size(path, sum(item.file_size for item in members))
                archive.extractall(folder, members)
        else:
            with tarfile.open(path) as tar:
                chosen = [item for item in tar if item.isfile() and _wanted(item.name)]
                _check_size(path, sum(item.size for item in chosen))
                tar.extractall(folder, chosen, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        # zipfile says RuntimeError for a password and NotImplementedError for an unknown compression
        rule, way_out = "the archive must be readable", "Fetch it again, or unpack it and give the folder."
        raise DataError(Problem(str(path), rule, str(error), way_out)) from None


def _wanted(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith("__MACOSX")


def _check_size(path: Path, size: int) -> None:
    if size > LIMIT:
        rule, value = f"must unpack to at most {LIMIT // 2**30} GiB", f"{size / 2**30:.1f} GiB"
        raise DataError(Problem(str(path), rule, value, "Unpack it and give the folder."))
