"""Reading of text files that a user names: whole, but never without an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 16 * 2**20
"""Bytes; no job, search space or architecture comes near it."""

MOST_NODES = 500_000
"""Keys and values; a file with more grows without an end, by aliases of aliases."""


def read_text(path: Path) -> str:
    """Return the text of a regular file, without the byte order mark that editors on Windows put before it.

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
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def whole_characters(text: str) -> str:
    """Return a text of a JSON file that was read as YAML, with the halves of escaped characters joined.

    JSON writes a character outside the basic plane as two escapes, such as `\\ud83d\\ude80`; YAML reads two characters.

    Raises:
        ValueError: a half stands alone.
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError(f"half a character in {ascii(text)[:60]}") from None
