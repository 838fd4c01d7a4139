"""A run folder as its readers see it: whatever of a finished or unfinished run is there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from asymnas.core.errors import Problem, RunFolderError
from asymnas.runs.folder import RunFolder
from asymnas.runs.pareto import PARETO, ParetoFile
from asymnas.runs.summary import CompareSummary, RunSummary, Score, UnfinishedSummary, read_summary
from asymnas.search import Evaluation, ResultLog, joined
from asymnas.task import Reward


@dataclass(frozen=True, slots=True)
class RunData:
    """What a run folder holds: what is not written yet is None or empty.

    `job` is the resolved job; `evaluations` and `training` are the lines of the logs, in order.
    """

    folder: Path
    job: dict[str, Any]
    summary: RunSummary | CompareSummary | None = None
    evaluations: list[Evaluation] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)
    architecture: dict[str, Any] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)
    pareto: ParetoFile | None = None

    def stage(self, name: str) -> list[Evaluation]:
        """Return the evaluations of a stage in the order asked; of a place evaluated twice the last one."""
        places = {item.index: item for item in self.evaluations if item.stage == name}
        return [places[index] for index in sorted(places)]

    def candidates(self, name: str) -> list[Evaluation]:
        """Return of each architecture of a search what it scored on the highest rung, or its failure, as asked.

        Those that a lower rung left behind are not among them. Of several rungs with one reward it is the mean.
        """
        found: dict[int, list[Evaluation]] = {}
        for item in self.stage(name):
            found.setdefault(item.index if item.candidate is None else item.candidate, []).append(item)
        top = max((items[-1].rung or 0 for items in found.values()), default=0)
        last = [items for items in found.values() if not items[-1].ok or (items[-1].rung or 0) == top]
        return [joined(items, {items[-1].reward: Reward(items[-1].reward, items[-1].reward)}) for items in last]

    @property
    def so_far(self) -> UnfinishedSummary:
        """What the log and the training say of a run that is not finished."""
        scored = [item for item in self.candidates("search") if item.ok]
        best = max(scored, key=lambda item: item.value or 0.0, default=None)
        return UnfinishedSummary(
            task=self.job.get("task", ""),
            job=self.job.get("name", ""),
            seed=self.job.get("seed"),
            steps=self.training[-1].get("step") if self.training else None,
            evaluated=len(scored),
            reward=best.reward if best else "",
            validation=score_of(best) if best else None,
        )


def score_of(evaluation: Evaluation) -> Score:
    """Return the score of an evaluation that has one."""
    return Score(
        value=evaluation.value or 0.0,
        se=evaluation.se,
        items=evaluation.items,
        facts=evaluation.facts,
        by_condition=evaluation.by_condition,
        measures=evaluation.measures,
    )


def read_run(folder: Path | str) -> RunData:
    """Read a run folder.

    Raises:
        RunFolderError: it is no run folder, its run is of another version, or one of its files is corrupt.
    """
    folder = Path(folder)
    RunFolder.check_made(folder)
    try:
        job = dict(yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        value = " ".join(str(error).split())
        raise RunFolderError(Problem(str(folder / "job.yaml"), "the file is corrupt", value)) from error
    return RunData(
        folder,
        job,
        read_summary(folder / "summary.json"),
        list(ResultLog(folder / "evaluations.jsonl")),
        _lines(folder / "training.jsonl"),
        _json(folder / "architecture.json"),
        _json(folder / "space.json"),
        ParetoFile.read(folder / PARETO) if (folder / PARETO).is_file() else None,
    )


def _json(file: Path) -> dict[str, Any]:
    return _parsed(file, file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else {}


def _lines(file: Path) -> list[dict[str, Any]]:
    """JSON lines; a torn last line is left out."""
    lines = file.read_bytes().decode(errors="replace").split("\n")[:-1] if file.is_file() else []
    return [_parsed(f"{file}:{number}", line) for number, line in enumerate(lines, start=1)]


def _parsed(where: object, text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        way_out = "Resume the run to write it again."
        raise RunFolderError(Problem(str(where), "the file is corrupt", str(error), way_out)) from error
