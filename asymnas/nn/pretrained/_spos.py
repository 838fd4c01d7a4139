"""The SPOS supernet and the VLT backbone, read into a supernet of shuffle units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn.pretrained._files import Source, read_checkpoint, without_prefixes
from asymnas.nn.pretrained._fill import fill, named_parts
from asymnas.space import Branch

_CHOICES = {"shuffle_3x3": "0", "shuffle_5x5": "1", "shuffle_7x7": "2", "shuffle_xception": "3"}
_ALIASES = {"k3": "0", "k5": "1", "k7": "2", "xcep": "3"}


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
    _load(source, supernet, vlt=False)


def load_vlt(source: Source, supernet: Supernet) -> None:
    """Fill a supernet from the public VLT backbone, which adds to SPOS' keys those of the mixers.

    `nlp_layers` are the mixed blocks, `token_map` the language projections, `vistoken_layers` the template embeddings.

    Args:
        source: a file (see `read_checkpoint`) or a state dict.
        supernet: what to fill; built with `token_norm=True` and `language_dim=768` for the released weights.

    Raises:
        WeightsError: with every tensor that is not filled, or has another shape. The supernet is then unchanged.
    """
    _load(source, supernet, vlt=True)


def vlt_keys(supernet: Supernet, *, vlt: bool = True) -> dict[str, str | None]:
    """Return by name of a supernet's tensors the public VLT backbone's key, or (`vlt` False) SPOS' one if there is any.

    Raises:
        WeightsError: the supernet has parts that are not in these networks.
    """
    names = _names(supernet)
    return {name: _official(parts, names[network], vlt) for name, network, parts in named_parts(supernet)}


def _names(supernet: Supernet) -> dict[str, dict[str, str]]:
    return {network: dict(_blocks(supernet.space.branch(network.split("+")[0]))) for network in supernet.branches}


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Write the choices as 0..3."""
    renamed = {}
    for key, tensor in state.items():
        parts = key.split(".")
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


def _load(source: Source, supernet: Supernet, *, vlt: bool) -> None:
    state = _renamed(without_prefixes(source) if isinstance(source, Mapping) else read_checkpoint(source))
    where = "state dict" if isinstance(source, Mapping) else str(source)
    keys = vlt_keys(supernet, vlt=vlt)
    layers = {key.rpartition(".")[0] for key in keys.values() if key is not None}
    problems: list[Problem] = []
    try:
        known = {key: tensor for key, tensor in state.items() if key.rpartition(".")[0] in layers}
        filled = fill(known, supernet.state_dict(), keys, where)
    except WeightsError as error:
        problems += error.problems
    blocks = len({key.split(".")[1] for key in state if key.startswith("features.")})
    for network, table in _names(supernet).items():
        wanted = sum(official.startswith("features.") for official in table.values())
        if blocks > wanted:
            problems.append(Problem(where, f"has {blocks} feature blocks, branch '{network}' has places for {wanted}"))
    if problems:
        raise WeightsError(problems)
    supernet.load_state_dict(filled, strict=False)
