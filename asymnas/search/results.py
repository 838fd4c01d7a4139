"""What is evaluated (`Request`), what comes out (`Evaluation`), and what a score depends on (`ScoreSettings`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asymnas.core.errors import RunFolderError
from asymnas.core.schema import problems_of
from asymnas.space import Architecture, Cost
from asymnas.task import Task

SCORING_VERSION = 1
"""Raised whenever the scoring code changes a number, so that older logs are not taken for the same scores."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to evaluate: an architecture of the supernet, or a baseline, which has no search space.

    Args:
        genes: (gene id, op) of every gene; None for a baseline.
        baseline: name of the baseline; None for an architecture.
        split: name of the items.
        conditions: which inputs are given; the score is the mean over them. None for a baseline.
        keep: also return what the task keeps of each item, and an architecture's normalisation statistics.
        reward: name of the reward; "" for the job's.
        span: from where to where in the split's nested order the items are; None for all of them.
    """

    genes: tuple[tuple[str, str], ...] | None = None
    baseline: str | None = None
    split: str = "validation"
    conditions: tuple[str, ...] = ()
    keep: bool = False
    reward: str = ""
    span: tuple[int, int] | None = None

    @staticmethod
    def of(architecture: Architecture, split: str, conditions: tuple[str, ...], **more: Any) -> Request:
        """Return the request to score an architecture; `more` are the other fields."""
        return Request(tuple(sorted(architecture.genes.items())), None, split, tuple(conditions), **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """All that a score depends on beside the request; hashed with it, it is the key of the score.

    Args:
        space: hash of the search space.
        weights: hash of the supernet's weights.
        splits: fingerprint of each split, by name.
        recalibration: number, size and seed of the recalibration batches, as JSON values.
        task: name and fingerprint of the task, as JSON values.
        baselines: all that a baseline's score depends on beside its name and the items, as JSON values.
        reward: name of the reward.
    """

    space: str
    weights: str
    splits: Mapping[str, str]
    recalibration: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Any] = field(default_factory=dict)
    reward: str = ""

    @staticmethod
    def of(task: Task, weights: str) -> ScoreSettings:
        """Return the settings of an open task's scores, for a supernet of that weights hash."""
        return ScoreSettings(
            space=task.space.hash,
            weights=weights,
            splits={name: split.fingerprint for name, split in task.splits.items()},
            recalibration={"seed": task.job.seed, **task.job.evaluation.recalibration.model_dump()},
            task={"name": task.job.task, **task.fingerprint()},
            baselines=task.baseline_fingerprint(),
            reward=task.reward.name,
        )

    def key(self, request: Request) -> str:
        """Return the key of a request's score, 32 hex digits; equal keys mean equal scores."""
        items = self.splits[request.split]
        content: dict[str, Any] = {"scoring": SCORING_VERSION, "items": items, "reward": request.reward or self.reward}
        if request.span is not None:
            content["span"] = list(request.span)
        if request.genes is None:
            content |= {"baseline": request.baseline, "settings": dict(self.baselines)}
        else:
            content |= {
                "genes": dict(request.genes),
                "space": self.space,
                "weights": self.weights,
                "recalibration": dict(self.recalibration),
                "task": dict(self.task),
                "conditions": list(request.conditions),
            }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


Amount = Annotated[int, Field(ge=0)]


