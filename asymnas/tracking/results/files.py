"""Files that hold results, wherever they lie: in a folder, a zip or a tar archive; and atomic writing."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import write_whole

__all__ = ["Entry", "decode", "is_archive", "is_source", "open_source", "read_path", "replace_file"]

_LARGEST = 256 * 2**20
"""Bytes that one result file may have; a million frames need a tenth of that."""

_MOST = 4 * 2**30
"""Bytes that all the files of an archive may unpack to."""

_WANTED = (".txt", ".json", ".value", ".csv")
_JUNK = re.compile(r"(^|/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini)(/|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path below the source, how it is called in messages, and how it is read."""

    path: PurePosixPath
    where: str
    read: Callable[[], bytes]


def is_archive(path: Path) -> bool:
    """Tell whether a path is named as an archive that can be read."""
    return path.name.lower().endswith((".zip", ".tar", ".tar.xz", ".tar.gz", ".tar.bz2", ".tgz", ".txz"))


def is_source(path: Path) -> bool:
    """Tell whether something is at a path, or whether it names a folder inside an archive that is.

    Raises:
        DataError: it cannot be looked at.
    """
    return _there(path) or any(is_archive(parent) and _there(parent) for parent in path.parents)


def open_source(path: Path) -> tuple[Path, list[Entry], int]:
    """Find the files below a folder, in an archive, or in a folder inside an archive (`a.zip/inner`).

    Returns:
        the folder or archive itself, its files with paths relative to what was asked for, and the number of files
        that are of no kind that holds results.

    Raises:
        DataError: nothing is there, a folder cannot be listed, the archive is broken, or it holds names that leave it.
    """
    outer, inner = _split(path)
    if outer.is_dir():
        entries = _listed(outer)
    elif not is_archive(outer) and outer.suffix in (".txt", ".json"):
        entries = [Entry(PurePosixPath(outer.name), str(outer), read_path(outer))]
    else:
        entries = list(_archive(outer))
    if inner.parts:
        entries = [Entry(e.path.relative_to(inner), e.where, e.read) for e in entries if e.path.is_relative_to(inner)]
        if not entries:
            raise DataError(Problem(str(path), "the archive must hold this folder", f"none in {outer.name}"))
    entries = [entry for entry in entries if not _JUNK.search(str(entry.path))]
    kept = [entry for entry in entries if entry.path.suffix.lower() in _WANTED]
    return outer, kept, len(entries) - len(kept)


def read_path(path: Path) -> Callable[[], bytes]:
    """Return how a file on disk is read."""

    def read() -> bytes:
        try:
            if path.stat().st_size > _LARGEST:
                raise _too_large(str(path))
            return path.read_bytes()
        except OSError as error:
            raise DataError(Problem(str(path), "the file must be readable", error.strerror or str(error))) from None

    return read


