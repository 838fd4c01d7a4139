"""Weight files: safetensors with the space's hash, written whole or not at all, and never unpickled."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from asymnas.core.errors import Problem, WeightsError
from asymnas.core.files import write_whole

_SPACE, _STRUCTURE = "space_hash", "space_structure"
_SHOWN = 12


class LoadedWeights(NamedTuple):
    """What `load_weights` found: the file's metadata, and with `strict=False` what did not fit."""

    metadata: dict[str, str]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


def _error(path: Path, rule: str, value: str = "", way_out: str = "") -> WeightsError:
    return WeightsError(Problem(str(path), rule, value, way_out))


def write_weights(path: Path | str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors to `path` atomically: a reader sees the old file or the whole new one.

    Raises:
        WeightsError: the file cannot be written (full disk, no permission, ...); an old file is left as it was.
    """
    path = Path(path)
    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    content = save(plain, metadata={"format": "pt", **metadata})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            size = f"{len(content) / 2**20:.1f} MiB to write"
            raise _error(path, "the disk is full", size, "Free some space and run again.") from error
        raise _error(path, f"the weights cannot be written: {error.strerror}") from error


def read_weights(path: Path | str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of a safetensors file.

    Raises:
        WeightsError: the file is missing, truncated, or not safetensors (a pickle is never read).
    """
    path = Path(path)
    if not path.is_file():
        raise _error(path, "no such weight file")
    try:
        with path.open("rb") as file:
            head = file.read(4)
        # A zip archive (torch.save) or a bare pickle; a safetensors file starts with the length of its header.
        if head[:2] == b"PK" or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
            way_out = "Convert it once with asymnas.nn.pretrained.convert_checkpoint."
            raise _error(path, "is a pickle checkpoint, and pickles can run code", way_out=way_out)
        with safe_open(path, framework="pt", device="cpu") as source:
            return {name: source.get_tensor(name) for name in source.keys()}, dict(source.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise _error(path, "is truncated or no safetensors file", str(error), "Fetch or write it again.") from error
    except OSError as error:
        raise _error(path, f"the weights cannot be read: {error.strerror or error}") from error


def save_weights(path: Path | str, module: nn.Module, metadata: Mapping[str, str] | None = None) -> None:
    """Write the state of `module` as safetensors, atomically.

    Args:
        path: the file; its folder is made.
        module: its state_dict is written. Where it has a `space`, the space's hash and name go into the metadata.
        metadata: further metadata, text to text.

    Raises:
        WeightsError: the file cannot be written.
    """
    space = getattr(module, "space", None)
    own = {} if space is None else {_SPACE: space.hash, _STRUCTURE: space.structure_hash, "space_name": space.name}
    write_weights(path, module.state_dict(), {**own, **(metadata or {})})


def load_weights(path: Path | str, module: nn.Module, *, strict: bool = True) -> LoadedWeights:
    """Load a file of `save_weights` into `module`.

    Args:
        path: the file.
        module: what to fill.
        strict: the file must be of a space with the same branches and weight sharing as the module's (ties, fixes and
            constraints may differ) and hold exactly its tensors. Otherwise tensors of equal name and shape are taken,
            whatever space they come from, and the rest is reported.

    Raises:
        WeightsError: the file is missing, a pickle, truncated, of another space, or (strict) has missing, unexpected or
            differently shaped tensors; all of them are listed.
    """
    path = Path(path)
    tensors, metadata = read_weights(path)
    space = getattr(module, "space", None)
    if strict and space is not None and metadata.get(_STRUCTURE, space.structure_hash) != space.structure_hash:
        found = f"space '{metadata.get('space_name', '?')}' ({metadata[_STRUCTURE]})"
        rule = f"holds weights of another space than '{space.name}' ({space.structure_hash})"
        raise _error(path, rule, found, "Use the space the weights were trained in.")
    state = module.state_dict()
    misshapen = [n for n, t in tensors.items() if n in state and t.shape != state[n].shape]
    missing = tuple(name for name in state if name not in tensors)
    unexpected = tuple(name for name in tensors if name not in state)
    problems = [
        Problem(str(path), f"{what} in the file: {listed(names)}")
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
