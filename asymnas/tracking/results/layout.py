"""Which files are whose: finds the trackers below a source, and each one's boxes, scores and seconds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from asymnas.core.archives import Entry, open_source
from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.results.canonical import MANIFEST, TIMES

__all__ = ["ENDINGS", "Found", "VideoEntries", "choose", "find_trackers", "list_trackers"]

ENDINGS = (".txt", ".json", ".value", ".csv")
"""Endings of files that may hold results."""

_OWN = re.compile(r"(\d{3}(\.txt|_confidence\.value)|time\.txt|\d{3}_time\.(txt|value))")
_SIDES = {
    "_time.txt": "seconds",
    "_time.value": "seconds",
    "_object_presence_scores.txt": "scores",
    "_confidence.value": "scores",
}
_REPEAT = re.compile(r"^(?P<video>.+)_(?P<number>\d{3})$")
_ENDING = re.compile(r"\.(zip|tar|tar\.(gz|xz|bz2)|t[gx]z|txt|json)$", re.IGNORECASE)
_SUFFIX = "_tracking_result"


@dataclass(slots=True)
class VideoEntries:
    """The files of one video: boxes of each repetition, seconds and scores where they are there."""

    boxes: dict[int, Entry] = field(default_factory=dict)
    seconds: Entry | None = None
    scores: Entry | None = None


@dataclass(slots=True)
class Found:
    """One tracker's files."""

    folder: PurePosixPath  # below the source, "." for the source itself
    tracker: str
    format: str  # "asymnas", "got10k" (a folder a video), "otb-json" or "text"
    videos: dict[str, VideoEntries] = field(default_factory=dict)  # name in the files -> its files
    manifest: Entry | None = None
    longterm: bool = False  # first lines of a single 1 may stand for the given box


def list_trackers(path: Path | str) -> list[str]:
    """Return the folders below `path` (a folder or archive) that hold results of a tracker each, "." for itself.

    `read_results(Path(path) / folder)` reads one of them, inside archives too. A broken archive is a `DataError`.
    """
    return [str(found.folder) for found in find_trackers(Path(path), open_source(Path(path), ENDINGS)[1])]


def find_trackers(path: Path, entries: Sequence[Entry]) -> list[Found]:
    """Group files by the tracker they are of; `path` names the one whose files lie at the top."""
    roots: dict[PurePosixPath, list[Entry]] = defaultdict(list)
    canonical = {entry.path.parent for entry in entries if entry.path.name == MANIFEST}
    for entry in entries:
        folder = entry.path.parent
        if folder.name == TIMES or (folder not in canonical and _in_own_folder(entry.path)):
            folder = folder.parent
        roots[folder].append(entry)
    found = [_tracker(path, folder, files, folder in canonical) for folder, files in sorted(roots.items())]
    return [tracker for tracker in found if tracker.videos or tracker.manifest]


def _in_own_folder(path: PurePosixPath) -> bool:
    """Return whether a file lies in a folder of its video, as GOT-10k and long-term results do."""
    start = f"{path.parent.name}_"
    return start != "_" and path.name.startswith(start) and bool(_OWN.fullmatch(path.name.removeprefix(start)))


def _tracker(path: Path, folder: PurePosixPath, files: Sequence[Entry], canonical: bool) -> Found:
    name = folder.name or _ENDING.sub("", path.name)
    found = Found(folder, name.removesuffix(_SUFFIX) or name, "text")
    names = {entry.path for entry in files}
    for entry in files:
        kind, video, repeat = _role(entry.path, folder, names, canonical)
        if kind == "manifest":
            found.manifest = entry
            continue
        if kind == "json":
            found.format = "otb-json"
        elif repeat:
            found.format = "got10k"
        record = found.videos.setdefault(video, VideoEntries())
        if kind in ("boxes", "json"):
            record.boxes[repeat or 1] = entry
        elif kind == "seconds":
            record.seconds = entry
        else:
            record.scores = entry
            found.longterm |= entry.path.name.endswith("_confidence.value")
    found.videos = {video: record for video, record in found.videos.items() if record.boxes}
    if canonical:
        found.format = "asymnas"
    return found


def _role(
    path: PurePosixPath, folder: PurePosixPath, names: set[PurePosixPath], canonical: bool
) -> tuple[str, str, int | None]:
    """Return what a file holds, of which video, and its repetition (None for a file that is the only one)."""
    if path.name == MANIFEST and canonical:
        return "manifest", "", None
    if canonical:
        return ("seconds" if path.parent != folder else "boxes"), path.stem, None
    if path.suffix.lower() == ".json":
        return "json", path.stem, None
    own = path.parent != folder and path.parent.name != TIMES
    if own:
        for ending, kind in _SIDES.items():
            if path.name.endswith(ending):
                return kind, path.parent.name, None
        match = _REPEAT.match(path.stem)
        return "boxes", path.parent.name, int(match["number"]) if match else None
    for ending, kind in _SIDES.items():
        stem = path.name.removesuffix(ending)
        if stem != path.name and (path.parent.name == TIMES or folder / f"{stem}.txt" in names):
            return kind, stem, None
    return ("seconds" if path.parent.name == TIMES else "boxes"), path.stem, None


def choose(path: Path, found: Sequence[Found], tracker: str | None) -> Found:
    """Return the only tracker, or the one asked for."""
    if not found:
        out = "Expected a text file or a folder a video (x,y,w,h a line), OTB JSON, or manifest.json and its files."
        raise DataError(Problem(str(path), "must hold result files of one tracker", "none", out))
    if tracker is not None:
        chosen = [item for item in found if tracker == str(item.folder)]
        chosen = chosen or [item for item in found if tracker == item.tracker]
        if len(chosen) != 1:
            out = nearest(tracker, [str(item.folder) for item in found])
            raise DataError(Problem(str(path), f"must hold results of tracker '{tracker}'", "", out))
        return chosen[0]
    if len(found) > 1:
        shown = ", ".join(str(item.folder) for item in found[:12]) + (", ..." if len(found) > 12 else "")
        first = next((item for item in found if item.folder.parts), found[0])
        out = f"Name one: '{path / first.folder}', or tracker='{first.tracker}'."
        raise DataError(Problem(str(path), "must hold results of one tracker", f"{len(found)}: {shown}", out))
    return found[0]
