"""Files of a folder, a zip or a tar archive, all read in one way."""

from __future__ import annotations

import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from asymnas.core.errors import DataError, Problem

__all__ = ["Entry", "archive_entries", "file_entry", "folder_entries", "is_archive", "is_source", "open_source"]

ENDINGS = (".zip", ".tar", ".tar.xz", ".tar.gz", ".tar.bz2", ".tgz", ".txz")
_JUNK = re.compile(r"(^|/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini)(/|$)")
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, RuntimeError, OSError)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path below the source, its name in messages, and the function that reads it."""

    path: PurePosixPath
    where: str
    read: Callable[[], bytes]


def is_archive(file: Path) -> bool:
    """Return whether a file is named as an archive that can be read."""
    return file.name.lower().endswith(ENDINGS)


def is_source(source: Path) -> bool:
    """Return whether a file or folder exists, or names a folder inside an archive that does.

    Raises:
        DataError: it cannot be looked at.
    """
    return _exists(source) or any(is_archive(parent) and _exists(parent) for parent in source.parents)


def open_source(source: Path, endings: tuple[str, ...]) -> tuple[Path, list[Entry], int]:
    """Find the files below a folder, in an archive, or in a folder inside an archive (`a.zip/inner`).

    Returns:
        the folder or archive itself, its files of these endings, and the number of other files.

    Raises:
        DataError: nothing is there, a folder cannot be listed, or the archive is broken.
    """
    outer, inner = source, PurePosixPath()
    if not _exists(source):
        outer = next((parent for parent in source.parents if is_archive(parent) and parent.is_file()), source)
        inner = PurePosixPath(source.relative_to(outer).as_posix())
    if not _exists(outer):
        way_out = "Give a folder, or a .zip, .tar.xz or .tar.gz of one."
        raise DataError(Problem(str(source), "must exist", "nothing is there", way_out))
    if outer.is_dir():
        entries = list(folder_entries(outer))
    elif not is_archive(outer) and outer.suffix in endings:
        entries = [file_entry(outer)]
    else:
        entries = archive_entries(outer, endings)
    if inner.parts:
        entries = [Entry(e.path.relative_to(inner), e.where, e.read) for e in entries if e.path.is_relative_to(inner)]
        if not entries:
            raise DataError(Problem(str(source), "the archive must hold this folder", f"none in {outer.name}"))
    entries = [entry for entry in entries if not _JUNK.search(str(entry.path))]
    kept = [entry for entry in entries if entry.path.suffix.lower() in endings]
    return outer, kept, len(entries) - len(kept)


def folder_entries(folder: Path) -> Iterator[Entry]:
    """Yield the files below a folder, sorted, those of linked folders too.

    Raises:
        DataError: folders that cannot be listed, each named.
    """
    problems: list[Problem] = []

    def refuse(error: OSError) -> None:
        rule, value = "the folder must be readable", error.strerror or str(error)
        problems.append(Problem(str(error.filename), rule, value, "Correct its rights, or move it away."))

    found: list[Path] = []
    for place, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(place) + os.sep
        folders[:] = [  # without hidden ones, and without links back to a folder that they lie in
            name
            for name in folders
            if not _JUNK.search(name) and not real.startswith(os.path.realpath(os.path.join(place, name)) + os.sep)
        ]
        found += [Path(place, name) for name in names]
    if problems:
        raise DataError(problems)
    for file in sorted(found):
        yield file_entry(file, file.relative_to(folder).as_posix())


def file_entry(file: Path, name: str | None = None) -> Entry:
    """Return a file on disk, under another name if given."""

    def read() -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            rule, value = "the file must be readable", error.strerror or str(error)
            raise DataError(Problem(str(file), rule, value, "Restore the file.")) from None

    return Entry(PurePosixPath(name or file.name), str(file), read)


def archive_entries(archive: Path, endings: tuple[str, ...]) -> list[Entry]:
    """Return the files of an archive in its order; of a tar, those of other `endings` are listed without content.

    Raises:
        DataError: it is broken, or no archive.
    """
    try:
        if zipfile.is_zipfile(archive):
            content = zipfile.ZipFile(archive)  # stays open for as long as one of its entries can be read
            names = [info.filename for info in content.infolist() if not info.is_dir()]
            return [_entry(archive, name, partial(content.read, name)) for name in names]
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as members:  # read at once: it is slow in any order but its own
                return [
                    _entry(archive, member.name, partial(bytes, stream.read() if _ends(member.name, endings) else b""))
                    for member in members
                    if member.isfile() and (stream := members.extractfile(member)) is not None
                ]
    except _BROKEN as error:
        raise _not_whole(str(archive), error) from None
    if is_archive(archive):
        raise _not_whole(str(archive), "something else")
    way_out = "Give a folder, a .zip, a .tar.xz or a .tar.gz."
    raise DataError(Problem(str(archive), "must be a folder or an archive", "something else", way_out))


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings)


def _entry(archive: Path, name: str, content: Callable[[], bytes]) -> Entry:
    where = f"{archive}/{name}"

    def read() -> bytes:
        try:
            return content()
        except _BROKEN as error:
            raise _not_whole(where, error) from None

    return Entry(PurePosixPath(name.replace("\\", "/")), where, read)


def _not_whole(where: str, error: Exception | str) -> DataError:
    return DataError(Problem(where, "the archive must be whole", str(error) or type(error).__name__, "Fetch it again."))


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        value = error.strerror or str(error)
        raise DataError(Problem(str(file), "must be reachable", value, "Correct the path or its rights.")) from None
