"""A job file as pydantic models: everything a search is defined by, with ranges and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr

from asymnas.job.base import MACHINE, PLACES, Count, JobModel, Seed, Whole, digest, written_out
from asymnas.tracking.task.schema import Data
from asymnas.training.config import Training

__all__ = [
    "Baselines",
    "Evaluation",
    "Job",
    "LanguageJob",
    "Recalibration",
    "Resources",
    "Search",
    "TrackerJob",
    "Training",
]

Population = Annotated[int, Field(ge=1, le=1_000_000)]
"""Architectures that are proposed, and held in memory, at once."""


class TrackerJob(JobModel):
    """The tracker plugin and its own options; every key but `name` is the plugin's and is checked by its model."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str = "vlt_scar"
    """Registered name; `asymnas list trackers` shows them."""

    @property
    def options(self) -> dict[str, Any]:
        """The plugin's options."""
        return dict(self.model_extra or {})


class LanguageJob(JobModel):
    """The text encoder; its embeddings are computed once per sentence."""

    encoder: str = "minilm"
    """`minilm`, a folder with a Hugging Face model, or a hub name such as `bert-base-uncased` or `gpt2`."""
    cache: str | None = None
    """Folder of the embedding cache; null: the user's cache folder."""


class Recalibration(JobModel):
    """Batch-norm statistics of a candidate: exact over fixed batches of training pairs."""

    batches: Count = 4
    batch_size: Count = 32


class Evaluation(JobModel):
    """How a candidate is scored."""

    protocol: str = "lasot"
    """Named benchmark protocol of SUC."""
    language: Literal["with", "without", "both"] = "with"
    """Track with the sentences, without them, or both (the score is then the mean of the two)."""
    recalibration: Recalibration = Recalibration()
    lockstep: Count = 16
    """Videos tracked as one batch; changes speed and memory, not boxes."""
    preset: Literal["vlt_release"] | None = None
    """`vlt_release`: the released reward, 20 validation videos, 11 frames each, recalibrated on 50 batches of 64;
    it fills what the job leaves open."""


class Search(JobModel):
    """How architectures are proposed."""

    algorithm: Literal["evolution", "random", "nni_tpe", "nni_evolution"] = "evolution"
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
    generations: Count = 20
    """All generations, the random one included; population * generations architectures are evaluated."""
    budget: Population | None = None
    """Evaluations of `random`, `nni_*` and of the random-search baseline; null: as many as the evolution would make."""

    @property
    def evaluations(self) -> int:
        """Architectures that the search evaluates at most."""
        return self.budget or self.population * self.generations


class Baselines(JobModel):
    """What the found architecture is compared with."""

    random_search: bool = True
    """Random search over the same supernet with the same number of evaluations."""
    random_architectures: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """Random architectures scored on the test videos; their median is the yardstick."""
    trackers: list[str] = Field(default_factory=lambda: ["static", "template_matching", "mil"])
    """Trackers without a search space, scored on the same videos."""


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
    frame_threads: Annotated[int, Field(ge=1, le=MACHINE)] | None = None
    """Threads of each worker that decode training frames and cut pairs; null: as `threads`."""
    frame_cache: Whole = 512
    """MiB of decoded training frames that each worker keeps."""


class Job(JobModel):
    """A whole search: the resolved job file.

    A job file may also hold `extends`: a job file or shipped job whose values it takes where it gives none of its own;
    mappings are merged key by key, lists and scalars are replaced.
    """

    kind: Literal["search"] = "search"
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    """Name of the run folder, `runs/<name>`: letters, digits, `_`, `.`, `-`."""
    seed: Seed = 0
    """Everything random follows from it."""
    space: Any
    """A shipped search space, a path relative to the job file, or the space itself."""
    tracker: TrackerJob = TrackerJob()
    language: LanguageJob = LanguageJob()
    data: Data
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
    baselines: Baselines = Baselines()
    resources: Resources = Resources()

    _origin: str = PrivateAttr(default="")

    @property
    def origin(self) -> str:
        """The file that the job came from; empty for a job made in Python."""
        return self._origin

    def resolved(self) -> dict[str, Any]:
        """Return the job with all defaults as a plain mapping; a space given by a path is written out.

        Raises:
            SpaceError: the space's file cannot be read.
        """
        return self.plain() | {"space": written_out(self.space)}

    def identity(self) -> dict[str, Any]:
        """Return the resolved job without what changes no result (resources, folders, worker counts)."""
        plain = self.resolved()
        for dotted in PLACES:
            *parents, key = dotted.split(".")
            section = plain
            for parent in parents:
                section = section[parent]
            section.pop(key, None)
        return plain

    @property
    def hash(self) -> str:
        """16 hex digits of everything that defines the job's results."""
        return digest(self.identity())
