"""YAML with places: every value knows its line, and a key given twice is an error."""

from __future__ import annotations

from typing import Any

import yaml

from asymnas.core.errors import Problem, SpaceError
from asymnas.core.text import MOST_NODES, whole_characters
from asymnas.space._checks import Key

__all__ = ["Marks", "dump_yaml", "parse_yaml"]

Marks = dict[Key, str]
"""Where each key stands: `file:line`."""


def parse_yaml(text: str, name: str) -> tuple[Any, Marks]:
    """Read one YAML (or JSON) document.

    Args:
        text: the document.
        name: how messages call it, such as the file's path.

    Returns:
        the plain values, and for each key its `file:line`.

    Raises:
        SpaceError: the text is no YAML, or a key is given twice; with the line.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            return _parsed(loader, name)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        rule = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpaceError(Problem(where, f"the text is no YAML: {rule}")) from error
    except ValueError as error:  # a date or number that looks like one and is none
        raise SpaceError(Problem(name, f"the text is no YAML: {error}", "", "Put text in quotes.")) from error
    except RecursionError:
        raise SpaceError(Problem(name, "the file is nested too deeply, or holds itself through an alias")) from None


def _parsed(loader: yaml.SafeLoader, name: str) -> tuple[Any, Marks]:
    node = loader.get_single_node()
    if node is None:
        raise SpaceError(Problem(name, "the file is empty"))
    marks: Marks = {}
    problems: list[Problem] = []
    _walk(loader, node, (), name, marks, problems)
    if problems:
        raise SpaceError(problems)
    return loader.construct_document(node), marks


def _walk(loader: yaml.SafeLoader, node: yaml.Node, key: Key, name: str, marks: Marks, problems: list[Problem]) -> None:
    marks.setdefault(key, f"{name}:{node.start_mark.line + 1}")
    if len(marks) > MOST_NODES:
        raise SpaceError(Problem(name, f"a file has at most {MOST_NODES:,} keys and values"))
    if isinstance(node, yaml.ScalarNode):
        node.value = whole_characters(node.value)
    if isinstance(node, yaml.SequenceNode):
        for n, item in enumerate(node.value):
            _walk(loader, item, (*key, n), name, marks, problems)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for part, _ in node.value:
        if not isinstance(part, yaml.ScalarNode):
            where = f"{name}:{part.start_mark.line + 1}"
            raise SpaceError(Problem(where, "a key is a word, no list or mapping"))
        part.value = whole_characters(part.value)
        if part.value in seen and part.tag != "tag:yaml.org,2002:merge":
            where = f"{name}:{part.start_mark.line + 1}"
            problems.append(Problem(where, "a key is given once", f"'{part.value}' twice"))
        seen.add(part.value)
    loader.flatten_mapping(node)
    for part, value in node.value:
        inner = (*key, str(part.value))
        marks[inner] = f"{name}:{part.start_mark.line + 1}"
        _walk(loader, value, inner, name, marks, problems)


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line and never uses anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        flat = all(isinstance(item, str | int | float | bool) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=flat)


def dump_yaml(content: Any) -> str:
    """Write plain values as YAML, keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
