"""The order of the rooms, read from the imports: `python tests/rooms.py` prints it, `test_rooms.py` asserts it.

A room imports only rooms above it in `ROOMS`, nobody imports the private files of another package, and no files import
each other in a circle but those of `CIRCLES`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    *("core", "space", "nn", "language", "task", "training", "search", "job", "runs", "study", "report"),
    *("tracking", "audiovisual", "interop", "cli", "testing", "trackers"),
)
CIRCLES = ({"asymnas.space._architecture", "asymnas.space._space"},)
"""A space makes architectures, and an architecture knows its space."""

FACE = ("asymnas", "asymnas.__main__", "asymnas._version", "asymnas.api")
"""The public names, which are no room: they are imported from everywhere when they are first used."""


@cache
def files() -> dict[str, Path]:
    """Return all files of the package and the trackers by module name."""
    found = {}
    for folder, package in (("asymnas", "asymnas"), ("trackers", "asymnas_trackers")):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = [package, *file.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def is_package(module: str) -> bool:
    return files()[module].name == "__init__.py"


def room(module: str) -> str:
    return "trackers" if module.startswith("asymnas_trackers") else module.split(".")[1]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(files()[module].read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of all imports from this project, those inside functions and for types included."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name in files())
        elif isinstance(node, ast.ImportFrom) and node.module in files():
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, "") if inner in files() else (str(node.module), alias.name)


@cache
def home(module: str, name: str) -> str:
    """Return the file that a package's name comes from."""
    if is_package(module):
        for source, other in imported(module):
            if other == name and source != module:
                return home(source, name)
    return module


def arrows() -> dict[str, set[str]]:
    """Return by module the modules that it imports names from."""
    return {
        module: {home(source, name) for source, name in imported(module)} - {module}
        for module in files()
        if module not in FACE
    }


def back() -> list[str]:
    """Return the imports of a room from one that is not above it, and those of unknown rooms."""
    order = {name: place for place, name in enumerate(ROOMS)}
    unknown = sorted({room(module) for module in files() if module not in FACE} - order.keys())
    found = [f"room '{name}' is not in the list" for name in unknown]
    for module, sources in arrows().items():
        for source in sorted(sources - set(FACE)):
            if order.get(room(source), 0) > order.get(room(module), 0):
                found.append(f"{module} imports {source}")
    return found


def private() -> list[str]:
    """Return the imports of a private file from outside of its package."""
    found = []
    for module in files():
        inside = module if is_package(module) else module.rpartition(".")[0]
        for source, _ in imported(module):
            package, _, name = source.rpartition(".")
            if name.startswith("_") and source not in FACE and not f"{inside}.".startswith(f"{package}."):
                found.append(f"{module} imports {source}")
    return sorted(set(found))


def circles() -> list[set[str]]:
    """Return the groups of files that import each other; packages' `__init__` only pass names on and do not count."""
    graph = {
        module: {source for source in sources if source in files() and not is_package(source)}
        for module, sources in arrows().items()
        if not is_package(module)
    }

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for other in graph.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    reached = {module: reach(module) for module in graph}
    found: list[set[str]] = []
    for module in graph:
        group = {other for other in reached[module] if module in reached.get(other, ())}
        if group and group not in found:
            found.append(group)
    return found


def lines() -> dict[str, int]:
    """Return the lines of code, comments and docstrings by room."""
    found = dict.fromkeys(ROOMS, 0)
    for module, file in files().items():
        if module not in FACE:
            found[room(module)] = found.get(room(module), 0) + file.read_text(encoding="utf-8").count("\n")
    return found


if __name__ == "__main__":
    counts = lines()
    for number, name in enumerate(counts, 1):
        print(f"{number:3}  {name:12} {counts[name]:6} lines")
    print(f"     {'all':12} {sum(counts.values()):6} lines")
    for title, rows in (("arrows back", back()), ("imports of private files", private())):
        print(f"{len(rows)} {title}", *rows, sep="\n    ")
    groups = circles()
    print(f"{len(groups)} circles of files", *(", ".join(sorted(group)) for group in groups), sep="\n    ")
