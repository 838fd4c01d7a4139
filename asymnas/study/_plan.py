"""What a search measures, in which order, and what it ends with."""

from __future__ import annotations

from dataclasses import dataclass

from asymnas.job import LadderRung
from asymnas.runs.summary import ClimbedReward
from asymnas.search import Estimator, Evaluation, Finalist, Rung, SearchResult, rungs_of
from asymnas.space import Architecture
from asymnas.task import Reward, Task


@dataclass(frozen=True, slots=True)
class Plan:
    """The rungs of the search and those of the finals, which come after them."""

    ladder: tuple[Rung, ...]
    finals: tuple[Rung, ...]

    @staticmethod
    def of(task: Task) -> Plan:
        """Return the plan of an open task's job.

        Raises:
            JobError: a rung that the task cannot measure.
        """
        evaluation = task.job.evaluation
        ladder = rungs_of(task, evaluation.ladder or [LadderRung()], where="evaluation.ladder")
        finals = rungs_of(task, evaluation.finals, after=ladder, where="evaluation.finals")
        return Plan(tuple(ladder), tuple(finals))

    @property
    def measures(self) -> list[str]:
        """The rewards of the ladder, each once, the last one being what is climbed."""
        last = self.ladder[-1].reward
        return [*dict.fromkeys(rung.reward for rung in self.ladder if rung.reward != last), last]

    def climbed(self, task: Task) -> ClimbedReward:
        """Return the reward of the ladder's last rung."""
        return climbed(task, task.rewards[self.ladder[-1].reward])


def climbed(task: Task, reward: Reward) -> ClimbedReward:
    """Return what a summary says of a reward that a search climbs."""
    return ClimbedReward(name=reward.name, title=reward.title, noun=task.splits[reward.split].noun)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """A search with its finals; `estimator` has all the evidence."""

    result: SearchResult
    finalists: list[Finalist]
    estimator: Estimator | None

    @property
    def best(self) -> Architecture:
        """The winner."""
        return self.result.best

    @property
    def best_evaluation(self) -> Evaluation:
        """What the winner scored: in the finals, where there were some, else on the highest rung that it reached."""
        return self.result.best_evaluation
