"""A run folder as its readers see it: whatever of a finished or unfinished run is there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from asymnas.core.errors import Problem, RunFolderError
from asymnas.runs.folder import RunFolder
from asymnas.runs.summary import CompareSummary, RunSummary, Score, UnfinishedSummary, read_summary
from asymnas.search import Evaluation, ResultLog

__all__ = ["RunData", "read_run", "score_of"]


@dataclass(frozen=True, slots=True)
class RunData:
    """What a run folder holds.

    Args:
        path: the folder.
        job: the resolved job, `job.yaml`.
        summary: `summary.json`; None while the run is not finished.
        evaluations: the log, in the order written.
        training: lines of `training.jsonl`, in order.
        architecture: `architecture.json`; {} while nothing is found.
        space: `space.json`; {} where it is not written yet.
    """

    path: Path
    job: dict[str, Any]
    summary: RunSummary | CompareSummary | None = None
    evaluations: list[Evaluation] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)
    architecture: dict[str, Any] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=dict)

    @property
    def is_comparison(self) -> bool:
        """Whether the folder is that of a compare job."""
        return self.job.get("kind") == "compare"

    def stage(self, name: str) -> list[Evaluation]:
        """Return the evaluations of a stage in the order asked; of a place evaluated twice the last one."""
        places = {item.index: item for item in self.evaluations if item.stage == name}
        return [places[index] for index in sorted(places)]

    @property
    def so_far(self) -> UnfinishedSummary:
        """What the log and the training say of a run that is not finished."""
        scored = [item for item in self.stage("search") if item.ok]
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
    path = Path(folder)
    RunFolder.check_made(path)
    job_file = path / "job.yaml"
    try:
        job = yaml.safe_load(job_file.read_text(encoding="utf-8"))
        if not isinstance(job, dict):
            raise ValueError(f"a job is a mapping of keys to values, but got {type(job).__name__}")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunFolderError(Problem(str(job_file), "the file is corrupt", " ".join(str(error).split()))) from error
    return RunData(
        path,
        job,
        read_summary(path / "summary.json"),
        list(ResultLog(path / "evaluations.jsonl")),
        _lines(path / "training.jsonl"),
        _json(path / "architecture.json"),
        _json(path / "space.json"),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        way_out = "Resume the run to write it again."
        raise RunFolderError(Problem(str(path), "the file is corrupt", str(error), way_out)) from error


def _lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines; a torn last line is left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if number < len(lines):
                raise RunFolderError(Problem(f"{path}:{number}", "the line is corrupt", line[:60])) from error
    return found
