"""The tensors of a public state dict under our names, and the parts of our names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn._weights import listed
from asymnas.nn.pretrained._files import renamed


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
    state = renamed(state)
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
