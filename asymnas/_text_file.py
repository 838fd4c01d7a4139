"""Reading of text files that a user names: whole, but never without an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["LARGEST", "read_text"]

LARGEST = 16 * 2**20
"""Bytes; no job, search space or architecture comes near it."""


def read_text(path: Path) -> str:
    """Return the text of a regular file.

    Raises:
        OSError: the file cannot be read, is a device, pipe or folder, or has more than `LARGEST` bytes.
        UnicodeDecodeError: it is not UTF-8 text.
    """
    if "\0" in os.fspath(path):
        raise OSError(errno.EINVAL, "its name holds a zero byte")
    if not stat.S_ISREG(path.stat().st_mode):  # asked before it is opened: opening a pipe waits for its other end
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST // 2**20} MiB", os.fspath(path))
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
