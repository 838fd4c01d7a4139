"""Architecture files: an architecture with the space it is of, its score, cost and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from asymnas.core.document import Document
from asymnas.core.errors import ArchitectureMismatch, AsymNASError, Problem, SpaceError, nearest
from asymnas.core.files import read_text, write_text
from asymnas.core.schema import check_model
from asymnas.space._architecture import Architecture, checked_path
from asymnas.space._cost import Cost
from asymnas.space._load import SHIPPED, list_spaces, load_space, shipped
from asymnas.space._space import SearchSpace

FORMAT, VERSION = "asymnas-architecture", 1


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
    return shipped(".json")


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
        "ties": space.ties,
        "score": None if score is None else dict(score),
        "cost": cost.to_dict() if isinstance(cost, Cost) else dict(cost),
        "provenance": dict(provenance or {}),
    }


def save_architecture(file: Path | str, arch: Architecture, **content: Any) -> None:
    """Write an architecture file, whole or not at all; `content` is that of `architecture_content`.

    Raises:
        RunFolderError: it cannot be written.
    """
    write_text(Path(file), json.dumps(architecture_content(arch, **content), indent=2, allow_nan=False) + "\n")


class _SpaceOfFile(BaseModel, strict=True, extra="forbid"):
    name: str
    hash: str
    definition: dict[str, Any]


class _ScoreOfFile(BaseModel, strict=True, extra="allow"):
    metric: str
    value: Annotated[float, Field(allow_inf_nan=False)]


class _Content(BaseModel, strict=True, extra="forbid"):
    format: str
    version: int
    space: _SpaceOfFile
    genes: dict[str, str]
    ties: dict[str, list[str]]
    score: _ScoreOfFile | None
    cost: dict[str, Any]
    provenance: dict[str, Any]


def load_architecture(source: Path | str) -> ArchitectureFile:
    """Read an architecture file and check it against the space it embeds.

    Args:
        source: a file, or the name of an architecture that comes with AsymNAS (`vlt_scar_released`), or of a space that
            does and has one architecture (`resnet50`).

    Raises:
        SpaceError: no such file, no JSON, another format or version, an invalid space, a hash that is not that of the
            embedded space, genes, ties or a cost that are not of the space; all at once where possible.
    """
    where, data = _read(source)
    kind = (data.get("format"), data.get("version")) if isinstance(data, dict) else (None, None)
    if kind != (FORMAT, VERSION):
        rule = f"this AsymNAS reads architecture files: format '{FORMAT}', version {VERSION}"
        raise SpaceError(Problem(f"{where}: format", rule, f"format {kind[0]!r}, version {kind[1]!r}"))
    content, problems, _ = check_model(_Content, Document(data, where))
    if content is None or problems:
        raise SpaceError(problems)
    space = _space(content.space, where)
    arch = Architecture(space, checked_path(space, content.genes, f"{where}: genes"))
    # A cost of other genes gives away a file whose genes were changed by hand: its score is then not theirs either.
    total = space.cost(arch).to_dict()["total"]
    if content.cost.get("total", total) != total:
        way_out = "If the genes were changed by hand, take the original, or make the score null and the cost {}."
        value = repr(content.cost["total"])[:60]
        raise ArchitectureMismatch(
            Problem(f"{where}: cost.total", f"the cost is that of the genes, {total}", value, way_out)
        )
    return ArchitectureFile(arch, data["score"], content.cost, content.provenance)


def _read(source: Path | str) -> tuple[str, Any]:
    """Return how messages call the file, and what its JSON holds."""
    name = str(source)
    if isinstance(source, str) and not name.endswith(".json") and "/" not in name:
        if name in list_spaces() and (space := load_space(name)).size == 1:
            return name, architecture_content(next(space.enumerate()))
        if name not in list_architectures():
            way_out = nearest(name, list_architectures()) + " A file's name ends in .json."
            raise SpaceError(Problem("architecture", "no such architecture", f"'{name}'", way_out))
        return f"{name}.json", json.loads(resources.files(SHIPPED).joinpath(f"{name}.json").read_text("utf-8"))
    try:
        return name, json.loads(read_text(Path(source)))
    except json.JSONDecodeError as error:
        raise SpaceError(Problem(f"{name}:{error.lineno}", f"the file is no JSON: {error.msg}")) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SpaceError(Problem(name, f"the architecture cannot be read ({reason})")) from error


def _space(content: _SpaceOfFile, where: str) -> SearchSpace:
    try:
        space = load_space(content.definition)
    except AsymNASError as error:
        prefix = f"{where}: space.definition."
        raise SpaceError([replace(item, where=prefix + item.where) for item in error.problems]) from error
    if content.hash != space.hash:
        rule, way_out = f"the hash is that of the embedded space, {space.hash}", "Take the original file."
        raise ArchitectureMismatch(Problem(f"{where}: space.hash", rule, repr(content.hash), way_out))
    return space
