"""pareto.json: what a search of several objectives found, and how one of it is picked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.core.files import write_text
from asymnas.core.models import Finite, Record
from asymnas.runs.record import read_record
from asymnas.search.objectives import FORMS, Objective, order_by_fronts

PARETO = "pareto.json"


class ParetoPoint(Record):
    """An architecture that no other beats in every objective; `values` by objective, in their own units."""

    key: str
    genes: dict[str, str]
    generation: int
    values: dict[str, Finite]


class ParetoFile(Record):
    """The front.

    Args:
        objectives: names, see `asymnas.search.objectives.Objective`.
        points: the front, by the first objective, best first.
        others: values of all other architectures that were measured, in the order of the objectives.
        reference: by objective, the worst value of the first generation, and a tenth of that generation's range worse.
        ideal: by objective, the best value of the whole search.
        hypervolume: after each generation the share of the box between reference and ideal that is beaten by what was
            found until then.
    """

    format: Literal["asymnas-pareto"] = "asymnas-pareto"
    version: Literal[1] = 1
    objectives: list[str]
    points: Annotated[list[ParetoPoint], Field(min_length=1)]
    others: list[list[Finite]]
    reference: dict[str, Finite]
    ideal: dict[str, Finite]
    hypervolume: list[Finite]

    @model_validator(mode="after")
    def _complete(self) -> ParetoFile:
        names, kinds = set(self.objectives), {form.partition(".")[0].partition(":")[0] for form in FORMS.split(", ")}
        if len(names) < 2 or not {Objective(name).kind for name in names} <= kinds:
            raise ValueError("must name two objectives or more")
        for held in (self.reference, self.ideal, *(point.values for point in self.points)):
            if set(held) != names:
                raise ValueError(f"must have a value of every objective: {', '.join(self.objectives)}")
        if any(len(row) != len(self.objectives) for row in self.others):
            raise ValueError(f"must have a value of every objective: {', '.join(self.objectives)}")
        return self

    @staticmethod
    def of(objectives: list[str], rows: list[ParetoPoint]) -> ParetoFile:
        """Return the file of all that a search measured, at least one, in the order told."""
        signs = np.array([-1.0 if Objective(name).maximised else 1.0 for name in objectives])
        values = np.array([[row.values[name] for name in objectives] for row in rows])
        losses, generation = values * signs, np.array([row.generation for row in rows])
        first = losses[generation == generation[0]]
        worst, best = first.max(0), losses.min(0)
        reference = worst + 0.1 * (worst - first.min(0))
        ranks, _ = order_by_fronts(losses)
        front = sorted(np.flatnonzero(ranks == 0), key=lambda n: tuple(losses[n]))
        return ParetoFile(
            objectives=objectives,
            points=[rows[n] for n in front],
            others=values[ranks > 0].tolist(),
            reference=dict(zip(objectives, (reference * signs).tolist(), strict=True)),
            ideal=dict(zip(objectives, (best * signs).tolist(), strict=True)),
            hypervolume=_volumes(losses, generation, reference, best),
        )

    @property
    def limit(self) -> str:
        """How `pick` is asked for a limit on the last objective."""
        name = self.objectives[-1]
        return f"{name}{'>=' if Objective(name).maximised else '<='}NUMBER"

    @staticmethod
    def read(file: Path) -> ParetoFile:
        """Read what `write` wrote."""
        rule, way_out = "must be the Pareto front of a run", "Resume the run to write it again."
        found: ParetoFile = read_record(file, ParetoFile, rule, way_out)
        return found

    def write(self, file: Path) -> None:
        """Write the file, whole or not at all."""
        write_text(file, self.model_dump_json(indent=1) + "\n")

    def pick(self, wanted: str) -> ParetoPoint:
        """Return one point.

        Args:
            wanted: `knee`: the farthest below the plane through the ends of the front, each objective scaled to its
                range in it; `best-OBJECTIVE`; `OBJECTIVE<=NUMBER` or `>=`: of those that meet it the
                best by reward, or by the first other objective; a number: the point's place, from 1.

        Raises:
            DataError: it is none of these, or no point meets it.
        """
        if wanted == "knee":
            return self.points[int(np.argmin(self._scaled().sum(1)))]
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.points):
            return self.points[int(wanted) - 1]
        if wanted.startswith("best-"):
            name = self._known(wanted.removeprefix("best-"))
            return self.points[int(np.argmin(self._scaled()[:, self.objectives.index(name)]))]
        limit = re.fullmatch(r"\s*(\S+?)\s*(<=|>=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*", wanted)
        if limit is None:
            rule, ways = "must be a point of the front", f"a number from 1 to {len(self.points)}"
            way_out = f"Give knee, best-{self.objectives[0]}, {self.limit}, or {ways}."
            raise DataError(Problem("--pick", rule, repr(wanted), way_out))
        return self._under(self._known(limit[1]), limit[2] == "<=", float(limit[3]), wanted)

    def _under(self, name: str, below: bool, limit: float, wanted: str) -> ParetoPoint:
        kept = [
            n
            for n, point in enumerate(self.points)
            if (point.values[name] <= limit if below else point.values[name] >= limit)
        ]
        if not kept:
            values = [point.values[name] for point in self.points]
            rule = f"no point of the front meets it: {name} is {min(values):.6g} to {max(values):.6g}"
            raise DataError(Problem("--pick", rule, repr(wanted), "Loosen the limit."))
        first = "reward" if "reward" in self.objectives and name != "reward" else None
        goal = first or next(other for other in self.objectives if other != name)
        column = self._scaled()[:, self.objectives.index(goal)]
        return self.points[min(kept, key=lambda n: (column[n], n))]

    def _known(self, name: str) -> str:
        if name not in self.objectives:
            raise DataError(
                Problem("--pick", "the front has no such objective", repr(name), nearest(name, self.objectives))
            )
        return name

    def _scaled(self) -> np.ndarray:
        """(points, objectives), 0 for the best in the front and 1 for the worst."""
        signs = np.array([-1.0 if Objective(name).maximised else 1.0 for name in self.objectives])
        losses = np.array([[point.values[name] for name in self.objectives] for point in self.points]) * signs
        spread = np.ptp(losses, 0)
        return (losses - losses.min(0)) / np.where(spread > 0, spread, 1)


def _volumes(losses: np.ndarray, generation: np.ndarray, reference: np.ndarray, best: np.ndarray) -> list[float]:
    import moocore

    scaled = (losses - best) / np.where(reference > best, reference - best, 1)
    corner = np.where(reference > best, 1.0, 0.0)
    last = int(generation.max())
    return [float(moocore.hypervolume(scaled[generation <= n], ref=corner)) for n in range(last + 1)]
