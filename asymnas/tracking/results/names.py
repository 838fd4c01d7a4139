"""Names of videos: the same one is written in many ways (Human4-2, human4_2; jogging.1, Jogging-1)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from asymnas.core.errors import DataError, Problem, nearest

__all__ = ["Matching", "check_file_names", "match_names"]

_TARGET = re.compile(r"[-_.]\d$")
_RESERVED = re.compile(r"[/\\\x00-\x1f:*?\"<>|]")

_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("another name of the video", str),
    ("letter case", str.lower),
    ("'-', '_', '.' or blank", lambda name: re.sub(r"[-_.\s]", "_", name.lower())),
    ("separators left out", lambda name: re.sub(r"[-_.\s]", "", name.lower())),
    ("a number of the target left out", lambda name: re.sub(r"[-_.\s]", "", _TARGET.sub("", name.lower()))),
)
"""Ways of comparing names, from the strictest; a looser one counts only where it leaves exactly one pair."""


class Matching(dict[str, str]):
    """Given name -> known name; `left` are given names of no known video, `notes` say which were read otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.left: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()


def match_names(
    given: Iterable[str],
    known: Iterable[str],
    *,
    aliases: Mapping[str, Iterable[str]] | None = None,
    names: Mapping[str, str] | None = None,
    where: str = "results",
) -> Matching:
    """Find for each given name the known one it means.

    Equal names come first, then those that differ in letter case, in the separator before a number, or in a number of
    the target that one of them lacks (OTB's Human4 and Human4-2); the latter only where one given and one known name
    are left for each other.

    Args:
        given: names as the files have them.
        known: names as the annotations have them.
        aliases: known name -> other names of the same video.
        names: given -> known names, which go before everything else.
        where: the results, for messages.

    Raises:
        DataError: two given names mean the same video, one given name could mean several, or `names` has unknown ones.
    """
    given, known = list(dict.fromkeys(given)), list(dict.fromkeys(known))
    result, problems = Matching(), []
    for name, meant in (names or {}).items():
        if meant not in known or name not in given:
            wrong, pool = (meant, known) if meant not in known else (name, given)
            rule = "must map a result's name to a video's"
            problems.append(Problem(f"names: '{name}'", rule, wrong, nearest(wrong, pool)))
        else:
            result[name] = meant
    open_given = [name for name in given if name not in result]
    for name in open_given:
        if name in known:
            result[name] = name
    how: dict[str, list[str]] = defaultdict(list)
    spellings = [(name, name) for name in known]
    spellings += [(other, name) for name in known for other in (aliases or {}).get(name, ())]
    for title, spelled in _SPELLINGS:
        _match_by(spelled, title, given, spellings, result, how, problems, where)
    problems = problems or _doubles(result, where)
    if problems:
        raise DataError(problems)
    result.left = tuple(name for name in given if name not in result)
    result.notes = tuple(
        f"{len(pairs)} {'names' if len(pairs) > 1 else 'name'} matched by {title}: {_some(pairs)}"
        for title, pairs in how.items()
    )
    return result


def _match_by(
    spelled: Callable[[str], str],
    title: str,
    given: Sequence[str],
    spellings: Sequence[tuple[str, str]],
    result: Matching,
    how: dict[str, list[str]],
    problems: list[Problem],
    where: str,
) -> None:
    """Pair the names that are still open and equal when spelled so."""
    targets = spelled is _SPELLINGS[-1][1]
    taken = set(result.values())
    groups: dict[str, list[str]] = defaultdict(list)
    for spelling, name in spellings:  # a known name met again in a strict spelling is a double, and an error
        if (not targets or name not in taken) and name not in groups[spelled(spelling)]:
            groups[spelled(spelling)].append(name)
    waiting: dict[str, list[str]] = defaultdict(list)
    for name in given:
        if name not in result:
            waiting[spelled(name)].append(name)
    for key, names in waiting.items():
        candidates = [name for name in groups.get(key, []) if not targets or _numbered(name) != _numbered(names[0])]
        if len(candidates) == 1 and (len(names) == 1 or not targets):
            for name in names:
                result[name] = candidates[0]
                how[title].append(f"{name} as {candidates[0]}")
        elif len(candidates) > 1:
            out = f"Give names={{'{names[0]}': ...}}, or rename the file."
            rule = f"'{names[0]}' must mean one video"
            problems.append(Problem(where, rule, f"{len(candidates)}: {', '.join(candidates)}", out))
            for name in names:
                result.setdefault(name, candidates[0])  # named once, not again by each looser spelling


def _numbered(name: str) -> bool:
    return _TARGET.search(name) is not None


def _doubles(result: Matching, where: str) -> list[Problem]:
    meant: dict[str, list[str]] = defaultdict(list)
    for name, known in result.items():
        meant[known].append(name)
    several = {f"video '{known}' must have one result": names for known, names in meant.items() if len(names) > 1}
    out = "Keep one of them."
    return [Problem(where, rule, f"{len(names)}: {', '.join(names)}", out) for rule, names in several.items()]


def _some(items: Sequence[str], most: int = 3) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def check_file_names(names: Iterable[str], where: str) -> None:
    """Raise `DataError` for names that cannot be those of files beside each other, on any system."""
    names = list(names)
    problems = [
        Problem(where, "a video's name must be usable as a file name", repr(name), "Rename the video.")
        for name in names
        if not name or _RESERVED.search(name) or name != name.strip(" .")
    ]
    lower: dict[str, list[str]] = defaultdict(list)
    for name in names:
        lower[name.lower()].append(name)
    problems += [
        Problem(where, "names must differ in more than letter case", ", ".join(group))
        for group in lower.values()
        if len(group) > 1
    ]
    if problems:
        raise DataError(problems)
