"""The text files of a folder or of archives, under one kind of name."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data.readers._annotations import decode, read_text

__all__ = ["ARCHIVES", "TextFiles", "is_archive", "open_text_files"]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")
_TEXT = (".txt", ".json")
_LIMIT = 64 * 2**20  # bytes of one file; an annotation is far smaller, an archive may claim anything


class _BoxFile(NamedTuple):
    where: str
    content: bytes | Path


class TextFiles:
    """Text files by their names below a folder or in an archive, with `/`."""

    def __init__(self) -> None:
        self._files: dict[str, _BoxFile] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def add(self, name: str, where: str, content: bytes | Path) -> None:
        """Add a file; a file of the same name that is there already is kept."""
        self._files.setdefault(name, _BoxFile(where, content))

    def update(self, other: TextFiles) -> None:
        """Add the files of another."""
        for name, file in other._files.items():
            self.add(name, *file)

    def text(self, name: str) -> str:
        """Return a file's content."""
        content = self._files[name].content
        return decode(content) if isinstance(content, bytes) else read_text(content)

    def where(self, name: str) -> str:
        """Return a file's place, for messages."""
        return self._files[name].where

    def folder(self, folder: str) -> dict[str, str]:
        """Return {stem: name} of the `.txt` files whose folder's last name is `folder`; "" for those of the top."""
        paths = [PurePosixPath(name) for name in self._files]
        return {path.stem: str(path) for path in paths if path.suffix == ".txt" and path.parent.name == folder}

    def last(self, *names: str) -> str | None:
        """Return the first file whose last name is one of `names`."""
        return next((name for name in self._files if PurePosixPath(name).name in names), None)


def is_archive(path: Path) -> bool:
    """Whether the file's name is that of an archive that can be read."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def open_text_files(path: Path, folders: Iterable[str] = ("",)) -> TextFiles:
    """Return the text files of an archive, of one file, or of some folders below a folder.

    Args:
        path: an archive, a text file or a folder.
        folders: which folders below a folder are listed ("" for itself); benchmarks hold millions of other files.

    Raises:
        DataError: the archive is damaged, or holds text files that no annotation is as large as.
    """
    files = TextFiles()
    if is_archive(path):
        for name, content in _members(path):
            files.add(name, f"{path}:{name}", content)
    elif path.is_file():
        files.add(path.name, str(path), path)
    else:
        for folder in folders:
            inner = path / folder
            for item in sorted(inner.iterdir()) if inner.is_dir() else ():
                if item.suffix in _TEXT:
                    files.add(item.relative_to(path).as_posix(), str(item), item)
    return files


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        yield from _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)
    except (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise DataError(
            Problem(str(path), "the archive must be whole", str(error) or type(error).__name__, "Download it again.")
        ) from error


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            if _wanted(path, item.filename, item.file_size):
                yield item.filename.removeprefix("./"), archive.read(item)


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for item in archive:
            if not item.isfile() or not _wanted(path, item.name, item.size):
                continue
            file = archive.extractfile(item)
            if file is not None:
                yield item.name.removeprefix("./"), file.read()


def _wanted(path: Path, name: str, size: int) -> bool:
    if not name.endswith(_TEXT) or PurePosixPath(name).name.startswith("._"):  # what macOS adds to archives
        return False
    if size > _LIMIT:
        rule = f"a text file of annotations must be below {_LIMIT // 2**20} MiB"
        raise DataError(Problem(f"{path}:{name}", rule, f"{size / 2**20:.0f} MiB", "Give the annotations' archive."))
    return True
