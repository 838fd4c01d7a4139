"""Public weights of TransT's projections, fusion network and answers, by the names of our parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

__all__ = ["HeadKeys", "head_weights"]

_SELF = {"attention": "self_attn{0}", "norm": "norm{0}1"}
_CROSS = {
    "attention": "multihead_attn{0}",
    "norm": "norm{0}2",
    "feedforward.0": "linear{0}1",
    "feedforward.3": "linear{0}2",
    "last_norm": "norm{0}3",
}
_DECODER = {
    "attention": "multihead_attn",
    "norm": "norm1",
    "feedforward.0": "linear1",
    "feedforward.3": "linear2",
    "last_norm": "norm2",
}
_PROJECTIONS = ("query", "key", "value")  # one above the other in the public tensor


@dataclass(frozen=True, slots=True)
class HeadKeys:
    """Where a public checkpoint keeps the parts.

    Args:
        fusion: prefix of the fusion network's keys, with its dot.
        answers: prefix of the answers' keys, with its dot, or nothing.
        projections: by role ("both", or "template" and "search") the name of an input projection.
        out: the last layer of an attention.
    """

    fusion: str
    answers: str
    projections: Mapping[str, str]
    out: str


def head_weights(
    state: Mapping[str, Tensor], names: Iterable[str], keys: HeadKeys
) -> Iterator[tuple[str, str, Tensor]]:
    """Yield (name, public key, tensor) of every parameter of neck and head.

    Args:
        state: the public tensors.
        names: those of our tracker's parameters; names of its supernet are left out.
        keys: where the public tensors are.

    Raises:
        KeyError: `state` lacks a key.
    """
    for name in names:
        if name.startswith(("neck.", "head.")):
            key, part = _key(name, keys)
            tensor = state[key]
            yield name, key, tensor if part is None else tensor.chunk(len(_PROJECTIONS))[part]


def _key(name: str, keys: HeadKeys) -> tuple[str, int | None]:
    """The public key of a parameter, and which third of its rows it is, if not all."""
    module, last = name.rsplit(".", 1)
    if module.startswith("neck."):
        return f"{keys.projections[module.rsplit('.', 1)[1]]}.{last}", None
    if module.startswith(("head.cls.", "head.box.")):
        _, answer, number = module.split(".")
        embed = {"cls": "class_embed", "box": "bbox_embed"}[answer]
        return f"{keys.answers}{embed}.layers.{int(number) // 2}.{last}", None
    if module == "head.fusion.norm":
        return f"{keys.fusion}decoder.norm.{last}", None
    part, inner, table = _part(module.removeprefix("head.fusion."))
    attention, _, layer = inner.partition(".")
    if attention != "attention":
        return f"{keys.fusion}{part}.{table[inner]}.{last}", None
    place = f"{keys.fusion}{part}.{table[attention]}"
    if layer == "out":
        return f"{place}.{keys.out}.{last}", None
    return f"{place}.in_proj_{last}", _PROJECTIONS.index(layer.removeprefix("projections."))


def _part(module: str) -> tuple[str, str, dict[str, str]]:
    """The public layer that a module of the fusion network is in, its name there, and the layer's public names."""
    if module.startswith("decoder."):
        return "decoder.layers.0", module.removeprefix("decoder."), _DECODER
    _, number, half, inner = module.split(".", 3)
    role, kind = half.split("_")
    number_of_role = {"template": "1", "search": "2"}[role]
    table = {key: value.format(number_of_role) for key, value in (_SELF if kind == "self" else _CROSS).items()}
    return f"encoder.layers.{number}", inner, table
