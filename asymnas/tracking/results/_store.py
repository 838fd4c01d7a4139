"""Putting files in place together: first every conflict is looked for, then each file appears at once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.results.files import replace_file

__all__ = ["packed", "store"]

_EPOCH = (1980, 1, 1, 0, 0, 0)


def packed(files: Mapping[str, bytes], tracker: str) -> bytes:
    """Return a zip of files; equal files give equal bytes. The tracker's name is the comment of the archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = tracker.encode()
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return stream.getvalue()


def store(files: Mapping[Path, bytes], *, overwrite: bool) -> list[Path]:
    """Write all files, or none where one would be lost.

    Raises:
        DataError: without `overwrite`, a file is there with other content; or a place cannot be written.
    """
    if not overwrite:
        lost = [path for path, data in files.items() if path.exists() and not _holds(path, data)]
        if lost:
            out = "Give another place or name, or overwrite=True to replace them."
            rule = "results that are there already must not be lost"
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            raise DataError(Problem(str(lost[0]), rule, f"other content there{more}", out))
    for path, data in files.items():
        try:
            replace_file(path, data)
        except OSError as error:
            value = error.strerror or str(error)
            raise DataError(Problem(str(path), "the file must be writable", value, "Give another place.")) from None
    return list(files)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
