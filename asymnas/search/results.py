"""What is evaluated (Task), what comes out (Evaluation), and what a score depends on (ScoreSettings)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from asymnas.core.errors import JobError, Problem, RunFolderError, nearest
from asymnas.search._fields import WAY_OUT, field_problems

if TYPE_CHECKING:
    import numpy as np

    from asymnas.space import Architecture
    from asymnas.tracking import TrackResult

__all__ = ["Evaluation", "LanguageCondition", "ScoreSettings", "Task"]

LanguageCondition = Literal["with", "without", "both"]

SCORING_VERSION = 1
"""Raised whenever the scoring code changes a number, so that older logs are not taken for the same scores."""

VERSION = 1
"""Version of one line of the log."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to evaluate: an architecture of the supernet, or a tracker without a search space.

    Args:
        genes: (gene id, op) of every gene; None for a baseline.
        tracker: registered name of a baseline tracker; None for an architecture.
        videos: name of the video set.
        language: track with the sentences, without, or both (the score is the mean of the two).
        keep_boxes: also return the boxes of every video, for drawings, and an architecture's normalisation statistics.
    """

    genes: tuple[tuple[str, str], ...] | None = None
    tracker: str | None = None
    videos: str = "val"
    language: LanguageCondition = "with"
    keep_boxes: bool = False

    def __post_init__(self) -> None:
        if (self.genes is None) == (self.tracker is None):
            raise JobError("A task must have either genes or a tracker.")
        if self.language not in get_args(LanguageCondition):
            known = get_args(LanguageCondition)
            raise JobError(Problem("language", f"must be one of {', '.join(known)}", repr(self.language)))

    @staticmethod
    def of(
        architecture: Architecture,
        videos: str = "val",
        language: LanguageCondition = "with",
        *,
        keep_boxes: bool = False,
    ) -> Task:
        """Return the task of scoring an architecture."""
        genes = tuple(sorted(architecture.genes.items()))
        return Task(genes=genes, videos=videos, language=language, keep_boxes=keep_boxes)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The language conditions to track under."""
        return ("with", "without") if self.language == "both" else (self.language,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """All that a score depends on beside the architecture; hashed with it, it is the key of the score.

    Args:
        space: hash of the search space.
        weights: hash of the supernet's weights.
        videos: fingerprint of each video set, by the set's name.
        recalibration: number and make-up of the recalibration batches, as JSON values.
        tracker: name and options of the tracker, as JSON values.
        sentences: name and hash of the text encoder; "" when no sentence is read.
        protocol: name of the protocol.
    """

    space: str
    weights: str
    videos: Mapping[str, str]
    recalibration: Mapping[str, Any] = field(default_factory=dict)
    tracker: Mapping[str, Any] = field(default_factory=dict)
    sentences: str = ""
    protocol: str = "lasot"

    def key(self, task: Task) -> str:
        """Return the key of a task's score, 32 hex digits; equal keys mean equal scores.

        Raises:
            JobError: the task names an unknown video set.
        """
        if task.videos not in self.videos:
            raise JobError(
                Problem("videos", "must be a known video set", repr(task.videos), nearest(task.videos, self.videos))
            )
        content: dict[str, Any] = {
            "scoring": SCORING_VERSION,
            "videos": self.videos[task.videos],
            "protocol": self.protocol,
        }
        if task.genes is None:  # a baseline reads neither the supernet nor a sentence
            content["baseline"] = task.tracker
        else:
            content |= {
                "genes": dict(task.genes),
                "space": self.space,
                "weights": self.weights,
                "recalibration": dict(self.recalibration),
                "tracker": dict(self.tracker),
                "language": task.language,
                "sentences": self.sentences,
            }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(kw_only=True, slots=True)
class Evaluation:
    """The outcome of one task; one line of the log.

    Args:
        key: of the score (see `ScoreSettings`).
        stage: what the evaluation was for, e.g. "search", "random", "test".
        index: position in its stage, in the order asked, from 0.
        genes: op by gene id; None for a baseline.
        tracker: name of the baseline; None for an architecture.
        video_set: name of the video set.
        language: "with", "without" or "both".
        protocol: name of the protocol.
        status: "ok" or "failed".
        error: what went wrong, one line or a few; "" when ok.
        traceback: of the failure; "" when ok.
        suc: mean over videos, in [0, 1]; None when failed.
        se: its standard error over videos; None when failed or for a single video.
        videos: SUC of each video by `dataset/name`; under "both" the mean of the two conditions.
        conditions: SUC under each language condition that was tracked.
        frames: frames of all videos together, the given first ones included, once whatever the conditions.
        cost: {"macs", "params", "branches": {name: {"macs", "params"}}}; {} for a baseline.
        recalibration: number of recalibration batches.
        seconds: wall time of the evaluation.
        cached: the score was taken from an earlier line with the same key.
        tracks: boxes by language condition, when the task asked for them; never in the log.
        statistics: of `asymnas.nn.statistics_of`, as arrays, when the task asked for boxes; never in the log.
    """

    key: str = ""
    stage: str = ""
    index: int = 0
    genes: dict[str, str] | None = None
    tracker: str | None = None
    video_set: str = ""
    language: str = "with"
    protocol: str = ""
    status: Literal["ok", "failed"] = "ok"
    error: str = ""
    traceback: str = ""
    suc: float | None = None
    se: float | None = None
    videos: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    cost: dict[str, Any] = field(default_factory=dict)
    recalibration: int = 0
    seconds: float = 0.0
    cached: bool = False
    tracks: dict[str, list[TrackResult]] | None = None
    statistics: dict[str, np.ndarray] | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a score."""
        return self.status == "ok"

    @property
    def score(self) -> float | None:
        """What a searcher is told: the SUC, None for a failure."""
        return self.suc if self.ok else None

    @staticmethod
    def failed(task: Task, error: str, *, traceback: str = "", seconds: float = 0.0) -> Evaluation:
        """Return the record of a task that could not be scored."""
        return Evaluation(
            genes=None if task.genes is None else dict(task.genes),
            tracker=task.tracker,
            video_set=task.videos,
            language=task.language,
            status="failed",
            error=error,
            traceback=traceback,
            seconds=seconds,
        )

    def to_json(self) -> str:
        """Return one line of JSON, without the line end.

        Raises:
            ValueError: a number is not finite.
        """
        values = {name: getattr(self, name) for name in LOGGED}
        return json.dumps({"version": VERSION, **values}, allow_nan=False, separators=(",", ":"))

    @staticmethod
    def from_json(line: str | bytes, where: str = "evaluation") -> Evaluation:
        """Read one line of `to_json`.

        Raises:
            json.JSONDecodeError: it is not JSON.
            RunFolderError: it is JSON, but no evaluation of this version, or its score is not that of its videos.
        """
        values = json.loads(line)
        if not isinstance(values, dict) or values.pop("version", None) != VERSION:
            raise RunFolderError(
                Problem(where, f"must be an evaluation of version {VERSION}", _short(line), "Another program wrote it.")
            )
        if set(values) != set(LOGGED):
            wrong = ", ".join(sorted(set(values) ^ set(LOGGED)))
            raise RunFolderError(
                Problem(where, "must have exactly the fields of an evaluation", f"a difference in: {wrong}", WAY_OUT)
            )
        problems = field_problems(values, where)
        if problems:
            raise RunFolderError(problems)
        return Evaluation(**values)


LOGGED = tuple(item.name for item in fields(Evaluation) if item.name not in ("tracks", "statistics"))


def _short(line: str | bytes) -> str:
    text = line.decode(errors="replace") if isinstance(line, bytes) else line
    return repr(text if len(text) <= 80 else text[:77] + "...")
