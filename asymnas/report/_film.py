"""Tracking one target through footage: boxes as text and JSON, a video that shows them, a contact sheet."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import cv2
import numpy as np

from asymnas.errors import AsymNASError, DataError, Problem
from asymnas.report._contact_sheet import ContactSheet
from asymnas.report._overlay import Overlay, undrawable
from asymnas.report._progress import Progress
from asymnas.tracking._video_io import Footage
from asymnas.tracking._video_sink import VideoSink

if TYPE_CHECKING:
    from asymnas.study import ReadyTracker

__all__ = ["Film", "check_box", "film", "film_paths"]

_HEADER = "# x,y,w,h,score (pixels, 0-based corner)\n"


@dataclass(slots=True, eq=False)
class Film:
    """What came of tracking one target through footage.

    Attributes:
        paths: the files: "video", "boxes" (text), "json", "sheet".
        boxes: x, y, w, h in pixels, 0-based, a row a frame; row 0 is the given box.
        scores: in [0, 1], one a frame; 1 for the given box.
        seconds: spent in the tracker alone.
        stopped: why it ended before the footage did: "" or "interrupted" or an error.
        record: what the JSON file holds.
    """

    paths: dict[str, Path]
    boxes: list[list[float]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = ""
    record: dict[str, Any] = field(default_factory=dict)


def film_paths(video: Path) -> dict[str, Path]:
    """Return the files that `film` writes: the video and, beside it, `.txt`, `.json` and `.png` of the same name."""
    endings = {"boxes": ".txt", "json": ".json", "sheet": ".png"}
    return {"video": video, **{name: video.with_suffix(ending) for name, ending in endings.items()}}


def check_box(box: Sequence[float] | np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Return a box as (4,) float64 and notes about it.

    Args:
        box: x, y, w, h in pixels, 0-based.
        size: width and height of the frame.

    Raises:
        DataError: not four finite numbers, no area, or less than half of it in the frame.
    """
    values = np.asarray(box, np.float64)
    where, shown = "--box", ",".join(f"{value:g}" for value in values)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise DataError(Problem(where, "must be four numbers x,y,w,h", shown))
    if (values[2:] <= 0).any():
        raise DataError(Problem(where, "width and height must be greater than 0", shown, "It is x,y,w,h in pixels."))
    low, high = np.maximum(values[:2], 0), np.minimum(values[:2] + values[2:], size)
    inside = float(np.prod(np.clip(high - low, 0, None)) / np.prod(values[2:]))
    if inside < 0.5:
        rule = f"the box must lie in the frame of {size[0]}x{size[1]} pixels, but {100 * (1 - inside):.0f} % is outside"
        way_out = "It is x,y,w,h: the left upper corner from 0, then width and height, not a second corner."
        raise DataError(Problem(where, f"{rule}: {shown}", way_out=way_out))
    notes = [f"the box reaches over the border of the frame of {size[0]}x{size[1]} pixels"] if inside < 1 else []
    return values, notes


def film(
    ready: ReadyTracker,
    footage: Footage,
    box: Sequence[float] | np.ndarray,
    output: Path,
    *,
    sentence: str | None = None,
    truth: np.ndarray | None = None,
    limit: int | None = None,
    codec: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    show: Callable[[np.ndarray], bool] | None = None,
) -> Film:
    """Track a target from its box in the first frame to the end, and write what was found as it is found.

    Whatever ends it early, all files are completed with the frames so far; Ctrl-C returns with `stopped` set.

    Args:
        ready: the tracker.
        footage: the frames.
        box: x, y, w, h of the target in the first frame, pixels, 0-based.
        output: the video; see `film_paths` for the others.
        sentence: describes the target; None where there is none.
        truth: (n, 4) annotated boxes to be drawn too; frames after the last row have none.
        limit: frames at most.
        codec: the video's codec; None tries those of the file's kind.
        overwrite: replace files that are no earlier result of `film`.
        progress: takes reports.
        show: gets every drawn picture; the tracking ends where it returns False.

    Raises:
        DataError: the box, the output or a frame is not as it must be.
        AsymNASError: the sentence cannot be embedded.
    """
    start, notes = check_box(box, footage.size)
    paths = film_paths(Path(output))
    if not overwrite:
        _check_taken(paths, footage.source)
    notes += _language_notes(ready, sentence)
    overlay = Overlay(footage.size, title=ready.name, sentence=sentence)
    sink = VideoSink(paths["video"], overlay.size, footage.fps, codec=codec)
    work = _Work(ready, footage, overlay, sink, ContactSheet(), Film(paths), truth, sentence)
    began = time.perf_counter()
    failure: AsymNASError | None = None
    try:
        work.run(start, limit, progress or Progress(), show)
    except KeyboardInterrupt:
        work.film.stopped = "interrupted"
    except AsymNASError as error:
        work.film.stopped, failure = str(error), error
    work.finish(notes, time.perf_counter() - began)
    if failure is not None:
        raise failure
    return work.film


def _language_notes(ready: ReadyTracker, sentence: str | None) -> list[str]:
    notes = []
    if sentence is not None and not ready.reads_language:
        notes.append(f"{ready.name} reads no sentences: the one given is shown and changes nothing")
    if sentence is None and ready.reads_language:
        notes.append("no sentence was given: the tracker puts its replacement for a missing one")
    if lacking := undrawable(sentence or ""):
        notes.append(f"the font lacks the characters {lacking}: they are drawn as empty boxes")
    return notes


