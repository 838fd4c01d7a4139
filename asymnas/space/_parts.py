"""The parts a search space is made of: stems, mixers, stages, branches, constraints, genes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from asymnas.core.errors import SpaceError
from asymnas.core.schema import problems_of
from asymnas.space.mixers import LANGUAGE, MIXERS
from asymnas.space.ops import Size


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value):
        raise ValueError("a name starts with a letter and has letters, digits, '_' and '-' only")
    return value


def _named(parts: Any) -> Any:
    """Parts as YAML has them, a mapping from names to contents, as a list of contents with their names."""
    if not isinstance(parts, Mapping):
        return parts
    for name, content in parts.items():
        if not isinstance(name, str):  # YAML reads on, no and 1 as other things than text
            raise ValueError(f"a name is a text, but one is {name!r}; put it in quotes")
        if isinstance(content, Mapping) and "name" in content:
            raise ValueError(f"'{name}' has its name from its key; leave `name` out of it")
    return [{**item, "name": name} if isinstance(item, Mapping) else item for name, item in parts.items()]


def _whole(value: float) -> float:
    return int(value) if value.is_integer() else value  # 3e6 and 3000000 are one limit, with one hash


Name = Annotated[str, AfterValidator(_name)]
PartName = Annotated[str, AfterValidator(_name), Field(exclude=True)]  # in files it is the part's key
Number = Annotated[int, Field(ge=1, le=1_000_000)]
Limit = Annotated[float, Field(ge=0, le=1e30, allow_inf_nan=False), AfterValidator(_whole)]
Sides = Annotated[tuple[Number, ...], Field(strict=False, min_length=1, max_length=8)]
InputSize = Annotated[
    Annotated[Number, Tag("side")] | Annotated[Sides, Tag("sides")],
    Discriminator(lambda value: "sides" if isinstance(value, list | tuple) else "side"),
]
Names = Annotated[tuple[str, ...], Field(strict=False)]


class SpacePart(BaseModel):
    """A part of a search space: frozen, strict, and SpaceError for wrong values."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    always: ClassVar[tuple[str, ...]] = ()
    """Fields that `plain` writes even where they have their defaults."""

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise SpaceError(problems_of(error, type(self).__name__)) from None

        __init__.__pydantic_base_init__ = True  # parts inside a space are validated with it, not one by one

    def plain(self) -> dict[str, Any]:
        """Return the part as YAML and JSON write it, without its name and without what equals the default."""
        return {
            name: _plain(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if not field.exclude and (name in self.always or getattr(self, name) != field.default)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, SpacePart):
        return value.plain()
    if isinstance(value, tuple):
        parts = bool(value) and isinstance(value[0], SpacePart)
        return named(value) if parts and hasattr(value[0], "name") else [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def named(parts: tuple[Any, ...]) -> dict[str, Any]:
    """Return parts as a mapping from name to content, in order."""
    return {part.name: part.plain() for part in parts}


class Input(SpacePart):
    """What mixers may read that is no branch, such as the language: a vector.

    Attributes:
        channels: its length, such as 384 for the sentence embeddings of MiniLM.
    """

    channels: Number


class Stem(SpacePart):
    """The fixed layer before the first stage: `op` with `channels` outputs and `stride`."""

    always = ("stride",)
    op: str
    channels: Number
    stride: Number = 1


class Mixer(SpacePart):
    """What joins another input, or another branch, into a branch's features after a stage.

    In files `reads` is called `from`, `ops` of one block are `ops_{block}`, and options are keys of the mixer itself.

    Attributes:
        name: names the genes, `{branch}.{name}.{block}`.
        kind: how it joins them, one of `MIXERS`.
        reads: `language`, another input of the space, or another branch: that branch's features of the same stage
            number before that stage's mixer (of its last stage where it has fewer).
        ops: the ops of choice blocks by their names, `*` for all others; a list is for all. Blocks that it does not
            name have the ops of the stage.
        options: options of the kind, such as `residual` of `moda`.
    """

    name: Name
    kind: str = "moda"
    reads: str = LANGUAGE
    ops: dict[str, Names] = {}
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields: dict[str, Any] = {}
        ops = data.get("ops", {})
        ops = dict(ops) if isinstance(ops, Mapping) else {"*": ops}
        options = dict(data.get("options", {}))
        for key, value in data.items():
            if key == "from":
                fields["reads"] = value
            elif isinstance(key, str) and key.startswith("ops_"):
                ops[key.removeprefix("ops_")] = value
            elif key in ("name", "kind", "reads"):
                fields[key] = value
            elif key not in ("ops", "options"):
                options[str(key)] = value
        return {**fields, "ops": ops, "options": options}

    @property
    def settings(self) -> Any:
        """The options as the kind's model, defaults included."""
        return MIXERS.get(self.kind).options.model_validate(self.options)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the mixer's choice blocks."""
        return MIXERS.get(self.kind).blocks(self.settings)

    def plain(self) -> dict[str, Any]:
        """Return the mixer as YAML and JSON write it, without its ops."""
        found: dict[str, Any] = {"name": self.name}
        found |= {"kind": self.kind} if self.kind != "moda" else {}
        found |= {"from": self.reads} if self.reads != LANGUAGE else {}
        return found | self.settings.model_dump(mode="json", exclude_defaults=True)


class Stage(SpacePart):
    """A run of choice blocks at one width.

    Attributes:
        name: names the genes, `{branch}.{name}.block1` and so on.
        channels: channels of every block's output.
        stride: stride of the first block; the others have 1.
        blocks: number of choice blocks, >= 1.
        ops: the ops each block chooses from.
        form: `mapping` gives the first block of a stride-1 stage the two-branch form of a strided one, as VLT's
            stages 3 and 4 have it; `auto` uses that form where the stride is above 1.
        mixer: the mixer after the last block, or None.
    """

    always = ("stride",)
    name: PartName
    channels: Number
    stride: Number = 1
    blocks: Annotated[int, Field(ge=1, le=1000)]
    ops: Names
    form: Literal["auto", "mapping"] = "auto"
    mixer: Mixer | None = None

    @property
    def projected(self) -> bool:
        """Whether the first block has the two-branch form."""
        return self.stride > 1 or self.form == "mapping"

    @property
    def mixer_ops(self) -> dict[str, tuple[str, ...]]:
        """Choice block of the mixer -> the ops it chooses from."""
        mixer = self.mixer
        return (
            {} if mixer is None else {name: mixer.ops.get(name, mixer.ops.get("*", self.ops)) for name in mixer.blocks}
        )

    def plain(self, *, factored: bool = False) -> dict[str, Any]:
        """Return the stage as YAML and JSON write it; `factored` leaves out ops of the mixer that are the stage's."""
        content = super().plain()
        if self.mixer is not None:
            ops = self.mixer_ops.items()
            content["mixer"] = {
                "name": self.mixer.name,
                **{f"ops_{block}": list(tokens) for block, tokens in ops if not factored or tokens != self.ops},
                **self.mixer.plain(),
            }
        return content


class Branch(SpacePart):
    """One input and the network it runs through.

    Attributes:
        name: such as `template`.
        input_channels: channels of the input.
        input_size: one number for a square image, or one number a dimension (any number of dimensions).
        rate: `frame` runs for every frame, `video` once for each video (the template of a tracker).
        stem: the fixed first layer, or None.
        stages: the stages in order; also a mapping from their names to their contents, as in files.
    """

    always = ("rate",)
    name: PartName
    input_channels: Number
    input_size: InputSize
    rate: Literal["frame", "video"] = "frame"
    stem: Stem | None = None
    stages: Annotated[tuple[Stage, ...], Field(strict=False), BeforeValidator(_named)]

    @property
    def size(self) -> Size:
        """The input size with one number a dimension."""
        return (self.input_size, self.input_size) if isinstance(self.input_size, int) else self.input_size

    def stage(self, name: str) -> Stage:
        """Return the stage called `name`; KeyError where there is none."""
        return {stage.name: stage for stage in self.stages}[name]


Branches = Annotated[tuple[Branch, ...], Field(strict=False), BeforeValidator(_named)]


class Constraint(SpacePart):
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
    max: Limit | None = None
    min: Limit | None = None
    branch: str | None = None
    amortised: Number | None = None
    op: str | None = None
    genes: str = "*"

    def __str__(self) -> str:
        what = f"count of {self.op} in {self.genes}" if self.measure == "count" else self.measure
        what += f" of {self.branch}" if self.branch else ""
        what += f" a frame of a {self.amortised}-frame video" if self.amortised else ""
        low = f"{self.min:g} <= " if self.min is not None else ""
        high = f" <= {self.max:g}" if self.max is not None else ""
        return f"{low}{what}{high}"
