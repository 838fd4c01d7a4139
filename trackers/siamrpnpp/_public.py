"""The weights of pysot's SiamRPN++ under the names of ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from asymnas.nn.pretrained import resnet_keys, take
from asymnas.tracking.siamese.rpn.tracker import RPNTracker

_PARTS = {"template": "conv_kernel", "search": "conv_search", "hidden": "head", "answer": "head.3"}
_ANSWERS = {"cls": "cls", "box": "loc", "cls_weight": "cls_weight", "box_weight": "loc_weight"}
_WHOLE = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "neck", "rpn_head")
_FIRST = 2  # the first level is that of layer2


def converted(state: Mapping[str, Tensor], tracker: RPNTracker) -> dict[str, Tensor]:
    """See `asymnas_trackers.siamrpnpp.convert`."""
    tensors = tracker.state_dict()
    keys = {f"supernet.{name}": key for name, key in resnet_keys(tracker.supernet).items()}
    keys |= {name: _key(name.split(".")) for name in tensors if not name.startswith("supernet.")}
    return take(state, tensors, keys, whole=_WHOLE)


def _key(parts: list[str]) -> str:
    """The public key of a tensor of neck (`neck.layers.both.0.norm.stats.*`) or head (`head.cls.0.hidden.0.weight`)."""
    if parts[0] == "neck":
        layer = {"conv": "0", "norm": "1"}[parts[4]]
        return f"neck.downsample{_FIRST + int(parts[3])}.downsample.{layer}.{parts[-1]}"
    answer = _ANSWERS[parts[1]]
    if len(parts) == 2:
        return f"rpn_head.{answer}"
    place = f"rpn_head.rpn{_FIRST + int(parts[2])}.{answer}.{_PARTS[parts[3]]}"
    return ".".join([place, *parts[4:5], parts[-1]] if len(parts) > 5 else [place, parts[-1]])
