"""The parts a search space is made of: stems, mixers, stages, branches, constraints, genes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from asymnas.space.mixers import LANGUAGE, MIXERS
from asymnas.space.ops import Place, Size

__all__ = ["Branch", "Constraint", "FreeGene", "Gene", "Mixer", "Stage", "Stem"]


def _tuples(target: object, *names: str) -> None:
    for name in names:
        value = getattr(target, name)
        if isinstance(value, list):
            object.__setattr__(target, name, tuple(value))


@dataclass(frozen=True, kw_only=True)
class Stem:
    """The fixed layer before the first stage: `op` with `channels` outputs and `stride`."""

    op: str
    channels: int
    stride: int = 1


@dataclass(frozen=True, kw_only=True)
class Mixer:
    """What joins another input, or another branch, into a branch's features after a stage.

    Attributes:
        name: names the genes, `{branch}.{name}.{block}`.
        kind: how it joins them, one of `MIXERS`.
        reads: `language`, another input of the space, or another branch: that branch's features of the same stage
            number before that stage's mixer (of its last stage where it has fewer).
        ops: the ops of each choice block; in Python also one list for all of them.
        options: options of the kind, such as `residual` of `moda`.
    """

    name: str
    kind: str = "moda"
    reads: str = LANGUAGE
    ops: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ops = self.ops if isinstance(self.ops, Mapping) else dict.fromkeys(self.blocks, self.ops)
        object.__setattr__(self, "ops", {block: tuple(ops[block]) for block in self.blocks})

    @property
    def settings(self) -> Any:
        """The options as the kind's model, defaults included."""
        return MIXERS.get(self.kind).options.model_validate(self.options)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the mixer's choice blocks."""
        return MIXERS.get(self.kind).blocks(self.settings)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A run of choice blocks at one width.

    Attributes:
        name: names the genes, `{branch}.{name}.block1` and so on.
        channels: channels of every block's output.
        stride: stride of the first block; the others have 1.
        blocks: number of choice blocks, >= 1.
        ops: the ops each block chooses from.
        form: `mapping` gives the first block of a stride-1 stage the two-branch form of a strided one, as VLT's
            stages 3 and 4 have it (reference fact 2.1); `auto` uses that form where the stride is above 1.
        mixer: the mixer after the last block, or None.
    """

    name: str
    channels: int
    blocks: int
    ops: tuple[str, ...]
    stride: int = 1
    form: Literal["auto", "mapping"] = "auto"
    mixer: Mixer | None = None

    def __post_init__(self) -> None:
        _tuples(self, "ops")

    @property
    def projected(self) -> bool:
        """Whether the first block has the two-branch form."""
        return self.stride > 1 or self.form == "mapping"


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One input and the network it runs through.

    Attributes:
        name: such as `template`.
        input_channels: channels of the input.
        input_size: one number for a square image, or one number a dimension (any number of dimensions).
        rate: `frame` runs for every frame, `video` once for each video (the template of a tracker).
        stem: the fixed first layer, or None.
        stages: the stages in order.
    """

    name: str
    input_channels: int
    input_size: int | tuple[int, ...]
    stages: tuple[Stage, ...]
    rate: Literal["frame", "video"] = "frame"
    stem: Stem | None = None

    def __post_init__(self) -> None:
        _tuples(self, "stages", "input_size")

    @property
    def size(self) -> Size:
        """The input size with one number a dimension."""
        return (self.input_size, self.input_size) if isinstance(self.input_size, int) else tuple(self.input_size)

    def stage(self, name: str) -> Stage:
        """Return the stage called `name`; KeyError where there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A limit every architecture has to keep.

    Attributes:
        measure: `macs` (per input), `params` (weights that exist, shared ones once) or `count` (of `op` over `genes`).
        max: highest allowed value, or None.
        min: lowest allowed value, or None.
        branch: the branch to measure, or None for all together.
        amortised: for `macs` over all branches: the frames a video has; branches of rate `video` are then counted
            once in that many frames and the limit is per frame.
        op: for `count`: the op counted.
        genes: for `count`: the pattern of the places counted.
    """

    measure: Literal["macs", "params", "count"]
    max: float | None = None
    min: float | None = None
    branch: str | None = None
    amortised: int | None = None
    op: str | None = None
    genes: str = "*"

    def __post_init__(self) -> None:
        for name in ("max", "min"):  # 3e6 and 3000000 are one limit, with one hash
            value = getattr(self, name)
            if isinstance(value, float) and value.is_integer():
                object.__setattr__(self, name, int(value))

    def __str__(self) -> str:
        what = f"count of {self.op} in {self.genes}" if self.measure == "count" else self.measure
        what += f" of {self.branch}" if self.branch else ""
        what += f" a frame of a {self.amortised}-frame video" if self.amortised else ""
        low = f"{self.min:g} <= " if self.min is not None else ""
        high = f" <= {self.max:g}" if self.max is not None else ""
        return f"{low}{what}{high}"


@dataclass(frozen=True, slots=True)
class Gene:
    """The decision of one choice block.

    Attributes:
        id: `{branch}.{stage}.block{n}`, `{branch}.{mixer}.mixed` or `{branch}.{mixer}.visual`.
        ops: the ops allowed there (after `without`).
        branch: name of the branch.
        stage: name of the stage, also for the blocks of the mixer after it.
        block: `block1`, ..., `mixed` or `visual`.
        mixer: name of the mixer, or None for a block of the stage.
        place: channels, sizes, stride and form.
    """

    id: str
    ops: tuple[str, ...]
    branch: str
    stage: str
    block: str
    mixer: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class FreeGene:
    """One decision of the search: a gene, or several tied ones (`places`); `id` is that of the first place."""

    id: str
    ops: tuple[str, ...]
    places: tuple[str, ...]


def plain(part: Any) -> Any:
    """Return a part as plain YAML/JSON values, without what equals the default (`residual: true`, `stride: 1`, ...)."""
    if isinstance(part, Stem):
        return {"op": part.op, "channels": part.channels, "stride": part.stride}
    found: dict[str, Any]
    if isinstance(part, Mixer):
        found = {"name": part.name}
        found |= {"kind": part.kind} if part.kind != "moda" else {}
        found |= {"from": part.reads} if part.reads != LANGUAGE else {}
        found |= {f"ops_{block}": list(ops) for block, ops in part.ops.items()}
        return found | part.settings.model_dump(mode="json", exclude_defaults=True)
    if isinstance(part, Stage):
        found = {"channels": part.channels, "stride": part.stride, "blocks": part.blocks, "ops": list(part.ops)}
        found |= {"form": part.form} if part.form != "auto" else {}
        return found | ({"mixer": plain(part.mixer)} if part.mixer is not None else {})
    if isinstance(part, Branch):
        size = list(part.input_size) if isinstance(part.input_size, tuple) else part.input_size
        found = {"input_channels": part.input_channels, "input_size": size, "rate": part.rate}
        found |= {"stem": plain(part.stem)} if part.stem is not None else {}
        return found | {"stages": named(part.stages)}
    if isinstance(part, Constraint):
        names = ("measure", "max", "min", "branch", "amortised", "op", "genes")
        values = {name: getattr(part, name) for name in names}
        return {k: v for k, v in values.items() if v is not None and (k, v) != ("genes", "*")}
    return part


def named(parts: tuple[Any, ...]) -> Mapping[str, Any]:
    """Return named parts as a mapping from name to content, in order."""
    return {part.name: plain(part) for part in parts}
