"""A space as plain values in their one normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asymnas.space._model import Mixer, Stage, named, plain

if TYPE_CHECKING:
    from asymnas.space._space import SearchSpace

__all__ = ["space_to_dict"]


def space_to_dict(space: SearchSpace, *, factored: bool) -> dict[str, Any]:
    """Return the plain values of a space.

    Args:
        space: the space.
        factored: write the ops once at the top where all choice blocks have the same, and leave out a mixer's ops where
            they are those of its stage; else every stage and mixer lists its own.
    """
    stages = [stage for branch in space.branches for stage in branch.stages]
    content: dict[str, Any] = {"name": space.name}
    if space.description:
        content["description"] = space.description
    branches = dict(named(space.branches))
    if factored:
        common = _common_ops(stages)
        if common is not None:
            content["ops"] = list(common)
        for branch in space.branches:
            for stage in branch.stages:
                _shorten(branches[branch.name]["stages"][stage.name], stage, common)
    content["branches"] = branches
    if space.share_weights:
        content["share_weights"] = [list(group) for group in space.share_weights]
    if space.tie:
        content["tie"] = [" = ".join(sides) for sides in space.tie]
    if space.fix:
        content["fix"] = dict(space.fix)
    if space.without:
        content["without"] = {pattern: list(ops) for pattern, ops in space.without}
    if space.constraints:
        content["constraints"] = [plain(item) for item in space.constraints]
    return content


def _common_ops(stages: list[Stage]) -> tuple[str, ...] | None:
    ops = {stage.ops for stage in stages}
    return ops.pop() if len(ops) == 1 else None


def _shorten(content: dict[str, Any], stage: Stage, common: tuple[str, ...] | None) -> None:
    if common is not None:
        del content["ops"]
    mixer: Mixer | None = stage.mixer
    if mixer is not None:
        for block, ops in mixer.ops.items():
            if ops == stage.ops:
                del content["mixer"][f"ops_{block}"]
