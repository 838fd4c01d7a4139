"""A run folder as the report sees it: whatever of a finished or unfinished run is there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from asymnas.core.errors import Problem, RunFolderError
from asymnas.runs.summary_check import check_summary
from asymnas.search import Evaluation, ResultLog

__all__ = ["RunData", "read_results", "read_run"]


@dataclass(frozen=True, slots=True)
class RunData:
    """What a run folder holds.

    Args:
        path: the folder.
        job: the resolved job, `job.yaml`.
        summary: `summary.json`; {} while the run is not finished.
        evaluations: the log, in the order written.
        training: lines of `training.jsonl`, in order.
        architecture: `architecture.json`; {} while nothing is found.
        space: `space.json`; {} where it is not written yet.
    """

    path: Path
    job: dict[str, Any]
    summary: dict[str, Any] = field(default_factory=dict)
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


def read_run(folder: Path | str) -> RunData:
    """Read a run folder.

    Raises:
        RunFolderError: it is no run folder, or one of its files is corrupt.
    """
    path = Path(folder)
    job_file = path / "job.yaml"
    if not job_file.is_file():
        rule = "is no run folder: it has no job.yaml"
        raise RunFolderError(Problem(str(path), rule, "", "Give a folder such as runs/x."))
    try:
        job = yaml.safe_load(job_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunFolderError(Problem(str(job_file), "the file is corrupt", " ".join(str(error).split()))) from error
    if not isinstance(job, dict):
        rule = "the file is corrupt: a job is a mapping of keys to values"
        raise RunFolderError(Problem(str(job_file), rule, type(job).__name__))
    summary = _json(path / "summary.json")
    check_summary(summary, path / "summary.json")
    return RunData(
        path,
        job,
        summary,
        list(ResultLog(path / "evaluations.jsonl")),
        _lines(path / "training.jsonl"),
        _json(path / "architecture.json"),
        _json(path / "space.json"),
    )


def read_results(folder: Path | str) -> dict[str, Any]:
    """Return the summary of a run; of an unfinished one what its log says so far."""
    run = read_run(folder)
    if run.summary:
        return run.summary
    scored = [item for item in run.stage("search") if item.suc is not None]
    found: dict[str, Any] = {"job": run.job.get("name"), "seed": run.job.get("seed"), "unfinished": True}
    found["training"] = {"steps": run.training[-1].get("step")} if run.training else {}
    found["search"] = {"evaluated": len(scored)}
    if scored:
        best = max(scored, key=lambda item: item.suc or 0.0)
        found["validation"] = {"suc": best.suc, "se": best.se, "videos": best.videos, "frames": best.frames}
        found["validation"] |= {"language": best.language}
        found["protocol"] = best.protocol
    return found


def _json(path: Path) -> dict[str, Any]:
    way_out = "Resume the run to write it again."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunFolderError(Problem(str(path), "the file is corrupt", str(error), way_out)) from error
    if not isinstance(content, dict):
        raise RunFolderError(Problem(str(path), "the file is corrupt", type(content).__name__, way_out))
    return content


def _lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines; a torn last line is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a JSON object is needed")
            found.append(row)
        except ValueError as error:
            if number < len(lines):
                raise RunFolderError(Problem(f"{path}:{number}", "the line is corrupt", line[:60])) from error
    return found
