"""Loading spaces by name, file or mapping, with `extends` resolved."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from asymnas.core.document import Document, copied, parse, read
from asymnas.core.errors import Problem, SpaceError, nearest
from asymnas.space._space import SearchSpace

SHIPPED = "asymnas_spaces"
_ADDED = ("tie", "constraints", "share_weights")


def shipped(suffix: str) -> list[str]:
    """Return the names of the files of a suffix, such as `.yaml`, that come with AsymNAS."""
    found = (Path(item.name) for item in resources.files(SHIPPED).iterdir())
    return sorted(file.stem for file in found if file.suffix == suffix)


def list_spaces() -> list[str]:
    """Return the names of the spaces that come with AsymNAS."""
    return shipped(".yaml")


def load_space(source: str | Path | Mapping[str, Any]) -> SearchSpace:
    """Load a search space.

    Args:
        source: the name of a space that comes with AsymNAS, a YAML or JSON file, or a mapping with the same content.
            `extends: NAME-OR-FILE` takes over another space: mappings are merged key by key (null removes what
            the base has), lists of ties, constraints and shared weights are added to, all else is replaced.

    Raises:
        SpaceError: with all that is wrong, each with file, line and key.

    Example:
        >>> load_space("vlt_asymmetric").size == 4**48
        True
    """
    if isinstance(source, Mapping):
        return SearchSpace.from_document(_extended(Document(copied(source), "", {(): ("", 0)}), None, ()))
    return SearchSpace.from_document(_extended(*_open(source, None, "space", ())))


def _open(
    source: str | Path, folder: Path | None, where: str, seen: tuple[str, ...]
) -> tuple[Document, Path | None, tuple[str, ...]]:
    """The document of a shipped space or of a file, its folder, and what has been opened on the way to it."""
    text = str(source)
    if isinstance(source, Path) or text.endswith((".yaml", ".yml", ".json")) or "/" in text:
        opened = (folder or Path()) / text
        identity, folder = str(opened.resolve()), opened.parent
        if not opened.exists():
            raise SpaceError(Problem(where, "no such file of a search space", f"'{opened}'"))
        document = read(opened, SpaceError)
    else:
        if text not in list_spaces():
            raise SpaceError(Problem(where, "no such search space", f"'{text}'", nearest(text, list_spaces())))
        file = resources.files(SHIPPED).joinpath(f"{text}.yaml")
        document, identity, folder = parse(file.read_text("utf-8"), f"{text}.yaml", SpaceError), text, None
    if identity in seen:
        raise SpaceError(Problem(where, "a space cannot extend itself", " -> ".join((*seen, identity))))
    if isinstance(document.data, dict):
        document.data.setdefault("name", Path(text).stem)
    return document, folder, (*seen, identity)


def _extended(document: Document, folder: Path | None, seen: tuple[str, ...]) -> Document:
    """The document over the one that it extends, if it does."""
    if not isinstance(document.data, dict) or document.data.get("extends") is None:
        return document
    where = document.where(("extends",))
    base = document.data.pop("extends")
    if not isinstance(base, str):
        raise SpaceError(Problem(where, "the name or file of a space is needed", repr(base)[:60]))
    below = _extended(*_open(base, folder, where, seen))
    if not isinstance(below.data, dict):
        return below
    for name in _ADDED:
        _add(name, document, below)
    return document.over(below)


def _add(name: str, document: Document, below: Document) -> None:
    """Put the entries of a list of `below` before those of the document, with their lines."""
    lists = []
    for owner in (below, document):
        if name == "tie" and isinstance(owner.data.get(name), str):
            owner.data[name] = [owner.data[name]]
            if (name,) in owner.marks:
                owner.marks[(name, 0)] = owner.marks[(name,)]
        lists.append(owner.data.get(name))
    if not all(isinstance(item, list) for item in lists):
        return
    before, added = lists
    document.data[name] = [*before, *added]
    entries = {place: mark for place, mark in document.marks.items() if place[:1] == (name,) and len(place) > 1}
    document.marks = {place: mark for place, mark in document.marks.items() if place not in entries}
    document.marks |= {place: mark for place, mark in below.marks.items() if place[:1] == (name,) and len(place) > 1}
    document.marks |= {(name, place[1] + len(before), *place[2:]): mark for place, mark in entries.items()}  # type: ignore[operator]