@dataclass(slots=True, eq=False)
class _Work:
    """One run of `film`: its parts, and the two halves of its work."""

    ready: ReadyTracker
    footage: Footage
    overlay: Overlay
    sink: VideoSink
    sheet: ContactSheet
    film: Film
    truth: np.ndarray | None
    sentence: str | None

    def run(
        self, start: np.ndarray, limit: int | None, progress: Progress, show: Callable[[np.ndarray], bool] | None
    ) -> None:
        """Track and write until the footage or the user ends it."""
        path = self.film.paths["boxes"]
        total = min((count for count in (limit, self.footage.total) if count), default=0)
        began = time.perf_counter()
        with _open_text(path) as text:
            text.write(_HEADER)
            for index, (frame, box, score) in enumerate(self._tracked(start)):
                text.write(",".join(f"{value:.6f}" for value in (*box, score)) + "\n")
                self.film.boxes.append([float(value) for value in box])
                self.film.scores.append(float(score))
                truth = self.truth[index] if self.truth is not None and index < len(self.truth) else None
                picture = self.overlay.draw(frame, box, score, index=index, truth=truth)
                self.sink.write(picture)
                self.sheet.add(index, frame, box, score, truth)
                rate = (index + 1) / max(time.perf_counter() - began, 1e-9)
                known = max(total, index + 1) if total else index + 2  # a camera has no end
                progress.update("tracking", index + 1, known, f"{rate:.1f} frames/s")
                if (show is not None and not show(picture)) or index + 1 == limit:
                    break

    def _tracked(self, start: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Yield every frame with its box and score."""
        tracker, sessions = self.ready.tracker, []
        for index, frame in enumerate(self.footage):
            began = time.perf_counter()
            if index == 0:
                language = self.ready.embed([self.sentence])
                sessions = tracker.start([frame], start[None].copy(), language=language, path=self.ready.path)
                box, score = start, 1.0
            else:
                boxes, scores = tracker.step(sessions, [frame])
                box, score = np.array(boxes[0], float), float(scores[0])
            self.film.seconds += time.perf_counter() - began
            yield frame, box, score

    def finish(self, notes: list[str], seconds: float) -> None:
        """Complete the files with the frames that were tracked."""
        if not self.film.boxes:
            self.sink.discard()
            self.film.paths["boxes"].unlink(missing_ok=True)
            return
        title = f"{self.footage.name} · {self.ready.name} · {len(self.film.boxes)} frames"
        _good, data = cv2.imencode(".png", self.sheet.render(title, self.sentence))
        _write_bytes(self.film.paths["sheet"], data.tobytes())
        notes = [*self.footage.notes, *notes, *self.sink.notes]
        self.film.record = {
            "format": "asymnas-track",
            "version": 1,
            "video": self.footage.source,
            "frames": len(self.film.boxes),
            "size": list(self.footage.size),
            "fps": self.footage.fps,
            "box_format": "x, y, w, h in pixels, 0-based left upper corner",
            "sentence": self.sentence,
            "tracker": self.ready.settings,
            "tracker_name": self.ready.name,
            "codec": self.sink.codec,
            "seconds": {"tracker": round(self.film.seconds, 6), "all": round(seconds, 6)},
            "stopped": self.film.stopped,
            "notes": notes,
            "boxes": [[_number(value) for value in box] for box in self.film.boxes],
            "scores": [_number(value) for value in self.film.scores],
        }
        _write_bytes(self.film.paths["json"], _json_text(self.film.record).encode())
        self.sink.close()


def _json_text(record: dict[str, Any]) -> str:
    """The record as JSON, a line a key, and a line a box."""
    lines = []
    for key, value in record.items():
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if key == "boxes":
            text = "[\n  " + ",\n  ".join(json.dumps(box, allow_nan=False) for box in value) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return round(value, 6) if math.isfinite(value) else None


def _check_taken(paths: dict[str, Path], source: str) -> None:
    """Refuse to write over files that are not an earlier result: an annotation may bear the video's name."""
    if paths["video"].exists() and Path(source).exists() and paths["video"].samefile(source):
        rule = "must not be the video that is read"
        raise DataError(Problem(str(paths["video"]), rule, way_out="Choose another name with -o."))
    taken = [path for path in paths.values() if path.exists()]
    if not taken or _is_ours(paths["json"], '"format": "asymnas-track"'):
        return
    foreign = [path for path in taken if path != paths["boxes"] or not _is_ours(path, _HEADER)]
    if foreign:
        rule = "is there already and not from `asymnas track`"
        way_out = "Choose another name with -o, or allow it with --overwrite."
        raise DataError(Problem(str(path), rule, way_out=way_out) for path in foreign)


def _is_ours(path: Path, mark: str) -> bool:
    try:
        with path.open("rb") as file:
            return mark.encode() in file.read(256)
    except OSError:
        return False


def _open_text(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8", buffering=1)  # a line at a time, so that a kill costs no box
    except OSError as error:
        raise _unwritable(path, error) from error


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DataError:
    value = error.strerror or str(error)
    return DataError(Problem(str(path), "must be writable", value, "Choose another place with -o."))
