"""YAML and JSON files as plain data that remembers the line of every key."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from asymnas.core.errors import AsymNASError, JobError, Problem
from asymnas.core.files import read_text

Place = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which `1e-4` is a number (YAML 1.1 wants `1.0e-4` and reads the short form as text)."""


_Loader.yaml_implicit_resolvers = copy.deepcopy(yaml.SafeLoader.yaml_implicit_resolvers)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


class _Dumper(yaml.SafeDumper):
    """Quotes the text that `_Loader` would read as a number, such as a video's name `12e3`."""


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def written(data: Any) -> str:
    """Return plain data as YAML that `parse` reads back as it is."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def dotted(place: Place) -> str:
    """Return a place as people write it: `data.train.sources[0].weight`."""
    text = ""
    for item in place:
        text += f"[{item}]" if isinstance(item, int) else (f".{item}" if text else str(item))
    return text


@dataclass(slots=True)
class Document:
    """Plain data and where each of its values was written.

    Args:
        data: mappings, lists and scalars.
        file: name for messages.
        marks: (file, line) of each place; line 0 for values that come from no file.
        problems: what is wrong with the text itself, such as keys given twice.
    """

    data: Any
    file: str
    marks: dict[Place, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def where(self, place: Place) -> str:
        """Return `file:line: dotted.key` of a place, by its nearest parent where the place itself is not written."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.marks:
                file, line = self.marks[place[:length]]
                break
        else:
            file, line = self.file, 0
        key = dotted(place)
        position = f"{file}:{line}" if line else file
        return ": ".join(filter(None, (position, key)))

    def set(self, place: Place, value: Any, file: str) -> None:
        """Put a value at a place, making the mappings on the way; `file` says where it came from."""
        node = self.data
        for key in place[:-1]:
            node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
        node[place[-1]] = value
        self._forget(place)
        self.marks[place] = (file, 0)

    def remove(self, place: Place) -> None:
        """Take a value away, so that its default counts."""
        del _value(self.data, place[:-1])[place[-1]]
        self._forget(place)

    def has(self, place: Place) -> bool:
        """Whether something is written at a place."""
        node = self.data
        for key in place:
            inside = key in node if isinstance(node, dict) else isinstance(node, list) and key in range(len(node))
            if not inside:
                return False
            node = node[key]
        return True

    def at(self, place: Place) -> Any:
        """Return what is written at a place; None where nothing is."""
        return _value(self.data, place) if self.has(place) else None

    def over(self, base: Document) -> Document:
        """Return this document's values over those of `base`: mappings merge, all else is replaced."""
        merged = Document(copy.deepcopy(base.data), self.file, dict(base.marks), base.problems + self.problems)
        merged.marks[()] = self.marks.get((), (self.file, 1))
        merged._merge((), self.data, self.marks)
        return merged

    def _merge(self, place: Place, data: Mapping[Any, Any], marks: dict[Place, tuple[str, int]]) -> None:
        target = _value(self.data, place)
        for key, value in data.items():
            inner = (*place, key)
            if isinstance(value, dict) and isinstance(target.get(key), dict):
                if inner in marks:
                    self.marks[inner] = marks[inner]
                self._merge(inner, value, marks)
                continue
            target[key] = copy.deepcopy(value)
            self._forget(inner)
            self.marks |= {other: mark for other, mark in marks.items() if other[: len(inner)] == inner}

    def _forget(self, place: Place) -> None:
        for other in [item for item in self.marks if item[: len(place)] == place]:
            del self.marks[other]


def _value(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def copied(data: Any) -> Any:
    """Return a copy of plain data; what an alias names twice is there twice."""
    if isinstance(data, Mapping):
        return {key: copied(value) for key, value in data.items()}
    return [copied(item) for item in data] if isinstance(data, list | tuple) else data


MOST_MARKS = 500_000
"""Keys and values of a file: aliases of aliases grow without end."""


def parse(text: str, file: str, error: type[AsymNASError] = JobError) -> Document:
    """Parse YAML (or JSON) text, which messages call `file`; `error` is raised where it is no YAML."""
    document = Document(None, file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            _mark(node, (), document)
            document.data = copied(loader.construct_document(node))
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        reason = getattr(fault, "problem", None) or str(fault).splitlines()[0]
        way_out = "Check indentation, quotes and colons near this line."
        raise error(Problem(where, f"this is not YAML: {reason}", "", way_out)) from fault
    except ValueError as fault:  # a date or number that looks like one and is none
        raise error(Problem(file, f"this is not YAML: {fault}", "", "Put text in quotes.")) from fault
    except RecursionError:
        raise error(Problem(file, "must not be nested so deeply, or hold itself through an alias")) from None
    return document


def read(file: Path, error: type[AsymNASError] = JobError) -> Document:
    """Read a YAML or JSON file; `error` is raised where it cannot be read or is no YAML."""
    try:
        text = read_text(file)
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "it is not UTF-8 text"
        raise error(Problem(str(file), f"the file cannot be read: {reason}")) from fault
    # JSON may be indented by tabs, which YAML refuses; inside its texts they are escaped
    return parse(text.replace("\t", " ") if file.suffix == ".json" else text, str(file), error)


def _whole_characters(text: str) -> str:
    """Join the two halves as which JSON writes, and YAML reads, a character such as `\\ud83d\\ude80`."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")


def _mark(node: yaml.Node, place: Place, document: Document) -> None:
    if len(document.marks) > MOST_MARKS:
        raise yaml.MarkedYAMLError(problem=f"it must hold at most {MOST_MARKS:,} keys and values")
    document.marks.setdefault(place, (document.file, node.start_mark.line + 1))
    if isinstance(node, yaml.ScalarNode):
        node.value = _whole_characters(node.value)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _mark(item, (*place, index), document)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[Any, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if isinstance(key_node, yaml.ScalarNode):
                key_node.value = _whole_characters(key_node.value)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.value)
            if key in seen:
                rule = f"the key is given twice, first on line {seen[key]}"
                where = f"{document.file}:{line}: {dotted((*place, key))}"
                document.problems.append(Problem(where, rule, "", "Keep one of the two."))
            seen[key] = line
            document.marks[(*place, key)] = (document.file, line)
            _mark(value, (*place, key), document)
