"""Files: read as text, written whole or not at all, and where caches are."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_path

from asymnas.core.errors import AsymNASError, Problem, RunFolderError


def cache_folder() -> Path:
    """Return the folder of what can be made again: `$ASYMNAS_CACHE`, else `asymnas` in the user's cache folder."""
    return Path(os.environ.get("ASYMNAS_CACHE") or user_cache_path("asymnas"))


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file, without the byte order mark that editors on Windows put before it."""
    return file.read_text(encoding="utf-8-sig")


@contextlib.contextmanager
def disk_errors(file: Path, error: type[AsymNASError] = RunFolderError) -> Iterator[None]:
    """Turn an `OSError` into an `error` that says that the file or folder cannot be written."""
    try:
        yield
    except OSError as fault:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "Free some space; a run goes on with --resume." if full else "Check the path and its rights."
        rule = f"cannot be written ({fault.strerror or fault}); nothing that was there is lost"
        raise error(Problem(str(file), rule, "", way_out)) from fault


def write_text(file: Path, text: str) -> Path:
    """Write a text file, see `write_whole`; an error of the disk is a `RunFolderError`."""
    with disk_errors(file):
        write_whole(file, text.encode("utf-8"))
    return file


def write_whole(file: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file: a temporary file beside it takes its place, so that readers see the old content or the new one.

    A link is followed and stays. A file that is there keeps its rights, a new one gets those of the umask. A device or
    pipe is written to, not replaced. `sync` waits until the content is on disk.
    """
    try:
        mode: int | None = os.stat(file).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(file, "wb") as device:
            device.write(content)
        return
    target = Path(os.path.realpath(file))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if mode is not None and stat.S_IMODE(mode) != stat.S_IMODE(os.fstat(handle).st_mode):
                os.fchmod(handle, stat.S_IMODE(mode))
            if sync:
                os.fsync(handle)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
