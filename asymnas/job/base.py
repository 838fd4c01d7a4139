"""What jobs share: which of their values change no result, how they are told apart, and their search spaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

PLACES = ("resources", "training.workers")
"""Keys that say where a job runs; they change no result, so they are not part of its hash. A task may have more."""


def is_path(space: str) -> bool:
    """Whether a search space is given by a path rather than by a shipped name."""
    return "/" in space or space.endswith((".yaml", ".yml", ".json"))


def written_out(space: Any) -> Any:
    """Return a search space that a job can carry along: a name or mapping as it is, a file's content written out."""
    if not isinstance(space, str) or not is_path(space):
        return space
    from asymnas.space import load_space  # light, but a schema alone should need no search space

    return load_space(space).to_dict()


def digest(plain: Any) -> str:
    """Return 16 hex digits that identify plain data."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(before: Any, now: Any) -> dict[str, tuple[str, str]]:
    """Return what two plain mappings say differently: dotted key to both values as JSON, "absent" for none."""
    one, other = _flat(before), _flat(now)
    pairs = {key: (one.get(key, "absent"), other.get(key, "absent")) for key in sorted(one.keys() | other.keys())}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    """Dotted key to JSON text of every scalar and empty container."""
    if isinstance(data, Mapping) and data:
        inner = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in data.items()]
    elif isinstance(data, list) and data:
        inner = [(f"{prefix}[{index}]", item) for index, item in enumerate(data)]
    else:
        return {prefix: json.dumps(data)}
    return {key: text for place, item in inner for key, text in _flat(item, place).items()}
