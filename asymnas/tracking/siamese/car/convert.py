"""Public weights of trackers with SiamCAR's head under the names of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from asymnas.nn import Supernet
from asymnas.nn.pretrained import take
from asymnas.tracking.siamese.car.tracker import CARTracker

__all__ = ["CARKeys", "converted"]

_HEAD = {"cls_tower": "cls_tower", "box_tower": "bbox_tower", "cls": "cls_logits", "box": "bbox_pred"}
_HEAD |= {"centre": "centerness"}


@dataclass(frozen=True, slots=True)
class CARKeys:
    """Where a public checkpoint keeps the parts.

    Args:
        backbone: gives the names of a supernet's tensors with the public keys, without their prefix.
        head: the head.
        fuse: the convolution that fuses the levels, a transposed one.
        whole: see `asymnas.nn.pretrained.take`.
    """

    backbone: Callable[[Supernet], Mapping[str, str]]
    head: str
    fuse: str
    whole: Sequence[str]


def converted(state: Mapping[str, Tensor], tracker: CARTracker, public: CARKeys) -> dict[str, Tensor]:
    """Return a public model's weights by the names of the tracker's `state_dict`, all of which they fill.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    state, fuse = {key.removeprefix("module."): tensor for key, tensor in state.items()}, f"{public.fuse}.weight"
    if fuse in state and state[fuse].ndim == 4:
        state[fuse] = state[fuse].transpose(0, 1)
    tensors = tracker.state_dict()
    keys = {f"supernet.{name}": key for name, key in public.backbone(tracker.supernet).items()}
    keys |= {name: _key(name.split("."), public) for name in tensors if not name.startswith("supernet.")}
    return take(state, tensors, keys, whole=public.whole)


def _key(parts: list[str], public: CARKeys) -> str:
    """The public key of a tensor of head (`head.fuse.weight`) or neck (`neck.layers.search.0.norm.stats.all.*`)."""
    if parts[:2] == ["head", "fuse"]:
        return ".".join([public.fuse, *parts[2:]])
    if parts[0] == "head":
        return ".".join([public.head, _HEAD[parts[1]], *parts[2:]])
    number = 2 + int(parts[3]) + (3 if parts[2] == "search" else 0)
    layer = {"conv": "0", "norm": "1"}[parts[4]]
    return ".".join(["neck", f"downsample{number}", "downsample", layer, parts[-1]])
