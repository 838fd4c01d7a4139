"""Public weights of trackers with TransT's head under the names of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from torch import Tensor

from asymnas.nn import Supernet
from asymnas.nn.pretrained import take
from asymnas.tracking.siamese.transformer.tracker import TransTTracker

__all__ = ["PublicKeys", "converted"]

_PREFIXES = ("module.", "backbone.", "0.body.")
_STACKED = ("query", "key", "value")  # one above the other in the public tensor

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


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Where a public checkpoint keeps the parts.

    Args:
        backbone: gives the names of a supernet's tensors with the public keys, without their prefix.
        stem: key of the first convolution, which reads R, G, B.
        fusion: prefix of the fusion network's keys, with its dot.
        answers: prefix of the answers' keys, with its dot, or nothing.
        projections: by role ("both", or "template" and "search") the key of an input projection.
        out: name of the last layer of an attention.
        whole: see `asymnas.nn.pretrained.take`.
    """

    backbone: Callable[[Supernet], Mapping[str, str]]
    stem: str
    fusion: str
    answers: str
    projections: Mapping[str, str]
    out: str
    whole: Sequence[str]


def converted(state: Mapping[str, Tensor], tracker: TransTTracker, public: PublicKeys) -> dict[str, Tensor]:
    """Return a public model's weights by the names of the tracker's `state_dict`, all of which they fill.

    The public networks read R, G, B: the first convolution's channels are reversed, for crops are B, G, R.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        key = reduce(str.removeprefix, _PREFIXES, name)
        place, stacked, last = key.rpartition(".in_proj_")
        if key == public.stem:
            found[key] = tensor.flip(1)
        elif stacked:
            parts = zip(_STACKED, tensor.chunk(len(_STACKED)), strict=True)
            found |= {f"{place}.{part}.{last}": value for part, value in parts}
        else:
            found[key] = tensor
    tensors = tracker.state_dict()
    keys = {f"supernet.{name}": key for name, key in public.backbone(tracker.supernet).items()}
    keys |= {name: _key(name, public) for name in tensors if not name.startswith("supernet.")}
    return take(found, tensors, keys, whole=public.whole)


def _key(name: str, public: PublicKeys) -> str:
    """The public key of a tensor of neck or head, the stacked projections of an attention taken apart."""
    module, last = name.rsplit(".", 1)
    part, _, rest = module.partition(".")
    if part == "neck":  # neck.layers.search
        return f"{public.projections[rest.removeprefix('layers.')]}.{last}"
    answer, _, rest = rest.partition(".")
    if answer != "fusion":  # head.cls.2
        embed = {"cls": "class_embed", "box": "bbox_embed"}[answer]
        return f"{public.answers}{embed}.layers.{int(rest) // 2}.{last}"
    if rest == "norm":
        return f"{public.fusion}decoder.norm.{last}"
    layer, inner, table = _layer(rest)
    attention, _, projection = inner.partition(".")
    if attention != "attention":
        return f"{public.fusion}{layer}.{table[inner]}.{last}"
    projection = public.out if projection == "out" else projection.removeprefix("projections.")
    return f"{public.fusion}{layer}.{table[attention]}.{projection}.{last}"


def _layer(module: str) -> tuple[str, str, dict[str, str]]:
    """The public layer that a module of the fusion network is in, its name there, and the public names of the layer."""
    if module.startswith("decoder."):
        return "decoder.layers.0", module.removeprefix("decoder."), _DECODER
    _, number, half, inner = module.split(".", 3)  # layers.3.template_cross.attention.out
    role, kind = half.split("_")
    names = _SELF if kind == "self" else _CROSS
    table = {ours: theirs.format({"template": 1, "search": 2}[role]) for ours, theirs in names.items()}
    return f"encoder.layers.{number}", inner, table