def _listed(folder: Path) -> list[Entry]:
    """Return the files below a folder in order, those of linked folders too.

    Raises:
        DataError: folders that cannot be listed, each named.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []

    def walk(place: Path, name: PurePosixPath, above: tuple[str, ...]) -> None:
        real = os.path.realpath(place)
        if real in above:  # a link back to where it lies in
            return
        try:
            with os.scandir(place) as found:
                items = sorted((item.name, item.is_dir(), item.is_file()) for item in found)
        except OSError as error:
            out = "Mend its rights, or move it away."
            problems.append(Problem(str(place), "the folder must be readable", error.strerror or str(error), out))
            return
        for item, is_folder, is_file in items:
            inside = place / item
            if is_folder and not _JUNK.search(item):
                walk(inside, name / item, (*above, real))
            elif is_file:
                entries.append(Entry(name / item, str(inside), read_path(inside)))

    walk(folder, PurePosixPath(), ())
    if problems:
        raise DataError(problems)
    return entries


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        value, out = error.strerror or str(error), "Mend the path or its rights."
        raise DataError(Problem(str(path), "results must be reachable", value, out)) from None


def _split(path: Path) -> tuple[Path, PurePosixPath]:
    """Part a path into what exists on disk and the folder inside an archive."""
    if _there(path):
        return path, PurePosixPath()
    for parent in path.parents:
        if parent.is_file() and is_archive(parent):
            return parent, PurePosixPath(path.relative_to(parent).as_posix())
    out = "Give a folder of results, or a .zip, .tar.xz or .tar.gz of one."
    raise DataError(Problem(str(path), "results must exist", "nothing is there", out))


def _archive(path: Path) -> Iterator[Entry]:
    """Yield the files of an archive; tar archives are read at once, because they cannot be read in any order."""
    try:
        if zipfile.is_zipfile(path):
            yield from _zip(path)
        elif tarfile.is_tarfile(path):
            yield from _tar(path)
        else:
            out = "Give a folder, a .zip, a .tar.xz or a .tar.gz."
            raise DataError(Problem(str(path), "must be a folder or an archive of result files", "something else", out))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError, NotImplementedError) as error:
        raise _broken(path, error) from None


def _zip(path: Path) -> Iterator[Entry]:
    archive = zipfile.ZipFile(path)  # stays open for as long as one of its entries can be read
    infos = [info for info in archive.infolist() if not info.is_dir()]
    _check_names(path, [info.filename for info in infos])
    _check_size(path, sum(info.file_size for info in infos))
    for info in infos:
        where = f"{path}/{info.filename}"

        def read(info: zipfile.ZipInfo = info, where: str = where) -> bytes:
            if info.file_size > _LARGEST:
                raise _too_large(where)
            try:
                return archive.read(info)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
                raise _broken(Path(where), error) from None

        yield Entry(_clean(info.filename), where, read)


def _tar(path: Path) -> Iterator[Entry]:
    with tarfile.open(path) as archive:
        total, seen = 0, []
        for member in archive:
            _check_names(path, [member.name])
            total += member.size
            _check_size(path, total)
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            seen.append(member.name)
            where = f"{path}/{member.name}"
            if member.size > _LARGEST:
                raise _too_large(where)
            data = stream.read() if _clean(member.name).suffix.lower() in _WANTED else b""
            yield Entry(_clean(member.name), where, _held(data))
    _check_names(path, seen)


def _held(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _clean(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _check_names(path: Path, names: list[str]) -> None:
    """Refuse names that would leave the archive, and names that are there twice."""
    out = "Do not trust this archive; ask for another copy."
    problems = [
        Problem(str(path), "names in an archive must stay inside it", f"'{name}'", out)
        for name in names
        if _clean(name).is_absolute() or ".." in _clean(name).parts or re.match(r"[A-Za-z]:", name)
    ]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    problems += [Problem(str(path), "a file must be in an archive once", f"'{name}' twice") for name in twice]
    if problems:
        raise DataError(problems)


def _check_size(path: Path, size: int) -> None:
    if size > _MOST:
        raise DataError(Problem(str(path), f"an archive must unpack to {_MOST >> 30} GiB at most", f"{size} bytes"))


def _too_large(where: str) -> DataError:
    return DataError(Problem(where, f"a result file must have {_LARGEST >> 20} MiB at most", "a larger one"))


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        Problem(str(path), "the archive must be whole", str(error) or type(error).__name__, "Fetch again.")
    )


def decode(entry: Entry) -> tuple[str, str]:
    """Return a file's text, line ends made plain, and a note on its encoding ("" for UTF-8).

    Raises:
        DataError: bytes that are neither UTF-8 nor UTF-16 with its mark; the message names the line.
    """
    data, note = entry.read(), ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding, note = "utf-16", "UTF-16 text"
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        value = f"byte 0x{data[error.start]:02x}"
        out = "Save the file as plain text; box files hold numbers only."
        raise DataError(Problem(f"{entry.where}:{line}", "the text must be UTF-8", value, out)) from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, note


def replace_file(path: Path, data: bytes) -> None:
    """Write a file at once: readers see the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, sync=False)
