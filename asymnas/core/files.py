"""Files: written whole or not at all, and where caches lie."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """Return the folder of what can be made again: `$ASYMNAS_CACHE`, else `asymnas` in the user's cache folder."""
    return Path(os.environ.get("ASYMNAS_CACHE") or user_cache_path("asymnas"))


def write_whole(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file: a temporary file beside it takes its place, so that readers see the old content or the new one.

    A link is followed and stays. A file that is there keeps its rights, a new one gets those of the umask. A device or
    pipe is written to, not replaced.

    Args:
        path: the file; its folder must exist.
        content: all of it.
        sync: wait until the content is on disk.

    Raises:
        OSError: it cannot be written; a regular file is as it was before.
    """
    try:
        mode: int | None = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(path, "wb") as file:
            file.write(content)
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if mode is not None and stat.S_IMODE(mode) != stat.S_IMODE(os.fstat(handle).st_mode):
                os.fchmod(handle, stat.S_IMODE(mode))
            if sync:
                os.fsync(handle)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
