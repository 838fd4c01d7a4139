"""A compare job as pydantic models: the same search by several arms and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from asymnas.core.models import MACHINE, JobModel, Positive, Whole
from asymnas.job._schema import Job
from asymnas.job.base import PLACES, digest, written_out
from asymnas.task import TASKS

FOLDER = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class Bootstrap(JobModel):
    """The intervals of a comparison."""

    samples: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


@dataclass(frozen=True, slots=True)
class ArmRun:
    """One run of a comparison: an arm and a seed, and `name`, its run folder. Runs of one seed are paired."""

    name: str
    arm: str
    seed: int
    job: Job


class CompareJob(JobModel):
    """Runs one job by several arms with the same seeds, items and reward; `load_compare` makes the runs."""

    kind: Literal["compare"]
    name: Annotated[str, Field(pattern=FOLDER, max_length=80)]
    """Name of the run folder, `runs/<name>`; each run of an arm is a run folder inside it."""
    base: str
    """The job that every arm runs: a shipped name, or a path relative to this file."""
    arms: dict[Annotated[str, Field(pattern=FOLDER, max_length=60)], dict[str, Any]] = Field(default_factory=dict)
    """Two arms or more by name, each with values over the base job; the first is compared with each other one."""
    spaces: Annotated[list[Any], Field(min_length=2)] | None = None
    """Short for arms that differ in `space` alone: shipped names, paths relative to this file, or spaces."""
    seeds: Annotated[list[Whole], Field(min_length=1)] = Field(default_factory=lambda: [0, 1, 2])
    """Each seed trains one supernet an arm; runs of one seed are a pair."""
    margin: Positive = 0.01
    """Two arms are equivalent if their difference is surely smaller than this, either way."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Values over the base job in all arms, by dotted key: `{training.steps: 300}`; `{training: {steps: 300}}` is the
    same."""
    bootstrap: Bootstrap = Bootstrap()
    concurrency: Annotated[int, Field(ge=1, le=MACHINE)] = 1
    """Runs side by side (Ray Tune)."""

    _runs: tuple[ArmRun, ...] = PrivateAttr(default=())

    @property
    def runs(self) -> tuple[ArmRun, ...]:
        """The runs of the comparison, seed by seed, arms in the order of the job."""
        return self._runs

    def resolved(self) -> dict[str, Any]:
        """Return the job with all defaults as a plain mapping; spaces given by paths are written out."""
        plain = self.plain()
        for overrides in (plain["overrides"], *plain["arms"].values()):
            if "space" in overrides:
                overrides["space"] = written_out(overrides["space"])
        return plain

    def identity(self) -> dict[str, Any]:
        """Return the resolved job without what changes no result, and by `runs` the hash of each run's whole job."""
        places = {place for run in self.runs[:1] for place in (*PLACES, *TASKS.get(run.job.task).places)}
        plain = {key: value for key, value in self.resolved().items() if key != "concurrency"}
        for overrides in (plain["overrides"], *plain["arms"].values()):
            for key in [key for key in overrides if key.startswith(tuple(places))]:
                del overrides[key]
        return plain | {"runs": {run.name: run.job.hash for run in self.runs}}

    @property
    def hash(self) -> str:
        """16 hex digits of everything that defines the comparison's results."""
        return digest(self.identity())
