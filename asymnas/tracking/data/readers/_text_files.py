"""The text files of a folder or of archives, by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from asymnas.core.archives import Entry, archive_entries, file_entry, is_archive
from asymnas.tracking.data.readers._annotations import decode

__all__ = ["TextFiles", "open_text_files"]

_TEXT = (".txt", ".json")


class TextFiles(dict[str, Entry]):
    """Text files by their names below a folder or in an archive, with `/`."""

    def text(self, name: str) -> str:
        """Return a file's content."""
        return decode(self[name].read())

    def where(self, name: str) -> str:
        """Return what messages call a file."""
        return self[name].where

    def folder(self, folder: str) -> dict[str, str]:
        """Return {stem: name} of the `.txt` files whose folder's last name is `folder`; "" for those of the top."""
        return {item.path.stem: name for name, item in self.items() if _is_text_of(item.path, folder)}

    def last(self, *names: str) -> str | None:
        """Return the first file whose last name is one of `names`."""
        return next((name for name, item in self.items() if item.path.name in names), None)


def _is_text_of(path: PurePosixPath, folder: str) -> bool:
    return path.suffix == ".txt" and path.parent.name == folder


def open_text_files(source: Path, folders: Iterable[str] = ("",)) -> TextFiles:
    """Return the text files of an archive, of one file, or of some folders below a folder.

    Args:
        source: an archive, a text file or a folder.
        folders: which folders below a folder are listed ("" for itself); benchmarks hold millions of other files.

    Raises:
        DataError: the archive is damaged.
    """
    if source.is_file():
        found = archive_entries(source, _TEXT) if is_archive(source) else [file_entry(source)]
    else:
        inner = [source / folder for folder in folders if (source / folder).is_dir()]
        items = [item for folder in inner for item in sorted(folder.iterdir())]
        found = [file_entry(item, item.relative_to(source).as_posix()) for item in items]
    wanted = [item for item in found if item.path.suffix in _TEXT and not item.path.name.startswith("._")]
    return TextFiles({str(item.path): item for item in wanted})
