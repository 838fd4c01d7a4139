"""The order of the rooms holds."""

from __future__ import annotations

import ast
from collections import Counter

import rooms


def test_a_room_imports_only_rooms_above_it() -> None:
    assert rooms.back() == []


def test_nobody_imports_the_private_files_of_another_package() -> None:
    assert rooms.private() == []


def test_no_files_import_each_other_but_space_and_architecture() -> None:
    assert [group for group in rooms.circles() if group not in rooms.CIRCLES] == []


def test_the_core_knows_no_task() -> None:
    """Every room up to the report is free of tracking, in code and in text."""
    last = rooms.ROOMS.index("report")
    wanted = set(rooms.ROOMS[: last + 1])
    named = [
        module
        for module, file in rooms.files().items()
        if module not in rooms.FACE and rooms.room(module) in wanted and "asymnas.tracking" in file.read_text("utf-8")
    ]
    assert named == []


def test_no_two_classes_have_one_name() -> None:
    trees = map(rooms.tree, rooms.files())
    names = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []
