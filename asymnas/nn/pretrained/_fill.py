"""Filling a network from a public state dict, by a table of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn._weights import listed


def fill(
    state: Mapping[str, Tensor], targets: Mapping[str, Tensor], keys: Mapping[str, str | None], where: str
) -> dict[str, Tensor]:
    """Return by name of `targets` what a public state dict has for it.

    Trailing sides of one cell may be missing (a 1x1 convolution for a linear map); counters of batches are left out.

    Args:
        state: public key -> tensor.
        targets: the network's state dict.
        keys: name of a target -> its public key; targets without one, or with None, are left out.
        where: names the state dict in messages.

    Raises:
        WeightsError: with all targets that are absent or have another shape, and all keys without a place.
    """
    filled: dict[str, Tensor] = {}
    absent, misshapen, used = [], [], set()
    for name, tensor in targets.items():
        key = keys.get(name)
        if key is None:
            continue
        used.add(key)
        found = state.get(key)
        if found is None:
            absent.append(f"{name} (from {key})")
        elif found.numel() != tensor.numel() or found.shape[: tensor.ndim] != tensor.shape:
            misshapen.append(f"{key} is {tuple(found.shape)}, {name} is {tuple(tensor.shape)}")
        else:
            filled[name] = found.reshape(tensor.shape).to(tensor.dtype)
    left = [key for key in state if key not in used and not key.endswith("num_batches_tracked")]
    problems = [
        Problem(where, f"{len(items)} tensors {what}: {listed(items, '; ')}")
        for what, items in (
            ("of the network are not in the checkpoint", absent),
            ("differ in shape", misshapen),
            ("have no place in the network (affine=True has scales)", left),
        )
        if items
    ]
    if problems:
        raise WeightsError(problems)
    return filled


def named_parts(supernet: Supernet) -> Iterator[tuple[str, str, list[str]]]:
    """Yield of each tensor of a supernet its name, its network, and the parts of its name within the branch.

    Statistics of all branches have the same parts: a public network keeps one set.
    """
    for name in supernet.state_dict():
        _, network, *parts = name.split(".")
        if "stats" in parts:  # stats.<branch>.running_mean
            at = parts.index("stats")
            parts = [*parts[:at], *parts[at + 2 :]]
        yield name, network, parts
