"""Loading spaces by name, file or mapping, with `extends` resolved."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from asymnas.core.errors import InfeasibleConstraint, Problem, SpaceError, nearest
from asymnas.core.text import read_text
from asymnas.space._checks import Finding, Key, dotted
from asymnas.space._parse import Parser
from asymnas.space._space import SearchSpace, check_fields
from asymnas.space._yaml import Marks, parse_yaml

__all__ = ["SHIPPED", "list_spaces", "load_space"]

SHIPPED = "asymnas_spaces"
_ADDED = ("tie", "constraints", "share_weights")


def list_spaces() -> list[str]:
    """Return the names of the spaces that come with AsymNAS."""
    found = (Path(item.name) for item in resources.files(SHIPPED).iterdir())
    return sorted(path.stem for path in found if path.suffix == ".yaml")


def load_space(source: str | Path | Mapping[str, Any]) -> SearchSpace:
    """Load a search space.

    Args:
        source: the name of a space that comes with AsymNAS, the path of a YAML or JSON file, or a mapping with the same
            content. `extends: NAME-OR-PATH` takes over another space: mappings are merged key by key (null removes what
            the base has), lists of ties, constraints and shared weights are added to, all else is replaced.

    Raises:
        SpaceError: with all that is wrong, each with file, line and key.

    Example:
        >>> load_space("vlt_asymmetric").size == 4**48
        True
    """
    content, marks = _resolved(source, None, ())
    parser = Parser()
    fields = parser.space(content)
    findings = list(parser.findings)
    if fields is not None:
        findings += check_fields(fields)
    if findings:
        raise SpaceError([_problem(item, marks) for item in findings])
    try:
        return SearchSpace(**fields)  # type: ignore[arg-type]
    except InfeasibleConstraint as error:
        where = _where(("constraints",), marks)
        raise InfeasibleConstraint([Problem(where, p.rule, p.value, p.way_out) for p in error.problems]) from error


def _where(key: Key, marks: Marks) -> str:
    """`file:line: key` of the nearest enclosing thing that stands in a file, or the key alone."""
    known = key
    while known and known not in marks:
        known = known[:-1]
    place = marks.get(known)
    return f"{place}: {dotted(key)}" if place else dotted(key)


def _problem(item: Finding, marks: Marks) -> Problem:
    return Problem(_where(item.key, marks), item.rule, item.value, item.way_out)


def _read(source: str | Path, folder: Path | None, where: str) -> tuple[Any, Marks, str, Path | None]:
    """Content, marks, identity and folder of a shipped space or a file."""
    text = str(source)
    is_file = isinstance(source, Path) or text.endswith((".yaml", ".yml", ".json")) or "/" in text
    if not is_file:
        file = resources.files(SHIPPED).joinpath(f"{text}.yaml")
        if text not in list_spaces():
            way_out = nearest(text, list_spaces())
            raise SpaceError(Problem(where, "no such search space", f"'{text}'", way_out))
        return *parse_yaml(file.read_text("utf-8"), f"{text}.yaml"), text, None
    path = (folder or Path()) / text
    try:
        content = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SpaceError(Problem(where, f"the file of the space cannot be read ({reason})", f"'{path}'")) from error
    if path.suffix == ".json":
        content = content.replace("\t", " ")  # an indent that YAML refuses; inside JSON's texts tabs are escaped
    return *parse_yaml(content, str(path)), str(path.resolve()), path.parent


def _resolved(
    source: str | Path | Mapping[str, Any], folder: Path | None, seen: tuple[str, ...], where: str = "space"
) -> tuple[Any, Marks]:
    """Plain content after `extends`, and where each key stands."""
    marks: Marks = {}
    if isinstance(source, Mapping):
        content: Any = source
    elif isinstance(source, str | Path):
        content, marks, identity, folder = _read(source, folder, where)
        if identity in seen:
            chain = " -> ".join((*seen, identity))
            raise SpaceError(Problem(where, "a space cannot extend itself", chain))
        seen = (*seen, identity)
    else:
        raise SpaceError(Problem(where, "a name, a path or a mapping is needed", repr(source)[:60]))
    if not isinstance(content, Mapping):
        return content, marks
    own = {key: value for key, value in content.items() if key != "extends"}
    if not isinstance(source, Mapping):
        own.setdefault("name", Path(str(source)).stem)
    if content.get("extends") is None:
        return own, marks
    base = content["extends"]
    at = _where(("extends",), marks)
    if not isinstance(base, str):
        raise SpaceError(Problem(at, "the name or path of a space is needed", repr(base)[:60]))
    below, below_marks = _resolved(base, folder, seen, at)
    merged: Marks = {**below_marks, (): marks.get((), "")}
    return _merge(below, own, (), marks, merged), merged


def _merge(base: Any, own: Any, key: Key, marks: Marks, merged: Marks) -> Any:
    """`own` over `base`; `merged` starts as the base's marks and learns where the result's keys stand."""
    if isinstance(base, Mapping) and isinstance(own, Mapping):
        result = dict(base)
        for name, value in own.items():
            inner: Key = (*key, str(name))
            if value is None:
                result.pop(name, None)
                continue
            added = _listed(name, value) if not key and name in _ADDED else None
            before = _listed(name, base.get(name)) if added is not None else None
            if added is not None and before is not None:
                result[name] = [*before, *added]
                merged.setdefault((*inner, 0), merged.get(inner, ""))  # a single tie is no list in the file
                _copy(marks, inner, merged, len(before))
                for n in range(len(before), len(result[name])):
                    merged.setdefault((*inner, n), marks.get(inner, ""))
            elif name in result:
                result[name] = _merge(result[name], value, inner, marks, merged)
            else:
                result[name] = value
                _replace(marks, inner, merged)
        return result
    _replace(marks, key, merged)
    return own


def _listed(name: str, value: Any) -> list[Any] | None:
    if name == "tie" and isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else None


def _replace(marks: Marks, key: Key, into: Marks) -> None:
    """Forget where the base's value stood and learn where the new one does; nowhere, if it is no part of a file."""
    for place in [place for place in into if place[: len(key)] == key]:
        del into[place]
    into[key] = ""
    _copy(marks, key, into, 0)


def _copy(marks: Marks, key: Key, into: Marks, shift: int) -> None:
    """Copy the marks of a key and of all below it; the positions of a list's items move by `shift`."""
    for place, mark in marks.items():
        if place[: len(key)] == key:
            rest = place[len(key) :]
            if rest and shift and isinstance(rest[0], int):
                rest = (rest[0] + shift, *rest[1:])
            into[(*key, *rest)] = mark
