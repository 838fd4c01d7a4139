"""The contract of a task: what the core asks of tracking, of audio and image, or of your own.

A `TaskPlugin` is what a package registers (entry-point group `asymnas.tasks`). It says how a job of the task is written
and opens one: the `Task` it returns gives batches to training, a model over a search space, and measurements of that
model to the search. The core knows paths, batches, losses, rewards and conditions, and nothing of what they mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from asymnas.core.errors import DataError, JobError, Problem, nearest
from asymnas.core.plugins import Registry

if TYPE_CHECKING:
    from pathlib import Path as File

    import numpy as np
    from torch import Tensor, nn

    from asymnas.space import Architecture, SearchSpace


GenePath = Mapping[str, str]
"""A path: one op token per gene id, all genes of the space."""


class Batch(Protocol):
    """Training samples, opaque to the core but for this."""

    @property
    def names(self) -> Sequence[str]:
        """The item that each sample came from, for messages; samples of one item share its name."""

    def __len__(self) -> int:
        """The number of samples."""

    def to(self, device: Any) -> Self:
        """Return the batch as tensors on a torch device; what is costly and needs no other thread happens before."""


class BatchSource(Protocol):
    """Batches by step and shard, and by nothing else: any process can draw any of them."""

    batch_size: int
    """Samples a step, over all shards."""

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> Batch:
        """Return shard `shard` of `shards` of step `step`, each >= 0; equal arguments give equal batches."""


@runtime_checkable
class TaskModel(Protocol):
    """What a task's model adds to a `torch.nn.Module`: the path is an argument, never state."""

    space: SearchSpace

    def loss(self, batch: Any, path: GenePath) -> dict[str, Tensor]:
        """Return scalar losses of a batch on the model's device: "total", to be minimised, and its named parts.

        "total" is a mean over the batch: the gradients of equal shards are averaged.
        """

    def __call__(self, batch: Any, path: GenePath) -> Any:
        """Run the network of `path` on a batch as training does, without the loss; recalibration feeds batches here."""

    def active_parameters(self, path: GenePath) -> list[str]:
        """Names, as in `named_parameters`, of the parameters that `path` can send a gradient to, in a fixed order."""


@dataclass(frozen=True, slots=True)
class Split:
    """A named set of items: what a reward is averaged over.

    Args:
        items: the items' names, each once, in a fixed order.
        fingerprint: identifies the items' content; part of the key of every score.
        noun: what the items are, in the plural, such as "videos".
        parts: by item the named part of the split that it belongs to; items that are left out belong to none.
    """

    items: tuple[str, ...]
    fingerprint: str
    noun: str = "items"
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def nested(self) -> tuple[str, ...]:
        """The items in the order in which rungs take them: every beginning holds each part in its share of the whole,
        the items of a part in their own order."""
        groups: dict[str | None, list[str]] = {}
        for item in self.items:
            groups.setdefault(self.parts.get(item), []).append(item)
        ranked = [
            ((place + 0.5) / len(group), number, item)
            for number, group in enumerate(groups.values())
            for place, item in enumerate(group)
        ]
        return tuple(item for _, _, item in sorted(ranked))


