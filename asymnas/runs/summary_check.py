"""What the report reads of a summary, as pydantic models: a summary changed by hand is told before it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from asymnas.core.errors import Problem, RunFolderError, shown
from asymnas.core.schema import RULES

__all__ = ["check_summary"]

Suc = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel, extra="allow", strict=True):
    """Anything more may be in a summary; all but what makes a number a number may be missing."""


class _Interval(_Part):
    value: Number
    low: float
    high: float


class _Score(_Part):
    suc: Suc
    se: Number | None = None
    videos: dict[str, Suc] | None = None
    frames: int | None = None
    difference: _Interval | None = None


class _PartScore(_Score):
    n: int


class _Median(_Part):
    n: int
    median: Suc
    difference: _Interval | None = None


class _Language(_Part):
    part: str
    with_: Suc = Field(alias="with")
    without: Suc
    difference: _Interval


class _Test(_Part):
    best: _Score | None = None
    parts: dict[str, _PartScore] = {}
    baselines: dict[str, _Score] = {}
    random_search: _Score | None = None
    random_architectures: _Median | None = None
    language: list[_Language] | _Language | None = None
    failed: dict[str, str] = {}


class _BranchCost(_Part):
    macs: Number
    params: Number


class _Counts(_Part):
    evaluated: int | None = None
    from_log: int | None = None
    failed: int | None = None
    best: _Score | None = None


class _Training(_Part):
    steps: int | None = None
    pairs: int | None = None
    pairs_per_second: Number | None = None


class _Architecture(_Part):
    key: str = ""
    drawing: str = ""
    genes: dict[str, str] = {}


class _Seed(_Part):
    seed: int
    validation: Suc
    test: Suc
    gap: Number
    random_search_test: Suc | None = None
    random_median_test: Suc | None = None


class _Space(_Part):
    seeds: list[_Seed]
    gap: _Interval | None = None


class _Difference(_Part):
    kind: str
    first: str
    other: str
    difference: _Interval
    per_seed: list[Number]
    videos: int
    noise: bool
    verdict: str


class _Summary(_Part):
    """A run's summary, or a comparison's."""

    architecture: _Architecture = _Architecture()
    validation: _Score | None = None
    test: _Test | None = None
    search: _Counts | None = None
    random_search: _Counts | None = None
    training: _Training | None = None
    cost: dict[str, _BranchCost | Number | None] | None = None
    seconds: dict[str, Number] | Number | None = None
    versions: dict[str, str] | None = None
    spaces: dict[str, _Space] | None = None
    differences: list[_Difference] | None = None
    level: Suc = 0.95


def check_summary(summary: dict[str, Any], path: Path) -> None:
    """Check what the report reads of a summary.

    Raises:
        RunFolderError: a value is no number, out of range or missing where the report needs it; all of them at once.
    """
    try:
        _Summary.model_validate(summary)
    except ValidationError as error:
        way_out = "Restore the file, or remove it and resume the run to write it again."
        faults = {_key(summary, fault): fault for fault in reversed(error.errors(include_url=False))}
        problems = []
        for key, fault in sorted(faults.items()):
            if not any(other.startswith(f"{key}.") for other in faults):  # each form that a value may have is told of
                rule = RULES.get(fault["type"], fault["msg"]).format(**fault.get("ctx", {}))
                value = "" if fault["type"] == "missing" else shown(fault["input"])
                problems.append(Problem(f"{path}: {key}", rule, value, way_out))
        raise RunFolderError(problems) from error


def _key(data: Any, fault: Mapping[str, Any]) -> str:
    """The dotted key of a fault: pydantic puts names of types between the keys."""
    key = []
    for item in fault["loc"]:
        if item in data if isinstance(data, dict) else isinstance(data, list) and isinstance(item, int):
            data = data[item]
            key.append(str(item))
    return ".".join([*key, fault["loc"][-1]] if fault["type"] == "missing" else key)
