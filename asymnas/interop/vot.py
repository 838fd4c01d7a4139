"""A tracker for the `vot-toolkit` by its `python` protocol; the toolkit comes with `pip install 'asymnas[vot]'`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import AsymNASError, DataError, Problem
from asymnas.core.files import disk_errors, read_text, write_whole
from asymnas.interop._sequences import sentence_of, sequence_name

REGISTRY = "trackers.ini"
TIMEOUT_SECONDS = 600
"""The toolkit's own 30 s are too short for a machine that has to load and recalibrate a network."""

Region = tuple[float, float, float, float]
Frame = str | Mapping[str, str]
Object = tuple[Region, Mapping[str, Any]]


class VOTTracker:
    """Any tracker of AsymNAS for the vot-toolkit (0.9.0), any number of objects at once.

    The toolkit makes it in a process of its own from a section that `tracker_section` writes. A sentence comes from an
    object's `prompt` property, else from the file of sentences by the sequence's name (the folder above `color/`).

    Args:
        tracker: what `open_tracker` opens: a run folder, an architecture.json, a plugin's name.
        sentences: file of sentences by sequence, see `read_sentences`; "" for none.
        threads: torch and OpenCV threads; "" leaves them.

    Raises:
        RuntimeError: whatever is wrong; the toolkit's worker reports no other error of ours.
    """

    multiobject = True

    def __init__(self, tracker: str, sentences: str = "", threads: str = "") -> None:
        with _as_runtime_error():
            from asymnas.tracking.benchmark.open import open_tracker
            from asymnas.tracking.data.sentences import read_sentences

            self._sentences = read_sentences(Path(sentences)) if sentences else {}
            self._ready = open_tracker(tracker, threads=int(threads) if threads else None)
        self._sessions: list[Any] = []

    def init(self, frame: Frame, new: Sequence[Object], properties: Mapping[str, Any]) -> list[Object]:
        """Start on the objects of a first frame.

        Args:
            frame: file of the frame, or files by channel, of which "color" is read.
            new: for each object its region x, y, w, h in pixels and its properties.
            properties: of the sequence.

        Returns:
            the objects as they were given.
        """
        self._sessions = []
        return self.update(frame, new, properties)

    def update(
        self, frame: Frame, new: Sequence[Object] = (), properties: Mapping[str, Any] | None = None
    ) -> list[Object]:
        """Follow all objects into a frame, and start on `new` ones; see `init`.

        Returns:
            region x, y, w, h and properties ("confidence") of every object, in the order of their start.
        """
        from asymnas.tracking.data.frames import read_image
        from asymnas.tracking.online import follow

        with _as_runtime_error():
            file = frame if isinstance(frame, str) else frame["color"]
            sequence = sequence_name(file)
            image = read_image(Path(file), sequence)
            found: list[Object] = []
            if self._sessions:
                boxes, scores = follow(self._ready.tracker, self._sessions, [image] * len(self._sessions))
                found = [_object(box, score) for box, score in zip(boxes, scores, strict=True)]
            for region, own in new:
                self._sessions += self._start(image, _box(region), sequence, {**(properties or {}), **own})
                found.append(_object(_box(region), 1.0))
            return found

    def _start(self, image: np.ndarray, box: np.ndarray, sequence: str, properties: Mapping[str, Any]) -> list[Any]:
        from asymnas.tracking.online import begin

        prompt = " ".join(str(properties.get("prompt") or "").split())
        language = self._ready.embed([prompt or sentence_of(self._sentences, sequence)])
        return begin(self._ready.tracker, [image], box[None], language=language, path=self._ready.path)


