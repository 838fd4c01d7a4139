"""A compare job as pydantic models: the same search over several spaces and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from asymnas.core.models import MACHINE, JobModel, Whole
from asymnas.job._schema import Job
from asymnas.job.base import PLACES, digest, written_out
from asymnas.task import TASKS


class Bootstrap(JobModel):
    """The confidence interval of a difference, by resampling items and seeds."""

    samples: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


@dataclass(frozen=True, slots=True)
class Arm:
    """One run of a comparison: a space and a seed, and `name`, its run folder. Arms of one seed are paired."""

    name: str
    space: str
    seed: int
    job: Job


class CompareJob(JobModel):
    """Runs one job over several spaces with the same seeds, items and budget; `load_compare` makes its arms."""

    kind: Literal["compare"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    """Name of the run folder, `runs/<name>`; each arm is a run folder inside it."""
    base: str
    """The job that every arm runs: a shipped name, or a path relative to this file."""
    spaces: Annotated[list[Any], Field(min_length=2)]
    """Two spaces or more: shipped names, paths relative to this file, or spaces; differences are first minus other."""
    seeds: Annotated[list[Whole], Field(min_length=1)] = Field(default_factory=lambda: [0, 1, 2])
    """Each seed trains one supernet a space; arms of one seed are a pair."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Values over the base job by dotted key, e.g. `{training.steps: 300}`; `{training: {steps: 300}}` is the same."""
    bootstrap: Bootstrap = Bootstrap()
    concurrency: Annotated[int, Field(ge=1, le=MACHINE)] = 1
    """Arms that run side by side (Ray Tune)."""

    _arms: tuple[Arm, ...] = PrivateAttr(default=())

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The runs of the comparison, seed by seed, spaces in the order of the job."""
        return self._arms

    def resolved(self) -> dict[str, Any]:
        """Return the job with all defaults as a plain mapping; spaces given by paths are written out."""
        return self.plain() | {"spaces": [written_out(space) for space in self.spaces]}

    def identity(self) -> dict[str, Any]:
        """Return the resolved job without what changes no result, and by `arms` the hash of each arm's whole job."""
        places = {place for arm in self.arms[:1] for place in (*PLACES, *TASKS.get(arm.job.task).places)}
        overrides = {key: value for key, value in self.overrides.items() if not key.startswith(tuple(places))}
        plain = {key: value for key, value in self.resolved().items() if key != "concurrency"}
        return plain | {"overrides": overrides, "arms": {arm.name: arm.job.hash for arm in self.arms}}

    @property
    def hash(self) -> str:
        """16 hex digits of everything that defines the comparison's results."""
        return digest(self.identity())
