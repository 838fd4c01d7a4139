"""A job file as pydantic models: everything a search is defined by, with ranges and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from asymnas.core.models import MACHINE, Count, JobModel, Positive, Seed, Whole
from asymnas.job.base import PLACES, digest, written_out
from asymnas.task import TASKS, Task
from asymnas.training.config import Training

TASK = "tracking"
"""The task of a job that names none."""

Population = Annotated[int, Field(ge=1, le=1_000_000)]
"""Architectures that are proposed, and held in memory, at once."""


class Recalibration(JobModel):
    """Batch-norm statistics of a candidate: exact over fixed batches of training samples."""

    batches: Count = 4
    batch_size: Count = 32


class LadderRung(JobModel):
    """A reward and a number of items."""

    reward: str | None = None
    """Name of a reward of the task; null: `evaluation.reward`."""
    items: Count | None = None
    """How many items, those of lower rungs with this reward included; null: all that are left."""
    keep: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    """Share of a generation that goes on to the next rung."""


class EvaluationSection(JobModel):
    """How a candidate is scored."""

    reward: str | None = None
    """The task's reward that the test measures; null: its first one."""
    ladder: list[LadderRung] = Field(default_factory=list)
    """What a search measures, cheap first, the last being what it climbs; several rewards need `search.estimator`.
    None: `evaluation.reward` on all items."""
    finals: list[LadderRung] = Field(default_factory=list)
    """What the finalists are measured on again: items that come after those of the ladder. None: no finals."""
    recalibration: Recalibration = Recalibration()


class Search(JobModel):
    """How architectures are proposed; a searcher may add keys of its own."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, validate_default=True)

    algorithm: str = "evolution"
    """Registered name of a searcher; `asymnas list searchers` shows them."""
    population: Population = 50
    """Architectures a generation; the first one is random, later ones are topped up with random ones."""
    parents: Count = 10
    """Best architectures so far from which children come."""
    mutants: Whole = 25
    """Children by mutation, a generation."""
    children: Whole = 25
    """Children by crossover, a generation."""
    mutation_prob: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.1
    """Probability that a gene of a mutant changes; at least one does."""
    crossover: Literal["gene", "stage", "branch"] = "gene"
    """What crossover takes from one parent as a whole."""
    estimator: bool = False
    """Rank by what all measurements say of an architecture and its relatives, rather than by its own score."""
    screen: Count = 1
    """Mutants and children proposed for each that is measured, chosen by the estimator."""
    finalists: Count = 4
    """How many of the best are measured again where there are `evaluation.finals`."""
    generations: Count = 20
    """All generations, the random one included; population * generations architectures are evaluated."""
    budget_items: Count | None = None
    """Values by item after which the search ends, its generation finished; null: no such limit."""
    budget_seconds: Positive | None = None
    """Seconds of one worker after which the search ends, its generation finished; null: no such limit."""
    budget: Population | None = None
    """Architectures of all searchers but evolution, and of the random-search baseline; null: as many as evolution."""

    @property
    def evaluations(self) -> int:
        """Architectures that the search evaluates at most."""
        return self.budget or self.population * self.generations


class Baselines(JobModel):
    """What the found architecture is compared with."""

    random_search: bool = True
    """Random search over the same supernet with the same number of evaluations."""
    random_architectures: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """Random architectures scored on the test items; their median is the yardstick."""


class Resources(JobModel):
    """Where a job runs; changes no result."""

    engine: Literal["ray", "inprocess"] = "ray"
    workers: Annotated[int, Field(ge=1, le=MACHINE)] = 1
    """Processes that evaluate candidates."""
    address: str | None = None
    """Address of a Ray cluster; null: a local one."""
    cpus_per_worker: Annotated[float, Field(gt=0, le=MACHINE, allow_inf_nan=False)] = 1.0
    gpus_per_worker: Annotated[float, Field(ge=0, le=MACHINE, allow_inf_nan=False)] = 0.0
    """May be a fraction: several workers share a GPU."""
    threads: Annotated[int, Field(ge=1, le=MACHINE)] | None = None
    """Threads of each worker; null: cpus_per_worker, rounded down, at least 1."""

    @property
    def torch_threads(self) -> int:
        """Torch threads of each worker: the cores that it owns."""
        return self.threads or max(1, int(self.cpus_per_worker))


class Job(JobModel):
    """A whole search: the resolved job file. Each task subclasses it with sections and keys of its own.

    A job file may also hold `extends`: a job file or shipped job whose values it takes where it gives none of its own;
    mappings are merged key by key, lists and scalars are replaced.
    """

    kind: Literal["search"] = "search"
    task: str = TASK
    """Registered name of the task, whose sections the job has too; `asymnas list tasks` shows them."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    """Name of the run folder, `runs/<name>`: letters, digits, `_`, `.`, `-`."""
    seed: Seed = 0
    """Everything random follows from it."""
    space: Any
    """A shipped search space, a path relative to the job file, or the space itself."""
    training: Training = Training()
    evaluation: EvaluationSection = EvaluationSection()
    search: Search = Search()
    baselines: Baselines = Baselines()
    resources: Resources = Resources()

    def resolved(self) -> dict[str, Any]:
        """Return the job with all defaults as a plain mapping; a space given by a path is written out."""
        return self.plain() | {"space": written_out(self.space)}

    def identity(self) -> dict[str, Any]:
        """Return the resolved job without what changes no result (resources, folders, worker counts)."""
        plain = self.resolved()
        for key in (*PLACES, *TASKS.get(self.task).places):
            *parents, last = key.split(".")
            section = plain
            for parent in parents:
                section = section[parent]
            section.pop(last, None)
        return plain

    @property
    def has_test(self) -> bool:
        """Whether the job names held-out items; the model of a task whose jobs may do without overrides it."""
        return True

    def open(self) -> Task:
        """Open the job's task; nothing is read yet."""
        return TASKS.get(self.task).open(self)

    @property
    def hash(self) -> str:
        """16 hex digits of everything that defines the job's results."""
        return digest(self.identity())
