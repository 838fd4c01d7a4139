"""The exception family: every error a user can cause says where, which rule, which value and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `where` (file, line, dotted key), the `rule`, the `value` got and the `way_out`."""

    where: str
    rule: str
    value: str = ""
    way_out: str = ""

    def __str__(self) -> str:
        got = f", but got {self.value}" if self.value else ""
        rule = self.rule.rstrip(".")
        out = f" {self.way_out}" if self.way_out else ""
        return f"{self.where}: {rule}{got}.{out}" if self.where else f"{rule}{got}.{out}"


class AsymNASError(Exception):
    """Base of all errors that the user can put right; the command line prints it without a traceback, exit code 2.

    Args:
        problems: one message, one `Problem`, or all the problems found at once.
    """

    exit_code = 2

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem("", problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self):  # keeps the problems when the error crosses a process border
        return type(self), (self.problems,)


class SpaceError(AsymNASError):
    """A search space that cannot be: unknown key, tie of unequal domains, pattern that matches nothing, ..."""


class ArchitectureMismatch(SpaceError):
    """An architecture, path or checkpoint that is not of this space."""


class InfeasibleConstraint(SpaceError):
    """No architecture met the constraints within the bounded number of draws; the message gives the acceptance rate."""


class SearchSpaceExhausted(AsymNASError):
    """A searcher was asked for more distinct architectures than it can find."""


class JobError(AsymNASError):
    """A job file with unknown keys, wrong types or values out of range."""


class DataError(AsymNASError):
    """A data set, video, frame or annotation that is missing, corrupt or contradicts itself."""


class LanguageError(AsymNASError):
    """A text encoder or sentence that cannot be used."""


class WeightsError(AsymNASError):
    """A weight file that is missing, unsafe, corrupt or of another space."""


class TrackerError(AsymNASError):
    """A tracker plugin that is unknown, registered twice or breaks the contract."""


class ModelError(AsymNASError):
    """A model that breaks the contract of its task, or whose loss is not finite."""


class EvaluationError(AsymNASError):
    """The evaluation of candidates failed and the search cannot go on."""


class RunFolderError(AsymNASError):
    """A run folder that is in use, of another job, incomplete or cannot be written."""


class MissingDependency(AsymNASError):
    """An optional package is needed for what was asked and is not installed."""


def shown(value: object, limit: int = 60) -> str:
    """Return a value for a message: its `repr`, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a way out for an unknown `name`: the nearest known one, or the list of all (at most 12)."""
    known = sorted({str(item) for item in names})
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"Known: {shown}." if known else "None are known."
