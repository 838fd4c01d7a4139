"""Weight files: safetensors with the space's hash, written whole or not at all, and never unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from asymnas.core.errors import Problem, WeightsError
from asymnas.core.files import disk_errors, write_whole

_SPACE, _STRUCTURE = "space_hash", "space_structure"
_SHOWN = 12


class LoadedWeights(NamedTuple):
    """What `load_weights` found: the file's metadata, and with `strict=False` what did not fit."""

    metadata: dict[str, str]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


def _error(file: Path, rule: str, value: str = "", way_out: str = "") -> WeightsError:
    return WeightsError(Problem(str(file), rule, value, way_out))


def write_weights(file: Path | str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors to a file atomically: a reader sees the old file or the whole new one. Its folder is made.

    Raises:
        WeightsError: the file cannot be written (full disk, no permission, ...); an old file is left as it was.
    """
    file = Path(file)
    on_cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    with disk_errors(file, WeightsError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, save(on_cpu, metadata={"format": "pt", **metadata}))


def read_weights(file: Path | str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of a safetensors file.

    Raises:
        WeightsError: the file is missing, truncated, or not safetensors (a pickle is never read).
    """
    file = Path(file)
    if not file.is_file():
        raise _error(file, "no such weight file")
    with file.open("rb") as stream:
        head = stream.read(2)
    # A zip archive (torch.save) or a bare pickle; a safetensors file starts with the length of its header.
    if head == b"PK" or (head[:1] == b"\x80" and head[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        way_out = (
            "Convert it once: `asymnas convert` of a tracker, asymnas.nn.pretrained.convert_checkpoint of a backbone."
        )
        raise _error(file, "is a pickle checkpoint, and pickles can run code", way_out=way_out)
    try:
        with safe_open(file, framework="pt", device="cpu") as source:
            return {name: source.get_tensor(name) for name in source.keys()}, dict(source.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise _error(file, "is truncated or no safetensors file", str(error), "Fetch or write it again.") from error


def save_weights(file: Path | str, module: nn.Module, metadata: Mapping[str, str] | None = None) -> None:
    """Write the state of `module` as safetensors, see `write_weights`.

    Args:
        file: where to.
        module: its state_dict is written. Where it has a `space`, the space's hash and name go into the metadata.
        metadata: further metadata, text to text.

    Raises:
        WeightsError: the file cannot be written.
    """
    space = getattr(module, "space", None)
    own = {} if space is None else {_SPACE: space.hash, _STRUCTURE: space.structure_hash, "space_name": space.name}
    write_weights(file, module.state_dict(), {**own, **(metadata or {})})


def load_weights(file: Path | str, module: nn.Module, *, strict: bool = True) -> LoadedWeights:
    """Load a file of `save_weights` into `module`.

    Args:
        file: the file.
        module: what to fill.
        strict: the file must be of a space with the same branches and weight sharing as the module's (ties, fixes and
            constraints may differ) and hold exactly its tensors. Otherwise tensors of equal name and shape are taken,
            whatever space they come from, and the rest is reported.

    Raises:
        WeightsError: the file is missing, a pickle, truncated, of another space, or (strict) has missing, unexpected or
            differently shaped tensors; all of them are listed.
    """
    file = Path(file)
    tensors, metadata = read_weights(file)
    space = getattr(module, "space", None)
    if strict and space is not None and metadata.get(_STRUCTURE, space.structure_hash) != space.structure_hash:
        found = f"space '{metadata.get('space_name', '?')}' ({metadata[_STRUCTURE]})"
        rule = f"holds weights of another space than '{space.name}' ({space.structure_hash})"
        raise _error(file, rule, found, "Use the space the weights were trained in.")
    state = module.state_dict()
    misshapen = [n for n, t in tensors.items() if n in state and t.shape != state[n].shape]
    missing = tuple(name for name in state if name not in tensors)
    unexpected = tuple(name for name in tensors if name not in state)
    problems = [
        Problem(str(file), f"{what} in the file: {listed(names)}")
        for what, names in (
            ("tensors missing", missing), ("unexpected tensors", unexpected), ("tensors of another shape", misshapen),
        )
        if names
    ]  # fmt: skip
    if strict and problems:
        raise WeightsError(problems)
    taken = {name: tensor for name, tensor in tensors.items() if name in state and name not in misshapen}
    module.load_state_dict(taken, strict=False)
    return LoadedWeights(metadata, missing + tuple(misshapen), unexpected)


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """Return names for a message, at most 12."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return separator.join(names[:_SHOWN]) + more


def weights_hash(source: Path | str | nn.Module | Mapping[str, Tensor]) -> str:
    """Return a hash (16 hex digits) of names, types, shapes and values; a module, its file and its tensors have one."""
    if isinstance(source, nn.Module):
        source = source.state_dict()
    tensors = source if isinstance(source, Mapping) else read_weights(source)[0]
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().to("cpu").contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
