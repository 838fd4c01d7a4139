"""Tracking one target through footage: boxes as text and JSON, a video that shows them, a contact sheet."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from asymnas.core.errors import AsymNASError, DataError, EvaluationError, Problem
from asymnas.core.files import write_whole
from asymnas.tracking.demo.files import HEADER, check_box, check_outputs, output_files, writable
from asymnas.tracking.demo.video_in import Footage
from asymnas.tracking.demo.video_out import VideoSink, check_codec
from asymnas.tracking.online import begin, follow
from asymnas.tracking.pictures.drawing import undrawable
from asymnas.tracking.pictures.overlay import Overlay
from asymnas.tracking.pictures.sheets import ContactSheet

if TYPE_CHECKING:
    from asymnas.runs.times import Reporter
    from asymnas.tracking import Language
    from asymnas.tracking.benchmark.open import ReadyTracker

__all__ = ["TrackedFootage", "check_request", "track_footage"]


@dataclass(slots=True, eq=False)
class TrackedFootage:
    """What came of tracking one target through footage."""

    files: dict[str, Path]  # "video", "boxes" (text), "json", "sheet"
    boxes: list[list[float]] = field(default_factory=list)  # x, y, w, h in pixels, 0-based; row 0 is the given box
    scores: list[float] = field(default_factory=list)  # in [0, 1]; 1 for the given box
    seconds: float = 0.0  # spent in the tracker alone
    stopped: str = ""  # why it ended before the footage did: "interrupted" or an error
    record: dict[str, Any] = field(default_factory=dict)  # what the JSON file holds


def check_request(
    footage: Footage,
    box: Sequence[float] | np.ndarray,
    output: Path,
    *,
    codec: str | None = None,
    overwrite: bool = False,
) -> tuple[np.ndarray, list[str]]:
    """Check what `track_footage` is asked for, which needs no tracker; arguments as there.

    Returns:
        the box (4,) float64, and notes about it.

    Raises:
        DataError: the box or the output is not as it must be.
    """
    start, notes = check_box(box, footage.size)
    check_codec(output, codec)
    check_outputs(output_files(output), footage.source, overwrite=overwrite)
    return start, notes


def track_footage(
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
    progress: Reporter | None = None,
    show: Callable[[np.ndarray], bool] | None = None,
) -> TrackedFootage:
    """Track a target from its box in the first frame to the end, and write what was found as it is found.

    Whatever ends it early, all files are completed with the frames so far; Ctrl-C returns with `stopped` set. A file
    that cannot be written keeps no other from being completed.

    Args:
        ready: the tracker.
        footage: the frames.
        box: x, y, w, h of the target in the first frame, pixels, 0-based.
        output: the video; see `output_files` for the others.
        sentence: describes the target; None where there is none.
        truth: (n, 4) annotated boxes to be drawn too; frames after the last row have none.
        limit: frames at most.
        codec: the video's codec; None for that of the file's kind.
        overwrite: replace files that are no earlier result of `track_footage`.
        progress: takes reports.
        show: gets every drawn picture; the tracking ends where it returns False.

    Raises:
        DataError: the box, the output or a frame is not as it must be, or a file cannot be written.
        EvaluationError: the tracker failed.
        AsymNASError: the sentence cannot be embedded.
    """
    files = output_files(Path(output))
    start, notes = check_request(footage, box, files["video"], codec=codec, overwrite=overwrite)
    notes += _language_notes(ready, sentence)
    language = ready.embed([sentence])  # loads the text encoder, which is no part of the tracker's speed
    overlay = Overlay(footage.size, title=ready.name, sentence=sentence)
    sink = VideoSink(files["video"], overlay.size, footage.fps, codec=codec)
    work = _Work(ready, footage, overlay, sink, ContactSheet(), TrackedFootage(files), truth, sentence, language)
    began = time.perf_counter()
    problems: list[Problem] = []
    failure: AsymNASError | None = None
    try:
        work.run(start, limit, progress, show)
    except KeyboardInterrupt:
        work.done.stopped = "interrupted"
    except AsymNASError as error:
        work.done.stopped, failure = str(error), error
        problems += error.problems
    problems += work.finish(notes, time.perf_counter() - began)
    if failure is not None:
        failure.problems = tuple(problems)
        raise failure
    if problems:
        raise DataError(problems)
    return work.done


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
    """One run of `track_footage`: its parts, and the two halves of its work."""

    ready: ReadyTracker
    footage: Footage
    overlay: Overlay
    sink: VideoSink
    sheet: ContactSheet
    done: TrackedFootage
    truth: np.ndarray | None
    sentence: str | None
    language: Language | None

    def run(
        self, start: np.ndarray, limit: int | None, progress: Reporter | None, show: Callable[[np.ndarray], bool] | None
    ) -> None:
        """Track and write until the footage or the user ends it."""
        file = self.done.files["boxes"]
        total = min((count for count in (limit, self.footage.total) if count), default=0)
        began = time.perf_counter()
        # A line at a time, so that a kill costs no box.
        with writable(file), file.open("w", encoding="utf-8", buffering=1) as text:
            text.write(HEADER)
            for index, (frame, box, score) in enumerate(self._tracked(start)):
                text.write(",".join(f"{value:.6f}" for value in (*box, score)) + "\n")
                self.done.boxes.append([float(value) for value in box])
                self.done.scores.append(float(score))
                truth = self.truth[index] if self.truth is not None and index < len(self.truth) else None
                picture = self.overlay.draw(frame, box, score, index=index, truth=truth)
                self.sink.write(picture)
                self.sheet.add(index, frame, box, score, truth)
                rate = (index + 1) / max(time.perf_counter() - began, 1e-9)
                known = max(total, index + 1) if total else index + 2  # a camera has no end
                if progress is not None:
                    progress.update("tracking", index + 1, known, f"{rate:.1f} frames/s")
                if (show is not None and not show(picture)) or index + 1 == limit:
                    break

    def _tracked(self, start: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Yield every frame with its box and score."""
        tracker, sessions = self.ready.tracker, []
        for index, frame in enumerate(self.footage):
            began = time.perf_counter()
            try:
                if index == 0:
                    first, path = start[None].copy(), self.ready.path
                    sessions = begin(tracker, [frame], first, language=self.language, path=path)
                    box, score = start, 1.0
                else:
                    boxes, scores = follow(tracker, sessions, [frame])
                    box, score = boxes[0].copy(), float(scores[0])
            except AsymNASError:
                raise
            except Exception as error:  # a plugin's own: named with its frame, and the frames before are kept
                value = f"{type(error).__name__}: {' '.join(str(error).split())}"
                rule = f"failed in frame {index}"
                raise EvaluationError(Problem(f"tracker '{self.ready.name}'", rule, value)) from error
            self.done.seconds += time.perf_counter() - began
            yield frame, box, score

    def finish(self, notes: list[str], seconds: float) -> list[Problem]:
        """Complete the files with the frames that were tracked; return what went wrong with them."""
        if not self.done.boxes:
            self.sink.discard()
            self.done.files["boxes"].unlink(missing_ok=True)
            return []
        self.done.record = self._record([*self.footage.notes, *notes, *self.sink.notes], seconds)
        problems: list[Problem] = []
        for complete in (self.sink.close, self._write_record, self._write_sheet):
            try:
                complete()
            except DataError as error:
                problems += error.problems
        return problems

    def _write_record(self) -> None:
        text = json.dumps(self.done.record, ensure_ascii=False, allow_nan=False, indent=1)
        self._write("json", f"{text}\n".encode())

    def _write_sheet(self) -> None:
        title = f"{self.footage.name} · {self.ready.name} · {len(self.done.boxes)} frames"
        _good, data = cv2.imencode(".png", self.sheet.render(title, self.sentence))
        self._write("sheet", data.tobytes())

    def _write(self, name: str, content: bytes) -> None:
        with writable(self.done.files[name]):
            write_whole(self.done.files[name], content, sync=False)

    def _record(self, notes: list[str], seconds: float) -> dict[str, Any]:
        return {
            "format": "asymnas-track",
            "version": 1,
            "video": self.footage.source,
            "frames": len(self.done.boxes),
            "size": list(self.footage.size),
            "fps": self.footage.fps,
            "box_format": "x, y, w, h in pixels, 0-based left upper corner",
            "sentence": self.sentence,
            "tracker": self.ready.settings,
            "tracker_name": self.ready.name,
            "codec": self.sink.codec,
            "seconds": {"tracker": round(self.done.seconds, 6), "all": round(seconds, 6)},
            "stopped": self.done.stopped,
            "notes": notes,
            "boxes": [[_number(value) for value in box] for box in self.done.boxes],
            "scores": [_number(value) for value in self.done.scores],
        }


def _number(value: float) -> float | None:
    """Return a number of the record; JSON knows no NaN."""
    return round(value, 6) if math.isfinite(value) else None
