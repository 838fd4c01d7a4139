"""What a run writes to disk, and what is told when the disk takes no more."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from asymnas.core.errors import Problem, RunFolderError
from asymnas.core.files import write_whole


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all; links are followed, and devices are written to.

    Raises:
        RunFolderError: the disk is full or cannot be written; what was there before is still there.
    """
    with disk_errors(path):
        write_whole(path, text.encode("utf-8"))
    return path


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn errors of the disk into messages about a path."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "Free some space; a run goes on with --resume." if full else "Check the path and its rights."
        rule = f"cannot be written ({error.strerror or error}); nothing that was there is lost"
        raise RunFolderError(Problem(str(path), rule, "", way_out)) from error
