"""What a job may start from."""

from __future__ import annotations

from torch import nn

from asymnas.nn._supernet import Supernet
from asymnas.nn._weights import load_weights, read_weights
from asymnas.nn.pretrained._files import read_checkpoint
from asymnas.nn.pretrained._resnet import load_resnet
from asymnas.nn.pretrained._spos import load_spos, load_vlt


def load_initial(file: str, model: nn.Module, supernet: Supernet) -> None:
    """Start a model from its own weights, or its supernet from a public network.

    Args:
        file: what `save_weights` wrote of such a model; or a checkpoint, as it is or converted, of a SPOS supernet, a
            VLT backbone or a ResNet.
        model: the whole model.
        supernet: the part of it that a public checkpoint fills.

    Raises:
        WeightsError: the file cannot be read or does not fit.
    """
    if file.endswith(".safetensors") and "converted_from" not in read_weights(file)[1]:
        load_weights(file, model)
        return
    keys = read_checkpoint(file).keys()
    if any(key.startswith("layer1.") for key in keys):
        load_resnet(file, supernet)
    elif any(key.startswith("nlp_layers.") for key in keys):
        load_vlt(file, supernet)
    else:
        load_spos(file, supernet)