def tracker_section(
    tracker: str | Path, *, name: str | None = None, sentences: str | Path | None = None
) -> tuple[str, str]:
    """Return a tracker's identifier and its section of a `trackers.ini`.

    Args:
        tracker: what `VOTTracker` takes; paths are written in full, so that the file may be anywhere.
        name: the identifier; None: the run folder's or plugin's name. Characters that the toolkit refuses become `_`.
        sentences: file of sentences by sequence.

    Raises:
        AsymNASError: there is no such tracker, or the sentences cannot be read.
    """
    own, spec = _found(tracker)
    identifier = re.sub(r"[^A-Za-z0-9_-]", "_", name or own)
    values = {
        "label": name or own,
        "protocol": "python",
        "command": f"{VOTTracker.__module__}:{VOTTracker.__qualname__}",
        "convert": "rectangle",
        "timeout": str(TIMEOUT_SECONDS),
        "arg_tracker": spec,
    }
    if sentences is not None:
        from asymnas.tracking.data.sentences import read_sentences

        read_sentences(Path(sentences))
        values["arg_sentences"] = str(Path(sentences).resolve())
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in values.items()]
    return identifier, "\n".join([f"[{identifier}]", *lines]) + "\n"


def add_tracker(folder: Path, identifier: str, section: str) -> Path:
    """Write a section into `trackers.ini` in a folder; a section of that name is replaced, all else stays as it is.

    Raises:
        DataError: the file cannot be read or written, or its section of that name opens another tracker.
    """
    file = Path(folder) / REGISTRY
    with disk_errors(file, DataError):
        file.parent.mkdir(parents=True, exist_ok=True)
        kept, old = _without(read_text(file) if file.exists() else "", identifier)
        before, now = _argument(old), _argument(section.splitlines())
        if before not in (None, now):
            way_out = "Remove that section, choose another folder, or give the run folder another name."
            rule = f"is the section of another tracker, {before}, whose results bear this name"
            raise DataError(Problem(f"{file}: [{identifier}]", rule, str(now), way_out))
        write_whole(file, (f"{kept}\n\n{section}" if kept else section).encode("utf-8"))
    return file


def _without(text: str, identifier: str) -> tuple[str, list[str]]:
    """The registry without a section, and that section; comments above the next section belong to that one."""
    lines, old = text.splitlines(), list[str]()
    while f"[{identifier}]" in (heads := [line.rstrip() for line in lines]):
        start = heads.index(f"[{identifier}]")
        end = next((row for row in range(start + 1, len(lines)) if lines[row].startswith("[")), len(lines))
        while end > start + 1 and (not heads[end - 1] or lines[end - 1].startswith(("#", ";"))):
            end -= 1
        old += lines[start:end]
        del lines[start:end]
    return "\n".join(lines).strip(), old


def _argument(section: Sequence[str]) -> str | None:
    """What a section opens; None where it does not say."""
    found = [line.partition("=")[2].strip() for line in section if re.match(r"arg_tracker\s*=", line)]
    return found[-1].replace("%%", "%") if found else None


def _found(tracker: str | Path) -> tuple[str, str]:
    """A tracker's name, and what opens it from anywhere; a run's network is not built."""
    from asymnas.tracking import list_trackers
    from asymnas.tracking.benchmark.open import describe_tracker
    from asymnas.tracking.benchmark.run_files import find_run

    if str(tracker) in list_trackers():
        return describe_tracker(str(tracker)).name, str(tracker)
    source = Path(tracker).expanduser()
    return find_run(source, list_trackers()).name, str(source.resolve())


def _box(region: Any) -> np.ndarray:
    if not isinstance(region, tuple) or len(region) != 4:
        rule = "regions must be rectangles: the tracker's section needs `convert = rectangle`"
        raise DataError(Problem("vot-toolkit", rule, str(region)[:80]))
    return np.array(region, np.float64)


def _object(box: np.ndarray, score: float) -> Object:
    x, y, w, h = (float(value) for value in box)
    return (x, y, w, h), {"confidence": float(score)}


@contextlib.contextmanager
def _as_runtime_error() -> Iterator[None]:
    try:
        yield
    except AsymNASError as error:
        raise RuntimeError(str(error)) from error
