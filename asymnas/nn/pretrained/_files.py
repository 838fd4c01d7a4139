"""Reading torch checkpoints of tensors, and converting them to safetensors."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._weights import read_weights, write_weights

Source = Path | str | Mapping[str, Tensor]
"""A file, or a state dict."""

_ALIASES = {"k3": "0", "k5": "1", "k7": "2", "xcep": "3"}
_WRAPPERS = ("state_dict", "net", "model")


def read_state(file: Path | str) -> dict[str, Tensor]:
    """Read a torch checkpoint of tensors (`weights_only`) or a safetensors file, keys as they are but for `module.`.

    A dict around the tensors (`state_dict`, `net` or `model`) is unwrapped.

    Raises:
        WeightsError: the file is missing, corrupt, or holds more than tensors.
    """
    file = Path(file)
    if not file.is_file():
        raise WeightsError(Problem(str(file), "no such weight file"))
    content = read_weights(file)[0] if file.suffix == ".safetensors" else _unpickled(file)
    inner = [
        content[name] for name in _WRAPPERS if isinstance(content, Mapping) and isinstance(content.get(name), Mapping)
    ]
    content = inner[0] if inner else content
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(Problem(str(file), "a state_dict of tensors is expected", type(content).__name__))
    return {key.removeprefix("module."): tensor for key, tensor in content.items()}


def _unpickled(file: Path) -> object:
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # on pickle protocols; refused or read
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        rule = "holds more than tensors or is no torch checkpoint, and is not read because pickles can run code"
        way_out = "Give a checkpoint of tensors alone, or a safetensors file."
        raise WeightsError(Problem(str(file), rule, "", way_out)) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(Problem(str(file), "is truncated or corrupt", str(error).splitlines()[0])) from error


def read_checkpoint(file: Path | str) -> dict[str, Tensor]:
    """Read the backbone of a checkpoint as `read_state` does; the prefix `backbone.` is removed, SPOS' choices
    are written as 0..3.

    Raises:
        WeightsError: the file is missing, corrupt, or holds more than tensors.
    """
    return renamed(read_state(file))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove the prefixes `module.` and `backbone.` of keys, and write SPOS' choices as 0..3."""
    found = {}
    for key, tensor in state.items():
        parts = key.split(".")
        while parts[0] in ("module", "backbone"):
            parts = parts[1:]
        if len(parts) > 2 and parts[0] in ("features", "nlp_layers"):
            parts[2] = _ALIASES.get(parts[2], parts[2])
        found[".".join(parts)] = tensor
    return found


def convert_checkpoint(source: Path | str, target: Path | str) -> None:
    """Convert a torch checkpoint to safetensors, once; the loaders read the result.

    Raises:
        WeightsError: the source cannot be read as tensors, or the target cannot be written.
    """
    write_weights(target, read_checkpoint(source), {"converted_from": Path(source).name})
