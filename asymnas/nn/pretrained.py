"""Weights of the public networks: the SPOS supernet checkpoint and the VLT backbone, read into a supernet."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn._weights import listed, load_weights, read_weights, write_weights
from asymnas.space import Branch

_CHOICES = {"shuffle_3x3": "0", "shuffle_5x5": "1", "shuffle_7x7": "2", "shuffle_xception": "3"}
_ALIASES = {"k3": "0", "k5": "1", "k7": "2", "xcep": "3"}

Source = Path | str | Mapping[str, Tensor]


def read_checkpoint(file: Path | str) -> dict[str, Tensor]:
    """Read a torch checkpoint of tensors (`weights_only`) or a converted safetensors file.

    A dict around the tensors (`state_dict`) is unwrapped and the prefixes `module.` and `backbone.` are removed.

    Raises:
        WeightsError: the file is missing, corrupt, or holds more than tensors.
    """
    file = Path(file)
    if not file.is_file():
        raise WeightsError(Problem(str(file), "no such weight file"))
    if file.suffix == ".safetensors":
        return _renamed(read_weights(file)[0])
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # on pickle protocols; refused or read
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        rule = "holds more than tensors or is no torch checkpoint, and is not read because pickles can run code"
        way_out = "Give a checkpoint of tensors alone, or a safetensors file."
        raise WeightsError(Problem(str(file), rule, "", way_out)) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(Problem(str(file), "is truncated or corrupt", str(error).splitlines()[0])) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(Problem(str(file), "a state_dict of tensors is expected", type(content).__name__))
    return _renamed(content)


def convert_checkpoint(source: Path | str, target: Path | str) -> None:
    """Convert a torch checkpoint to safetensors, once; `load_spos` and `load_vlt` read the result.

    Raises:
        WeightsError: the source cannot be read as tensors, or the target cannot be written.
    """
    write_weights(target, read_checkpoint(source), {"converted_from": Path(source).name})


def load_initial(file: str, model: nn.Module, supernet: Supernet) -> None:
    """Start a model from its own weights, or its supernet from a SPOS supernet or a public VLT backbone.

    Args:
        file: what `save_weights` wrote of such a model, or a public checkpoint as it is or converted.
        model: the whole model.
        supernet: the part of it that a public checkpoint fills.

    Raises:
        WeightsError: the file cannot be read or does not fit.
    """
    if file.endswith(".safetensors") and "converted_from" not in read_weights(file)[1]:
        load_weights(file, model)
        return
    mixers = any(key.startswith("nlp_layers.") for key in read_checkpoint(file))
    (load_vlt if mixers else load_spos)(file, supernet)


def load_spos(source: Source, supernet: Supernet) -> None:
    """Fill a full-width supernet from the official SPOS supernet, all branches alike.

    The 20 feature blocks are the blocks of the stages in order, a mixer's visual block being the last of its stage; the
    mixed blocks are copies of the same feature block (3, 7, 15, 19), as the paper says. Language projections and
    template embeddings keep their values; `conv_last` and `classifier` are not used, `num_batches_tracked` may be
    absent.

    Args:
        source: a file (see `read_checkpoint`) or a state dict.
        supernet: what to fill; its choice blocks hold SPOS ops only, its mixers are ModaMixers.

    Raises:
        WeightsError: with every tensor that is not filled, or has another shape. The supernet is then unchanged.
    """
    _load(source, supernet, _keys(supernet, vlt=False))


def load_vlt(source: Source, supernet: Supernet) -> None:
    """Fill a supernet from the public VLT backbone, which adds to SPOS' keys those of the mixers.

    `nlp_layers` are the mixed blocks, `token_map` the language projections, `vistoken_layers` the template embeddings.

    Args:
        source: a file (see `read_checkpoint`) or a state dict.
        supernet: what to fill; built with `token_norm=True` and `language_dim=768` for the released weights.

    Raises:
        WeightsError: with every tensor that is not filled, or has another shape. The supernet is then unchanged.
    """
    _load(source, supernet, vlt_keys(supernet))


def vlt_keys(supernet: Supernet) -> dict[str, str]:
    """Return the names of the supernet's tensors with the keys that the public VLT backbone has for them.

    Raises:
        WeightsError: the public backbone has no such part.
    """
    return _keys(supernet, vlt=True)


def take(
    state: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    keys: Mapping[str, str],
    *,
    whole: Sequence[str] = (),
    where: str = "state dict",
) -> dict[str, Tensor]:
    """Return the tensors of a public state dict under our names, in our shapes and types.

    Args:
        state: by public key, with or without the prefixes `module.` and `backbone.`.
        tensors: ours by name, as in a `state_dict`.
        keys: by name the public key, without prefixes; names that are not among them are not filled.
        whole: parts (the first word of a key) that may hold no key beside those asked for and counters of batches;
            elsewhere a key is left over where its layer has others that are asked for.
        where: what messages call the state.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    state = _renamed(state)
    filled: dict[str, Tensor] = {}
    absent, misshapen = [], []
    for name, key in keys.items():
        tensor, found = tensors[name], state.get(key)
        if found is None:
            absent.append(f"{name} (from {key})")
        elif found.numel() != tensor.numel() or found.shape[: tensor.ndim] != tensor.shape:
            misshapen.append(f"{key} is {tuple(found.shape)}, {name} is {tuple(tensor.shape)}")
        else:
            filled[name] = found.reshape(tensor.shape).to(tensor.dtype)
    used = set(keys.values())
    layers = {key.rpartition(".")[0] for key in used} - {""}
    left = [
        key
        for key in state
        if key not in used
        and (key.rpartition(".")[0] in layers or key.partition(".")[0] in whole)
        and not key.endswith("num_batches_tracked")
    ]
    problems = [
        Problem(where, f"{len(items)} tensors {what}: {listed(items, '; ')}")
        for what, items in (
            ("are asked for and not in the checkpoint", absent),
            ("differ in shape", misshapen),
            ("have no place (affine=True has scales)", left),
        )
        if items
    ]
    blocks, places = (len({key.split(".")[1] for key in some if key.startswith("features.")}) for some in (state, used))
    if blocks > places:
        problems.append(Problem(where, f"has {blocks} feature blocks, the supernet has places for {places}"))
    if problems:
        raise WeightsError(problems)
    return filled


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove prefixes and write the choices as 0..3."""
    renamed = {}
    for key, tensor in state.items():
        parts = key.split(".")
        while parts[0] in ("module", "backbone"):
            parts = parts[1:]
        if len(parts) > 2 and parts[0] in ("features", "nlp_layers"):
            parts[2] = _ALIASES.get(parts[2], parts[2])
        renamed[".".join(parts)] = tensor
    return renamed


def _blocks(branch: Branch) -> Iterator[tuple[str, str]]:
    """Yield (module name, official name) of all parts of a branch."""
    yield "stem", "first_conv"
    index = 0
    for number, stage in enumerate(branch.stages):
        for block in range(1, stage.blocks + 1):
            yield f"{stage.name}.block{block}", f"features.{index}"
            index += 1
        if stage.mixer is not None:
            name = stage.mixer.name
            yield f"{name}.visual", f"features.{index}"
            yield f"{name}.mixed", f"nlp_layers.{number}"
            yield f"{name}.project.linear", f"token_map.{number}.0"
            yield f"{name}.project.norm", f"token_map.{number}.1"
            yield f"{name}.template_embedding.conv", f"vistoken_layers.{number}.0"
            yield f"{name}.template_embedding.norm", f"vistoken_layers.{number}.1"
            index += 1


def _official(parts: list[str], names: Mapping[str, str], vlt: bool) -> str | None:
    """Return the official key of one of our tensors (`parts`: its name after the branch); None where SPOS has none."""
    if "stats" in parts:  # stats.<branch>.running_mean
        at = parts.index("stats")
        parts = [*parts[:at], *parts[at + 2 :]]
    length = next((n for n in (1, 2, 3) if ".".join(parts[:n]) in names), None)
    if length is None:
        raise WeightsError(Problem(".".join(parts), "the public networks have no such part"))
    official, rest = names[".".join(parts[:length])], parts[length:]
    if parts[1] in ("project", "template_embedding"):
        return ".".join([official, *rest]) if vlt else None
    if length == 1:
        return ".".join([official, *rest])
    if not vlt and parts[1] == "mixed":
        official = names[f"{parts[0]}.visual"]
    return ".".join([official, _CHOICES.get(rest[0], rest[0]), f"branch_{rest[1]}", *rest[2:]])


def _keys(supernet: Supernet, *, vlt: bool) -> dict[str, str]:
    """Return the official keys of the supernet's tensors by name; SPOS has none for some."""
    names = {network: dict(_blocks(supernet.space.branch(network.split("+")[0]))) for network in supernet.branches}
    found = {}
    for name in supernet.state_dict():
        _, network, *parts = name.split(".")
        key = _official(parts, names[network], vlt)
        if key is not None:
            found[name] = key
    return found


def _load(source: Source, supernet: Supernet, keys: Mapping[str, str]) -> None:
    state, where = (source, "state dict") if isinstance(source, Mapping) else (read_checkpoint(source), str(source))
    supernet.load_state_dict(take(state, supernet.state_dict(), keys, where=where), strict=False)
