"""Sentences for tools that hand a tracker frames and a box: looked up by the sequence that the frames belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from asymnas.core.errors import LanguageError, Problem

_FRAME_FOLDERS = ("img", "imgs", "color", "frames")
"""Folders of frames inside a sequence's own."""


def sequence_name(frame: str | Path) -> str:
    """Return the sequence that a frame's file belongs to, by its folders.

    Example:
        >>> sequence_name("LaSOT/cat/cat-1/img/00000001.jpg"), sequence_name("val/GOT-10k_Val_000001/00000001.jpg")
        ('cat-1', 'GOT-10k_Val_000001')
    """
    folder = Path(frame).parent
    return folder.parent.name if folder.name in _FRAME_FOLDERS else folder.name


def sentence_of(sentences: Mapping[str, str | None], sequence: str) -> str | None:
    """Return a sequence's sentence; names that differ in case or in `-`, `_`, `.` alone are one (Human4-2, Human4_2).

    Returns:
        None where there is none.

    Raises:
        LanguageError: several names are this one.
    """
    if sequence in sentences:
        return sentences[sequence]
    found = [name for name in sentences if _plain(name) == _plain(sequence)]
    if len(found) > 1:
        raise LanguageError(Problem(f"sequence '{sequence}'", "must have one sentence", " and ".join(found)))
    return sentences[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
