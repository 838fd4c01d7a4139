"""The boxes in a run's folder, `boxes/<data set>/<tracker>/`: which of the files there the run wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BOXES", "EVALUATION", "box_files", "is_run_boxes", "leave_boxes", "torn_boxes"]

BOXES = "boxes"

EVALUATION = "evaluation"
"""Key of a run's manifests, which other result folders lack: the key of the score in evaluations.jsonl."""

MANIFEST, TIMES = "manifest.json", "times"
BOXES_MARK, SECONDS_MARK = b"# x,y,w,h", b"# seconds of"
"""How the files of a canonical result folder begin."""

TORN = re.compile(r"\..+\.(txt|json)\.[a-z0-9_]{8}\.tmp", re.ASCII)


def is_run_boxes(folder: Path) -> bool:
    """Whether the test stage of a run made a result folder."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == "asymnas-results" and EVALUATION in manifest


def box_files(run: Path) -> Iterator[Path]:
    """Yield the files that a run wrote below its `boxes/`; each manifest last, for it says whose the others are."""
    for folder in _folders(run):
        yield from _torn(folder)
        if is_run_boxes(folder):
            yield from _begun(folder, BOXES_MARK)
            yield from _begun(folder / TIMES, SECONDS_MARK)
            yield folder / MANIFEST


def torn_boxes(run: Path) -> Iterator[Path]:
    """Yield the files below `boxes/` that were being written when a run was killed."""
    for folder in _folders(run):
        yield from _torn(folder)


def leave_boxes(run: Path, folders: set[Path]) -> None:
    """Remove those of the folders, and those around them up to `boxes/`, that hold nothing any more."""
    top = run / BOXES
    around = {item for folder in folders for item in (folder, *folder.parents) if item == top or top in item.parents}
    for folder in sorted(around, key=lambda item: -len(item.parts)):
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()


def _folders(run: Path) -> Iterator[Path]:
    for dataset in _inside(run / BOXES):
        yield from (item for item in _inside(dataset) if item.is_dir())


def _torn(folder: Path) -> Iterator[Path]:
    for place in (folder, folder / TIMES):
        yield from (item for item in _inside(place) if TORN.fullmatch(item.name) and item.is_file())


def _begun(folder: Path, mark: bytes) -> Iterator[Path]:
    """Text files that begin with a mark, and empty ones, as a power cut leaves them."""
    for item in _inside(folder):
        if item.suffix == ".txt" and item.is_file():
            with item.open("rb") as file:
                if file.read(len(mark)) in (mark, b""):
                    yield item


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
