"""Tracking's part of a run's report: test videos as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.report import Figure, Section
from asymnas.tracking.task.keeper import STRIPS

if TYPE_CHECKING:
    from asymnas.runs.read import RunData

__all__ = ["tracking_sections"]


def tracking_sections(run: RunData) -> list[Section]:
    """Return the strips of a run's test videos, those of the best followed first; nothing where there are none."""
    files = sorted((run.path / STRIPS).glob("*.jpg"))
    if not files:
        return []
    note = (
        "Held-out test videos, at equal ranks from the one that the found tracker follows best to the one it follows "
        "worst; the first frame, whose box is given, is left out. Numbers are the scores of the video."
    )
    figures = tuple(Figure(file.read_bytes(), "jpg", file.stem) for file in files)
    return [Section("What it looks like", note=note, figures=figures)]
