"""Weight files that say what they are of: public checkpoints, renamed for a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from asymnas.core.errors import Problem, TrackerError, WeightsError
from asymnas.space import Architecture, load_architecture, load_space
from asymnas.tracking import TrackerPlugin
from asymnas.tracking.task.data import checked_options

__all__ = ["WeightsNote", "architecture_settings", "convert_weights", "read_note"]

_NOTE = "asymnas_tracker"
_ENCODER = ("bert-base-uncased", 768)
"""The text encoder of the public vision-language trackers, and the length of its embeddings."""


class WeightsNote(BaseModel):
    """What a converted file says beside its tensors: what to build, and how it is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tracker: str
    options: dict[str, Any]
    space: dict[str, Any]
    genes: dict[str, str]
    encoder: str | None

    @property
    def architecture(self) -> Architecture:
        """The architecture that the weights are of."""
        return load_space(self.space).architecture(self.genes)


def convert_weights(
    source: Path | str, plugin: TrackerPlugin, options: Mapping[str, Any], target: Path | str
) -> WeightsNote:
    """Write a public checkpoint as a weight file of a tracker, and return what the file says of itself.

    Args:
        source: the checkpoint: a torch file of tensors, or safetensors.
        plugin: the tracker.
        options: values for its options, over `public: true` where it has that.
        target: the file to write.

    Raises:
        TrackerError: the tracker has no public weights that are known, or no such options.
        WeightsError: the source cannot be read, or has not exactly the tracker's tensors: all of them are listed; or
            the target cannot be written.
    """
    from asymnas.nn import save_weights
    from asymnas.nn.pretrained import read_state

    if plugin.convert is None:
        raise TrackerError(Problem(f"tracker '{plugin.name}'", "has no public weights that are known"))
    architecture = _published(*plugin.published)
    preset = {"public": True} if "public" in plugin.options.model_fields else {}
    checked = checked_options(plugin, {**preset, **options})
    encoder, dim = _ENCODER if plugin.reads_language else (None, 0)
    tracker: Any = plugin.build(checked, space=architecture.space, language_dim=dim, seed=0)
    try:
        tracker.load_state_dict(plugin.convert(read_state(source), tracker))
    except WeightsError as error:
        raise WeightsError([replace(item, where=str(source)) for item in error.problems]) from error
    note = WeightsNote(
        tracker=plugin.name,
        options=checked.model_dump(mode="json"),
        space=architecture.space.to_dict(),
        genes=architecture.genes,
        encoder=encoder,
    )
    save_weights(target, tracker, {_NOTE: note.model_dump_json()})
    return note


def read_note(plugin: TrackerPlugin, file: Path | None) -> WeightsNote | None:
    """Read what a weight file says of itself; None without a file, and for a tracker with a space of its own.

    Raises:
        WeightsError: the file cannot be read, says nothing, or is of another tracker.
    """
    if file is None or not plugin.searchable:
        return None
    from asymnas.nn import read_weights

    text = read_weights(file)[1].get(_NOTE)
    if text is None:
        rule = "does not say its space and architecture"
        way_out = f"Name its run folder, or convert public weights with `asymnas convert FILE --to {plugin.name}`."
        raise WeightsError(Problem(str(file), rule, way_out=way_out))
    note = WeightsNote.model_validate_json(text)
    if note.tracker != plugin.name:
        raise WeightsError(Problem(str(file), f"must be of the tracker '{plugin.name}'", f"'{note.tracker}'"))
    return note


def architecture_settings(architecture: Architecture) -> dict[str, Any]:
    """Return what the settings of a tracker say of its architecture."""
    return {
        "space": architecture.space.name,
        "space_hash": architecture.space.hash,
        "architecture": architecture.key,
        "genes": dict(architecture.genes),
    }


def _published(space: str, architecture: str | None = None) -> Architecture:
    return load_space(space).architecture(load_architecture(architecture or space).architecture.genes)
