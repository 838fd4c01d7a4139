"""Architecture files: an architecture with the space it is of, its score, cost and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from asymnas.core.errors import ArchitectureMismatch, AsymNASError, Problem, RunFolderError, SpaceError, nearest
from asymnas.core.files import write_whole
from asymnas.core.text import read_text
from asymnas.space._architecture import Architecture, checked_path
from asymnas.space._cost import Cost
from asymnas.space._load import SHIPPED, load_space
from asymnas.space._space import SearchSpace

__all__ = ["ArchitectureFile", "architecture_content", "list_architectures", "load_architecture", "save_architecture"]

FORMAT, VERSION = "asymnas-architecture", 1
LARGEST = 1e300  # of a score; a whole number of JSON may be larger than any float
_KEYS = ("format", "version", "space", "genes", "ties", "score", "cost", "provenance")


@dataclass(frozen=True, slots=True)
class ArchitectureFile:
    """What an architecture file holds.

    Attributes:
        architecture: the path and its space.
        score: `metric`, `value`, `se`, `videos`, `frames` and more, or None where it was never scored.
        cost: {branch: {macs, params}} and `total`.
        provenance: hashes, seed, versions, date or source.
    """

    architecture: Architecture
    score: dict[str, Any] | None
    cost: dict[str, Any]
    provenance: dict[str, Any]


def list_architectures() -> list[str]:
    """Return the names of the architectures that come with AsymNAS."""
    found = (Path(item.name) for item in resources.files(SHIPPED).iterdir())
    return sorted(path.stem for path in found if path.suffix == ".json")


def architecture_content(
    arch: Architecture,
    *,
    score: Mapping[str, Any] | None = None,
    cost: Cost | Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of an architecture file as plain values; the cost is worked out where none is given."""
    space = arch.space
    cost = space.cost(arch) if cost is None else cost
    return {
        "format": FORMAT,
        "version": VERSION,
        "space": {"name": space.name, "hash": space.hash, "definition": space.to_dict()},
        "genes": arch.genes,
        "ties": _ties(space),
        "score": None if score is None else dict(score),
        "cost": cost.to_dict() if isinstance(cost, Cost) else dict(cost),
        "provenance": dict(provenance or {}),
    }


