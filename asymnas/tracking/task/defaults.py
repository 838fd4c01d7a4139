"""Values that a job of tracking gets before it is checked: those of its preset, and the tracker's defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from asymnas.core.document import Document, Place
from asymnas.core.errors import TrackerError

PRESETS: dict[str, dict[str, Any]] = {
    # The released reward: 20 of the listed videos, frames 0..10, batch norm over 50 batches of 4 GPUs x 16 pairs.
    "vlt_release": {"videos": 20, "frames": 11, "recalibration": {"batches": 50, "batch_size": 64}}
}


def apply_preset(document: Document, layers: Sequence[Callable[[Place], bool]]) -> None:
    """Fill in the values of the job's preset: they win over what the file that asks for it extends, and over no other.

    What the merged job lacks is filled in whatever a file said of it: what is put over that file may replace its lists.
    """
    asked = ("evaluation", "preset")
    preset = PRESETS.get(str(document.data["evaluation"]["preset"])) if document.has(asked) else None
    if preset is None:
        return  # null, or an unknown name that the schema reports
    asking = next(index for index, says in enumerate(layers) if says(asked))
    origin = f"preset '{document.data['evaluation']['preset']}'"

    def fill(place: Place, value: Any) -> None:
        if not document.has(place) or not any(says(place) for says in layers[: asking + 1]):
            document.set(place, value, origin)

    if isinstance(document.data["evaluation"].get("recalibration", {}), dict):
        for key, value in preset["recalibration"].items():
            fill(("evaluation", "recalibration", key), value)
    place = ("data", "validation", "sources")
    if not document.has((*place, 0)):
        return
    sources = document.data["data"]["validation"]["sources"]
    numbers = [index for index, item in enumerate(sources) if isinstance(item, dict)]
    each, rest = divmod(preset["videos"], len(numbers)) if numbers else (0, 0)
    for count, index in enumerate(numbers):
        fill((*place, index, "videos"), each + (count < rest))
        fill((*place, index, "frames"), preset["frames"])


def fill_options(document: Document) -> None:
    """Write out the tracker's options with their defaults, so that a resolved job says all; the check says faults."""
    from asymnas.tracking import get_tracker

    section = document.data.setdefault("tracker", {})
    if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
        return
    try:
        options = get_tracker(section.get("name", "vlt_scar")).options
        given = {key: value for key, value in section.items() if key != "name"}
        section |= options.model_validate(given).model_dump(mode="json")
    except (TrackerError, ValidationError, TypeError):
        return
