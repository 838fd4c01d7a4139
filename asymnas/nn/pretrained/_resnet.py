"""ResNet in the names of torchvision and pysot, read into a supernet of bottlenecks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch.nn.functional as F
from torch import Tensor

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn.pretrained._files import Source, read_checkpoint, renamed
from asymnas.nn.pretrained._take import named_parts, take
from asymnas.space import Branch

_LAYERS = {
    "main": {"0": "conv1", "1": "bn1", "3": "conv2", "4": "bn2", "6": "conv3", "7": "bn3"},
    "shortcut": {"0": "downsample.0", "1": "downsample.1"},
}


def load_resnet(source: Source, supernet: Supernet) -> None:
    """Fill a supernet of bottlenecks from a ResNet of torchvision or pysot, all branches alike.

    The layers are the stages in order; a mixer's visual block is the last of its layer, its mixed block a copy of that.
    Layers after the last stage and the classifier are left out; what a mixer has beside its blocks keeps its values.
    torchvision's stem reads R, G, B: its input channels are reversed, for crops are B, G, R. Its 1x1 shortcuts are the
    centre of 3x3 ones, which computes the same.

    Args:
        source: a file (see `read_checkpoint`) or a state dict.
        supernet: what to fill, with `affine=True`. torchvision's weights are for pixels normalised as ImageNet's,
            pysot's for raw ones.

    Raises:
        WeightsError: with every tensor that is not filled, or has another shape. The supernet is then unchanged.
    """
    where = "state dict" if isinstance(source, Mapping) else str(source)
    state = renamed(source) if isinstance(source, Mapping) else read_checkpoint(source)
    stages = max(len(branch.stages) for branch in supernet.space.branches)
    layers = tuple(f"layer{number}." for number in range(1, stages + 1))
    state = {key: tensor for key, tensor in state.items() if key.startswith(("conv1.", "bn1.", *layers))}
    keys, targets = resnet_keys(supernet), supernet.state_dict()
    whole = sorted({key.partition(".")[0] for key in state})
    taken = take(_adapted(state, targets, keys), targets, keys, whole=whole, where=where)
    supernet.load_state_dict(taken, strict=False)


def resnet_keys(supernet: Supernet) -> dict[str, str]:
    """Return the names of a supernet's tensors with ResNet's keys, but for what a mixer has beside its blocks.

    Raises:
        WeightsError: the supernet has other ops than bottlenecks.
    """
    names = {network: dict(_blocks(supernet.space.branch(network.split("+")[0]))) for network in supernet.branches}
    keys = ((name, _key(parts, names[network])) for name, network, parts in named_parts(supernet))
    return {name: key for name, key in keys if key is not None}


def _blocks(branch: Branch) -> Iterator[tuple[str, str]]:
    """Yield (module name, ResNet's name) of all blocks of a branch."""
    for number, stage in enumerate(branch.stages, 1):
        for block in range(stage.blocks):
            yield f"{stage.name}.block{block + 1}", f"layer{number}.{block}"
        if stage.mixer is not None:
            for name in ("visual", "mixed"):
                yield f"{stage.mixer.name}.{name}", f"layer{number}.{stage.blocks}"


def _key(parts: list[str], blocks: Mapping[str, str]) -> str | None:
    if parts[0] == "stem":
        return ".".join([{"0": "conv1", "1": "bn1"}[parts[1]], *parts[2:]])
    block = blocks.get(".".join(parts[:2]))
    if block is None:
        return None
    if not parts[2].startswith("bottleneck"):
        raise WeightsError(Problem(".".join(parts[:3]), "ResNet has bottlenecks, and no such block"))
    return ".".join([block, _LAYERS[parts[3]][parts[4]], *parts[5:]])


def _adapted(state: Mapping[str, Tensor], targets: Mapping[str, Tensor], keys: Mapping[str, str]) -> dict[str, Tensor]:
    """torchvision's stem and shortcuts as ours; pysot's as they are, which have a 3x3 shortcut in layer2."""
    found, second = dict(state), state.get("layer2.0.downsample.0.weight")
    if second is None or second.shape[-1] != 1:
        return found
    if "conv1.weight" in found:
        found["conv1.weight"] = found["conv1.weight"].flip(1)
    for name, key in keys.items():
        if key in found and key.endswith("downsample.0.weight") and targets[name].shape[-1] == 3 > found[key].shape[-1]:
            found[key] = F.pad(found[key], (1, 1, 1, 1))
    return found