def save_architecture(
    path: Path | str,
    arch: Architecture,
    *,
    score: Mapping[str, Any] | None = None,
    cost: Cost | Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write an architecture file; a file that is there is replaced as a whole or not at all.

    Raises:
        RunFolderError: it cannot be written.
    """
    path = Path(path)
    content = architecture_content(arch, score=score, cost=cost, provenance=provenance)
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        rule = f"the architecture cannot be written ({error.strerror or error})"
        raise RunFolderError(Problem(str(path), rule, way_out="Make room or choose another place.")) from error


def load_architecture(source: Path | str) -> ArchitectureFile:
    """Read an architecture file and check it against the space it embeds.

    Args:
        source: the path of a file, or the name of an architecture that comes with AsymNAS (`vlt_scar_released`).

    Raises:
        SpaceError: no such file, no JSON, another format or version, an invalid space, a hash that is not that of the
            embedded space, genes or ties that are not of the space; all at once where possible.
    """
    where, text = _text(source)
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise SpaceError(Problem(f"{where}:{error.lineno}", f"the file is no JSON: {error.msg}")) from error
    except ValueError as error:
        raise SpaceError(Problem(where, f"the file is no JSON: {error}")) from error
    except RecursionError:
        raise SpaceError(Problem(where, "the file is nested too deeply")) from None
    problems = _header_problems(content, where)
    if problems:
        raise SpaceError(problems)
    space = _space(content["space"], where)
    try:
        ops = checked_path(space, content["genes"], f"{where}: genes")
    except ArchitectureMismatch as error:
        problems += error.problems
    if content["ties"] != _ties(space):
        rule = "the ties are those of the space"
        problems.append(Problem(f"{where}: ties", rule, f"{len(content['ties'])} of {len(_ties(space))} tied genes"))
    problems += _score_problems(content["score"], where)
    if problems:
        raise ArchitectureMismatch(problems)
    _check_cost(Architecture(space, ops), content["cost"], where)
    return ArchitectureFile(Architecture(space, ops), content["score"], content["cost"], content["provenance"])


def _check_cost(arch: Architecture, cost: Mapping[str, Any], where: str) -> None:
    """A cost of other genes gives away a file whose genes were changed by hand: its score is then not theirs either."""
    total = arch.space.cost(arch).to_dict()["total"]
    if "total" in cost and cost["total"] != total:
        rule = f"the cost is that of the genes, {total}"
        way_out = "If the genes were changed by hand, take the original, or make the score null and the cost {}."
        raise ArchitectureMismatch(Problem(f"{where}: cost.total", rule, repr(cost["total"])[:60], way_out))


def _ties(space: SearchSpace) -> dict[str, list[str]]:
    """Gene -> all its places, for the genes that have several."""
    groups: dict[str, list[str]] = {}
    for name, first in space.tied_to.items():
        groups.setdefault(first, []).append(name)
    return {name: places for name, places in groups.items() if len(places) > 1}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _text(source: Path | str) -> tuple[str, str]:
    name = str(source)
    if isinstance(source, str) and not name.endswith(".json") and "/" not in name:
        if name not in list_architectures():
            way_out = nearest(name, list_architectures()) + " A file's name ends in .json."
            raise SpaceError(Problem("architecture", "no such architecture", f"'{name}'", way_out))
        return f"{name}.json", resources.files(SHIPPED).joinpath(f"{name}.json").read_text("utf-8")
    try:
        return name, read_text(Path(source))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SpaceError(Problem(name, f"the architecture cannot be read ({reason})")) from error


def _header_problems(content: Any, where: str) -> list[Problem]:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        got = content.get("format") if isinstance(content, dict) else type(content).__name__
        return [Problem(f"{where}: format", f"an architecture file has format '{FORMAT}'", repr(got))]
    if content.get("version") != VERSION:
        rule = f"this AsymNAS reads version {VERSION} of the format"
        return [
            Problem(f"{where}: version", rule, repr(content.get("version")), "Use the AsymNAS that wrote the file.")
        ]
    problems = [
        Problem(f"{where}: {key}", "unknown key", f"'{key}'", nearest(key, _KEYS))
        for key in content
        if key not in _KEYS
    ]
    for key in ("space", "genes", "ties", "score", "cost", "provenance"):
        value = content.get(key)
        if key not in content:
            problems.append(Problem(f"{where}: {key}", f"'{key}' is needed", "nothing"))
        elif not isinstance(value, dict) and not (key == "score" and value is None):
            problems.append(Problem(f"{where}: {key}", "a JSON object is needed", repr(value)[:60]))
    return problems


def _space(content: dict[str, Any], where: str) -> SearchSpace:
    definition = content.get("definition")
    if not isinstance(definition, dict):
        raise SpaceError(Problem(f"{where}: space.definition", "the whole space is needed", repr(definition)[:60]))
    try:
        space = load_space(definition)
    except AsymNASError as error:
        prefix = f"{where}: space.definition."
        raise SpaceError([Problem(prefix + p.where, p.rule, p.value, p.way_out) for p in error.problems]) from error
    problems = []
    if content.get("hash") != space.hash:
        rule = f"the hash is that of the embedded space, {space.hash}"
        way_out = "The file was changed by hand; take the original."
        problems.append(Problem(f"{where}: space.hash", rule, repr(content.get("hash")), way_out))
    if content.get("name") != space.name:
        rule = f"the name is that of the embedded space, '{space.name}'"
        problems.append(Problem(f"{where}: space.name", rule, repr(content.get("name"))))
    if problems:
        raise ArchitectureMismatch(problems)
    return space


def _score_problems(score: dict[str, Any] | None, where: str) -> list[Problem]:
    if score is None:
        return []
    problems = []
    if not isinstance(score.get("metric"), str):
        problems.append(Problem(f"{where}: score.metric", "a score names its metric", repr(score.get("metric"))))
    value = score.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        problems.append(Problem(f"{where}: score.value", "a finite number is needed", repr(value)))
    return problems
