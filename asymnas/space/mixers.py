"""Kinds of mixers: how a branch joins what it reads, a sentence or another branch, into its features after a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict

from asymnas.core.errors import SpaceError
from asymnas.core.plugins import Registry
from asymnas.space.ops import OpCost, Size

LANGUAGE = "language"
"""The input that a mixer reads unless its `from` says otherwise: one vector a sentence."""


class MixerOptions(BaseModel):
    """Options of a kind of mixer; a kind with options of its own derives from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModaOptions(MixerOptions):
    """Options of `moda`."""

    residual: bool = True
    """False leaves the vision path out (paper, Table 5c); the mixer then has no `visual` block."""


@dataclass(frozen=True, slots=True)
class MixerPlace:
    """Where a mixer sits and what it reads.

    Attributes:
        channels: channels of the branch's features, in and out.
        size: their spatial size, one number a dimension.
        source_channels: channels of what it reads; None where the space does not say.
        source_size: spatial size of what it reads; None for a vector.
        options: the mixer's options, of its kind's model.
    """

    channels: int
    size: Size
    source_channels: int | None
    source_size: Size | None
    options: Any = None


@dataclass(frozen=True, slots=True)
class MixerKind:
    """A kind of mixer; packages name one by an entry point of the group `asymnas.mixers`, whose name is the kind's.

    Attributes:
        summary: one line for people.
        blocks: gives the names of its choice blocks, by its options.
        cost: gives the cost of what is no choice block; asked only where `source_channels` are known.
        module: builds its torch module, as "module:builder" or a callable, called with an `asymnas.nn.MixerSetup`.
        options: the model of its options; every field needs a default.
    """

    summary: str
    blocks: Callable[[Any], tuple[str, ...]]
    cost: Callable[[MixerPlace], OpCost]
    module: str | Callable[..., Any]
    options: type[BaseModel] = MixerOptions


MIXERS: Registry[MixerKind] = Registry(
    "mixer kind", "asymnas.mixers", "asymnas.space:MixerKind", SpaceError, named=False
)
"""All kinds of mixers by name: those that come with AsymNAS, those of packages, those registered in this process."""


def _linear(outputs: int) -> Callable[[MixerPlace], OpCost]:
    """The cost of a linear map from the source (a map is pooled to a vector) to `outputs` times the channels."""

    def cost(place: MixerPlace) -> OpCost:
        weights = (place.source_channels or 0) * outputs * place.channels
        return OpCost(weights, weights)

    return cost


def _joined(place: MixerPlace) -> OpCost:
    """The cost of a 1x1 convolution from the channels and the source's channels to the channels."""
    weights = (place.channels + (place.source_channels or 0)) * place.channels
    return OpCost(weights * prod(place.size), weights)


def _mixed(options: Any) -> tuple[str, ...]:
    return ("mixed",)


def _moda_blocks(options: ModaOptions) -> tuple[str, ...]:
    return ("mixed", "visual") if options.residual else ("mixed",)


_MODA = "ModaMixer (paper, Eq. 1): mixed(project(source) * x) + visual(x)"
_FILM = "scale and shift (Perez et al. 2018): mixed(x * (1 + scale) + shift), both linear in the pooled source"
_CONCAT = "concatenation: mixed(1x1 convolution of x and the source, resized to x)"
MIXERS.register("moda", MixerKind(_MODA, _moda_blocks, _linear(1), "asymnas.nn._mixer:build_moda", ModaOptions))
MIXERS.register("film", MixerKind(_FILM, _mixed, _linear(2), "asymnas.nn._mixer:build_film"))
MIXERS.register("concat", MixerKind(_CONCAT, _mixed, _joined, "asymnas.nn._mixer:build_concat"))
