"""The reward ladder: rungs from cheap to true, each with items of its own, and what an architecture has on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from asymnas.core.errors import JobError, Problem, nearest
from asymnas.search.results import Evaluation
from asymnas.task import Reward, Task


@dataclass(frozen=True, slots=True)
class Rung:
    """A reward and items to measure it on.

    Args:
        reward: name of the reward; "" for the job's.
        split: name of the split that the items are of.
        span: from where to where in the split's nested order they are; None for all of them.
        keep: share of the candidates that go on to the next rung, in (0, 1]; at least one does.
    """

    reward: str = ""
    split: str = "validation"
    span: tuple[int, int] | None = None
    keep: float = 1.0

    def survivors(self, candidates: int) -> int:
        """Return how many of so many candidates go on."""
        return max(1, math.ceil(self.keep * candidates - 1e-9))


class RungSection(Protocol):
    """What a job says of a rung."""

    reward: str | None
    items: int | None
    keep: float


def rungs_of(task: Task, sections: Sequence[RungSection], *, after: Sequence[Rung] = (), where: str) -> list[Rung]:
    """Return the rungs that a job describes; a rung begins where a lower one with its reward ends: nothing is repeated.

    Args:
        task: has the rewards and the items.
        sections: the rungs as the job has them; `items` counts from the first item that none of `after` uses.
        after: rungs whose items are not to be used again.
        where: of the sections, for messages.

    Raises:
        JobError: a rung names no reward of the task, or asks for more items than there are.
    """
    rungs: list[Rung] = []
    base = {rung.split: max(_end(task, other) for other in after if other.split == rung.split) for rung in after}
    for number, section in enumerate(sections):
        at = f"{where}[{number}]"
        name = section.reward or task.reward.name
        if name not in task.rewards:
            rule = f"must name a reward of task '{task.job.task}'"
            raise JobError(Problem(f"{at}.reward", rule, repr(name), nearest(name, task.rewards)))
        split = task.rewards[name].split
        first, there = base.get(split, 0), len(task.splits[split].items)
        start = max((_end(task, rung) for rung in rungs if rung.reward == name), default=first)
        stop = there if section.items is None else first + section.items
        if not start < stop <= there:
            rule = f"must be above {start - first}, which lower rungs have, and at most {there - first} {name} items"
            rule += f" (of {there}, {first} are used by other rungs)" if first else ""
            way_out = "Give the job more items, or ask for fewer."
            if first == there:
                way_out = f"Give the rungs of `evaluation.ladder` with {name} `items`, so that some are left."
            raise JobError(Problem(f"{at}.items", rule, str(section.items), way_out))
        span = None if (start, stop) == (0, there) else (start, stop)
        rungs.append(Rung(name, split, span, section.keep))
    return rungs


def _end(task: Task, rung: Rung) -> int:
    return len(task.splits[rung.split].items) if rung.span is None else rung.span[1]


def joined(evaluations: Sequence[Evaluation], rewards: Mapping[str, Reward]) -> Evaluation:
    """Return one evaluation of all items that an architecture was measured on by the reward of the last evaluation."""
    last = evaluations[-1]
    parts = [item for item in evaluations if item.reward == last.reward and item.split == last.split]
    if len(parts) == 1:
        return last
    reward = rewards[last.reward]
    items = {name: value for part in parts for name, value in part.items.items()}
    changes: dict[str, Any] = {"items": items, "value": reward.value(items), "se": reward.se(items), "span": None}
    for name in ("by_condition", "measures"):
        found: dict[str, float] = getattr(last, name)
        changes[name] = {
            key: sum(getattr(part, name)[key] * len(part.items) for part in parts) / len(items) for key in found
        }
    amounts = {key: value for key, value in last.facts.items() if not isinstance(value, str)}
    sums = {key: sum(part.facts[key] for part in parts) for key in amounts}  # type: ignore[misc]
    return last.but(**changes, facts={**last.facts, **sums}, seconds=sum(part.seconds for part in parts))
