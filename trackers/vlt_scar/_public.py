"""The weights of SOTS' public VLT_SCAR under the names of ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from asymnas.nn.pretrained import take, vlt_keys

from ._tracker import VLTSCAR

_HEAD = {
    "fuse": "down",
    "cls_tower": "cls_tower",
    "box_tower": "bbox_tower",
    "cls": "cls_logits",
    "box": "bbox_pred",
    "centre": "centerness",
}
_FUSE = "head.down.weight"


def converted(state: Mapping[str, Tensor], tracker: VLTSCAR) -> dict[str, Tensor]:
    """See `asymnas_trackers.vlt_scar.convert`."""
    state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    if _FUSE in state and state[_FUSE].ndim == 4:  # of a transposed convolution
        state[_FUSE] = state[_FUSE].transpose(0, 1)
    tensors = tracker.state_dict()
    keys = {f"supernet.{name}": key for name, key in vlt_keys(tracker.supernet).items()}
    keys |= {name: _key(name.split(".")) for name in tensors if not name.startswith("supernet.")}
    return take(state, tensors, keys, whole=("neck", "head"))


def _key(parts: list[str]) -> str:
    """The public key of a tensor of head (`head.fuse.weight`) or neck (`neck.layers.search.0.norm.stats.all.*`)."""
    if parts[0] == "head":
        return ".".join(["head", _HEAD[parts[1]], *parts[2:]])
    number = 2 + int(parts[3]) + (3 if parts[2] == "search" else 0)
    layer = {"conv": "0", "norm": "1"}[parts[4]]
    return ".".join(["neck", f"downsample{number}", "downsample", layer, parts[-1]])
