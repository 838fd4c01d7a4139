"""The SPOS supernet and the VLT backbone, read into a supernet of shuffle units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn._supernet import Supernet
from asymnas.nn.pretrained._files import Source, read_checkpoint
from asymnas.nn.pretrained._take import named_parts, take
from asymnas.space import Branch

_CHOICES = {"shuffle_3x3": "0", "shuffle_5x5": "1", "shuffle_7x7": "2", "shuffle_xception": "3"}


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


def _keys(supernet: Supernet, *, vlt: bool) -> dict[str, str]:
    """Return the official keys of the supernet's tensors by name; SPOS has none for some."""
    names = {network: dict(_blocks(supernet.space.branch(network.split("+")[0]))) for network in supernet.branches}
    keys = ((name, _official(parts, names[network], vlt)) for name, network, parts in named_parts(supernet))
    return {name: key for name, key in keys if key is not None}


def _load(source: Source, supernet: Supernet, keys: Mapping[str, str]) -> None:
    state, where = (source, "state dict") if isinstance(source, Mapping) else (read_checkpoint(source), str(source))
    supernet.load_state_dict(take(state, supernet.state_dict(), keys, where=where), strict=False)