class Evaluation(BaseModel):
    """The outcome of one request; one line of the log.

    Args:
        key: of the score (see `ScoreSettings`).
        stage: what the evaluation was for, e.g. "search", "random", "test".
        index: position in its stage, in the order asked, from 0.
        candidate: of a search, place of the architecture in the order in which the searcher asked; else None.
        rung: of a search, number of the ladder's rung from 0; else None.
        genes: op by gene id; None for a baseline.
        baseline: name of the baseline; None for an architecture.
        split: name of the items.
        conditions: which inputs were given; empty for a baseline.
        reward: name of the reward.
        span: from where to where in the split's nested order the items are; None for all of them.
        status: "ok" or "failed".
        error: what went wrong, one line or a few; "" when ok.
        traceback: of the failure; "" when ok.
        value: the reward of all items; None when failed.
        se: its standard error over items; None when failed or for a single item.
        items: the reward of each item, by name; of several conditions the mean.
        by_condition: the reward of all items under each condition.
        measures: further numbers of the whole; of several conditions the mean.
        facts: what must stand beside the score; of several conditions those of the first.
        cost: {"macs", "params", "branches": {name: {"macs", "params"}}}; {} for a baseline.
        recalibration: number of recalibration batches.
        seconds: wall time of the evaluation.
        cached: the score was taken from an earlier line with the same key.
        kept: what the task keeps, by condition ("" for a baseline), when it was asked for; never in the log.
        statistics: of `asymnas.nn.statistics_of`, as arrays, when they were asked for; never in the log.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    version: Literal[2] = 2
    key: str = ""
    stage: str = ""
    index: Amount = 0
    candidate: Amount | None = None
    rung: Amount | None = None
    genes: dict[str, str] | None = None
    baseline: str | None = None
    split: str = ""
    conditions: list[str] = Field(default_factory=list)
    reward: str = ""
    span: Annotated[tuple[int, int], Field(strict=False)] | None = None
    status: Literal["ok", "failed"] = "ok"
    error: str = ""
    traceback: str = ""
    value: float | None = None
    se: float | None = None
    items: dict[str, float] = Field(default_factory=dict)
    by_condition: dict[str, float] = Field(default_factory=dict)
    measures: dict[str, float] = Field(default_factory=dict)
    facts: dict[str, str | int | float] = Field(default_factory=dict)
    cost: dict[str, Any] = Field(default_factory=dict)
    recalibration: Amount = 0
    seconds: float = 0.0
    cached: bool = False
    kept: dict[str, Any] | None = Field(default=None, exclude=True)
    statistics: dict[str, Any] | None = Field(default=None, exclude=True)

    @property
    def ok(self) -> bool:
        """Whether there is a score."""
        return self.status == "ok"

    @property
    def score(self) -> float | None:
        """What a searcher gets: the value, None for a failure."""
        return self.value if self.ok else None

    def but(self, **changes: Any) -> Evaluation:
        """Return a copy with other values."""
        return self.model_copy(update=changes)

    def to_json(self) -> str:
        """Return one line of JSON, without the line end; a ValueError where a number is not finite."""
        return json.dumps(self.model_dump(), allow_nan=False, separators=(",", ":"))

    @staticmethod
    def from_json(line: str | bytes, where: str = "evaluation") -> Evaluation:
        """Read one line of `to_json`: a ValueError where it is not JSON, a RunFolderError where it is no evaluation."""
        values = json.loads(line)
        try:
            return Evaluation.model_validate(values)
        except ValidationError as error:
            way_out = "The line is damaged or of an older version: restore the file, or start the run anew."
            raise RunFolderError([replace(item, way_out=way_out) for item in problems_of(error, where)]) from error


def failed_evaluation(request: Request, error: Exception, traceback: str, seconds: float) -> Evaluation:
    """Return the record of a request that could not be scored; what the pools of workers take as `failed`."""
    text = str(error).strip()
    return Evaluation(
        genes=None if request.genes is None else dict(request.genes),
        baseline=request.baseline,
        split=request.split,
        conditions=list(request.conditions),
        reward=request.reward,
        span=request.span,
        status="failed",
        error=f"{type(error).__name__}: {text}" if text else type(error).__name__,
        traceback=traceback,
        seconds=seconds,
    )


def cost_record(cost: Cost) -> dict[str, Any]:
    """Return a cost as JSON values: {"macs", "params", "branches": {name: {"macs", "params"}}}."""
    branches = {name: {"macs": branch.macs, "params": branch.params} for name, branch in cost.branches.items()}
    return {"macs": cost.macs, "params": cost.params, "branches": branches}
