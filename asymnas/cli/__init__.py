"""The command line: one file a subcommand, no logic of its own."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.cli._app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the program."""
    try:
        from asymnas.cli._app import app  # here, because it takes a second or more in which Ctrl-C may come

        app()
    except KeyboardInterrupt:  # while the program starts
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries once more to write what is left, and complains
        sys.stderr.write(f"error: the output cannot be written ({error.strerror}). Free some space.\n")
        raise SystemExit(2) from None


__getattr__ = lazy(__name__, {"app": "asymnas.cli._app"})