@dataclass(frozen=True, slots=True)
class Reward:
    """A named measure of a model on items; higher is better.

    Args:
        name: as jobs and logs write it, such as "suc".
        title: as tables and figures write it, such as "SUC".
        whole: the value of a set of items from the values of each: `whole(values (n,), items) -> float`. None is the
            mean. A pooled accuracy, or an average precision over items, is a rule of its own.
        low: smallest possible value of an item and of the whole.
        high: largest possible value.
        split: name of the split that a search measures it on; a reward of other items than those of "validation", such
            as a loss on pairs of frames, has a split of its own.
    """

    name: str
    title: str
    whole: Callable[[np.ndarray, Sequence[str]], float] | None = None
    low: float = 0.0
    high: float = 1.0
    split: str = "validation"

    def value(self, values: Mapping[str, float]) -> float:
        """Return the value of the whole from the values of the items, at least one."""
        import numpy as np

        row = np.array(list(values.values()))
        return float(row.mean()) if self.whole is None else float(self.whole(row, list(values)))

    def se(self, values: Mapping[str, float]) -> float | None:
        """Return the standard error of the whole over items (for a rule of its own by the jackknife); None for one."""
        import numpy as np

        from asymnas.core.statistics import mean_se

        row, items = np.array(list(values.values())), list(values)
        count = len(row)
        if count < 2:
            return None
        if self.whole is None:
            return mean_se(row).se
        left_out = [self.whole(np.delete(row, i), items[:i] + items[i + 1 :]) for i in range(count)]
        return float(np.sqrt((count - 1) * np.var(left_out)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one model scored on one split under one condition.

    Args:
        values: the reward by item, for all items of the split.
        measures: further numbers of the whole, by name; in the log and in summary.json, never searched by.
        facts: what must stand beside the score, by name: numbers are amounts that add up over items ("frames": 1152),
            texts are names ("protocol": "lasot").
        kept: what a `Keeper` writes (boxes, predictions); never in the log.
    """

    values: Mapping[str, float]
    measures: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str | float] = field(default_factory=dict)
    kept: Any = None


class Keeper(Protocol):
    """Writes what a run keeps of its test stage beside the scores: boxes, predictions, pictures."""

    def wants(self, name: str, key: str) -> bool:
        """Whether the evaluation `name` ("best", "best with", "baseline mil", ...), whose score has `key`, is to come
        with what it keeps; False where the run has it already."""

    def add(self, name: str, evaluation: Any) -> None:
        """Write what an evaluation kept: `evaluation.kept` has the measurements' `kept` by condition."""

    def finish(self, results: Mapping[str, Any]) -> None:
        """Make of it what is to be seen, when all evaluations (by name) are there."""


class Task(ABC):
    """A task opened for one job. Cheap to make: data is read when it is first asked for; each worker opens its own.

    Attributes:
        job: the job.
        space: the job's search space.
        rewards: the rewards that the task has, by name; a search climbs the job's, the first by default.
        conditions: what the inputs can be given as, by name, all inputs first: such as "with" and "without" sentences.
        scored: the conditions that a search's reward is the mean of.
        baselines: names of what the found architecture is compared with; they have no search space.
    """

    job: Any
    space: SearchSpace
    rewards: Mapping[str, Reward]
    conditions: tuple[str, ...]
    scored: tuple[str, ...]
    baselines: tuple[str, ...] = ()

    @property
    def reward(self) -> Reward:
        """The reward that the job asks for.

        Raises:
            JobError: the task has none of this name.
        """
        name = self.job.evaluation.reward or next(iter(self.rewards))
        if name not in self.rewards:
            rule, way_out = f"must name a reward of task '{self.job.task}'", nearest(name, self.rewards)
            raise JobError(Problem("evaluation.reward", rule, repr(name), way_out))
        return self.rewards[name]

    @abstractmethod
    def load(self) -> None:
        """Read and check all data that the job names, in the process that starts a run.

        Raises:
            DataError: all that is wrong with any of it, at once; test items that are not held out.
        """

    @property
    @abstractmethod
    def splits(self) -> Mapping[str, Split]:
        """The sets of items by name: "validation", on which the search scores, "test" if the job has one, and those
        that rewards name."""

    def prepare(self, on_progress: Callable[[int, int], None]) -> None:  # noqa: B027 - most tasks need nothing
        """Do once, before workers start, what all of them need (embed sentences, make sounds) and keep it in a cache.

        `on_progress(done, total)` may be called.
        """

    @abstractmethod
    def fingerprint(self) -> Mapping[str, Any]:
        """All that a score depends on beside space, architecture, weights, items and condition, as JSON values.

        Settings of the model and of scoring, encoders, and the data that recalibration draws from.
        """

    def model_fingerprint(self) -> Mapping[str, str]:
        """What the model's numbers depend on beside job, data and weights, by name: such as the hash of an encoder."""
        return {}

    def baseline_fingerprint(self) -> Mapping[str, Any]:
        """All that a baseline's score depends on beside its name and the items, as JSON values."""
        return {}

    @abstractmethod
    def model(self) -> nn.Module:
        """Return the model (a `TaskModel`) over the space, on the CPU; its weights are a function of the job's seed."""

    @abstractmethod
    def batches(self, purpose: str) -> BatchSource:
        """Return the batches of "training", or others of "recalibration" (with the job's batch sizes)."""

    def fresh(self, reward: Reward, count: int) -> str:
        """Add a split of `count` items of a reward that no stage of the job uses, the same at every call; return its
        name. Diagnoses measure on it.

        Raises:
            DataError: there are not so many.
        """
        rule = "the task has no further items to measure on"
        way_out = "Leave `--items` out; the other switches of `asymnas diagnose` measure on the items of the search."
        raise DataError(Problem(f"task '{self.job.task}'", rule, f"{count} of {reward.title}", way_out))

    @abstractmethod
    def measure(
        self,
        model: Any,
        path: GenePath,
        split: str,
        *,
        reward: Reward,
        condition: str,
        items: Sequence[str],
        keep: bool = False,
    ) -> Measurement:
        """Measure the model of one path on items of a split, as a function of the arguments alone.

        Args:
            model: the task's model in eval mode, its statistics recalibrated; gradients are off.
            path: the architecture's path.
            split: name of the split.
            reward: one of the task's.
            condition: which inputs are given.
            items: names of the items to measure, each once. The value of an item does not depend on the others, but
                for its last bits.
            keep: whether the measurement has `kept`.
        """

    def measure_baseline(self, name: str, split: str, *, reward: Reward, keep: bool = False) -> Measurement:
        """Measure a baseline; arguments as for `measure`."""
        raise JobError(Problem("baselines", "the task has no baseline of this name", repr(name)))

    def keeper(self, run: File, architecture: Architecture, weights: str) -> Keeper | None:
        """Return what writes the results of the test stage into the run folder; None keeps the scores alone.

        Args:
            run: the run folder.
            architecture: the found one.
            weights: hash of the supernet's weights.
        """
        return None

    def describe(self) -> Mapping[str, Any]:
        """Return what a dry run shows of the task's data, as JSON values by name."""
        return {}

    def rehearsal(self) -> tuple[Task, list[str]]:
        """Return the task for a dry run, in which made-up data of the same shape stands in for what this machine lacks.

        Returns:
            The task, and a sentence for each thing that was made up.
        """
        return self, []


class TaskPlugin(ABC):
    """What a package registers for a task. Importing it is cheap; its methods import what they need.

    Attributes:
        name: as a job's `task:` names it.
        summary: one line for `asymnas list tasks`.
        files: dotted keys of the task's part of the job that name files; they are relative to the job file.
        names_or_files: dotted keys that hold a registered name or a file.
        places: dotted keys that say where a job runs and change no result; they are not part of the job's hash.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    files: ClassVar[tuple[str, ...]] = ()
    names_or_files: ClassVar[tuple[str, ...]] = ()
    places: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def schema(self) -> type[Any]:
        """Return the pydantic model of the task's jobs: a subclass of `asymnas.job.Job` with the task's sections.

        A section is an `asymnas.job.JobModel`, in which unknown keys are errors; sections of the core that get keys of
        the task's own are subclassed (`asymnas.job.Baselines`, `asymnas.job.Evaluation`).
        """

    @abstractmethod
    def open(self, job: Any) -> Task:
        """Open a job of this task."""

    def complete(self, document: Any, layers: Any) -> None:  # noqa: B027 - most tasks have none
        """Fill in values of the task's own (presets) before the job is checked."""

    def check(self, document: Any, job: Any, dropped: Any) -> Iterator[Problem]:
        """Yield what is wrong with the task's part beyond its schema: names that are not registered, rules across keys.

        Args:
            document: the job as written, `asymnas.core.document.Document`.
            job: the model, with defaults for faulty values; None where a required value is missing.
            dropped: places of the faulty values.
        """
        return iter(())

    def commands(self) -> Mapping[str, str]:
        """Return the task's own subcommands of `asymnas`, each as "module:function"."""
        return {}

    def health(self, data_root: str | None) -> tuple[Mapping[str, Any], Sequence[Problem]]:
        """Look for what the task needs on this machine, such as data sets, for `asymnas doctor`.

        Args:
            data_root: the folder of the data sets; None for the environment's.

        Returns:
            What was found, as JSON values by name, and what is wrong.
        """
        return {}, ()

    def sections(self, run: Any) -> Sequence[Any]:
        """Return sections (`asymnas.report.Section`) for the report of a run, `asymnas.runs.RunData`."""
        return ()


TASKS: Registry[TaskPlugin] = Registry("task", "asymnas.tasks", "asymnas.task:TaskPlugin", JobError)
"""The tasks: tracking, audiovisual, and those of installed packages."""
