"""The content of a search space as its files have it: fields, hashes and plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from asymnas.core.document import written
from asymnas.space._parts import Branches, Constraint, Input, Names, SpacePart


def _tie(value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return value
    return [[side.strip() for side in item.split("=")] if isinstance(item, str) else item for item in items]


class SpaceContent(SpacePart):
    """What a search space consists of, as files have it; equal by name and hash.

    Attributes:
        name: the space's name; like the description no part of its hash.
        description: one line for people.
        inputs: what mixers may read that is no branch, and how many channels it has.
        branches: the branches in order.
        share_weights: groups of branches that run through the same parameters. It leaves the choices free.
        tie: tuples of patterns (or texts such as `a.* = b.*`); the genes that match with equal star parts are one
            decision with several places.
        fix: pattern -> op: genes that are decided.
        without: pattern -> op or ops that are removed at places.
        constraints: limits every architecture keeps.
    """

    always = ("name",)
    name: str = "unnamed"
    description: str = ""
    inputs: Mapping[str, Input] = {}
    branches: Branches
    share_weights: Annotated[tuple[Names, ...], Field(strict=False)] = ()
    tie: Annotated[tuple[Names, ...], Field(strict=False), BeforeValidator(_tie)] = ()
    fix: Mapping[str, str] = {}
    without: Mapping[
        str,
        Annotated[
            Names, Field(min_length=1), BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
        ],
    ] = {}
    constraints: Annotated[tuple[Constraint, ...], Field(strict=False)] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpaceContent):
            return NotImplemented
        return self.name == other.name and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    @cached_property
    def hash(self) -> str:
        """16 hex digits of the content; name, description and the order of unordered lists do not matter."""
        return self._digest(("branches", "share_weights", "tie", "fix", "without", "constraints"))

    @cached_property
    def structure_hash(self) -> str:
        """16 hex digits of what the supernet's weights depend on: branches and shared weights, nothing of the choices.

        Spaces that differ only in ties, fixes, removals and constraints have it in common.
        """
        return self._digest(("branches", "share_weights"))

    def _digest(self, keys: tuple[str, ...]) -> str:
        content = self.plain()
        for key in ("share_weights", "tie", "constraints"):
            content[key] = sorted(json.dumps(item) for item in content.get(key, []))
        for key in ("fix", "without"):
            content[key] = sorted(content.get(key, {}).items())
        parts = [content[key] for key in keys] + ([content["inputs"]] if self.inputs else [])
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:16]

    def plain(self, *, factored: bool = False) -> dict[str, Any]:
        """Return the space as plain values; every stage and mixer lists its ops unless `factored`."""
        content = super().plain()
        stages = {(branch.name, stage.name): stage for branch in self.branches for stage in branch.stages}
        common = {stage.ops for stage in stages.values()}
        for (branch, name), stage in stages.items():
            content["branches"][branch]["stages"][name] = plain = stage.plain(factored=factored)
            if factored and len(common) == 1:
                del plain["ops"]
        if self.tie:
            content["tie"] = [" = ".join(sides) for sides in self.tie]
        if factored and len(common) == 1:
            names = [key for key in ("name", "description") if key in content]
            content = {key: content.pop(key) for key in names} | {"ops": list(*common)} | content
        return content

    def to_dict(self) -> dict[str, Any]:
        """Return the space as plain values, as YAML and JSON write it: ops that all stages have stand at the top."""
        return self.plain(factored=True)

    def to_yaml(self) -> str:
        """Return the space as YAML."""
        return written(self.to_dict())
