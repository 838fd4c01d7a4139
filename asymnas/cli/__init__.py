"""The command line: one file a subcommand, no logic of its own."""

from asymnas.cli._app import app, main

__all__ = ["app", "main"]
