"""Weights of public networks: the SPOS supernet, the VLT backbone and ResNet-50, read into a supernet."""

from asymnas.nn.pretrained._files import Source, convert_checkpoint, read_checkpoint, read_state
from asymnas.nn.pretrained._initial import load_initial
from asymnas.nn.pretrained._resnet import load_resnet, resnet_keys
from asymnas.nn.pretrained._spos import load_spos, load_vlt, vlt_keys
from asymnas.nn.pretrained._take import take

__all__ = [
    "Source",
    "convert_checkpoint",
    "load_initial",
    "load_resnet",
    "load_spos",
    "load_vlt",
    "read_checkpoint",
    "read_state",
    "resnet_keys",
    "take",
    "vlt_keys",
]
