"""Sentences for tools that hand a tracker frames and a box: looked up by the sequence that the frames belong to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from asymnas.errors import LanguageError, Problem

__all__ = ["read_sentences", "sentence_of", "sequence_name"]

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


def read_sentences(path: str | Path) -> dict[str, str]:
    """Read sentences by sequence: a JSON object `{"sequence": "sentence", ...}`.

    Raises:
        LanguageError: the file is missing, no such object, or has entries that are no sentences.
    """
    path = Path(path)
    rule = 'must be a JSON object of sentences, {"sequence": "sentence"}'
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LanguageError(Problem(str(path), "must be readable", error.strerror or str(error))) from error
    except ValueError as error:
        raise LanguageError(Problem(str(path), rule, str(error))) from error
    if not isinstance(data, dict):
        raise LanguageError(Problem(str(path), rule, type(data).__name__))
    wrong = [name for name, text in data.items() if not isinstance(text, str) or not text.strip()]
    if wrong:
        rule, way_out = "must be a sentence", "Leave sequences without a sentence out."
        raise LanguageError(Problem(f"{path}: {name}", rule, repr(data[name]), way_out) for name in wrong)
    return {name: " ".join(text.split()) for name, text in data.items()}


def sentence_of(sentences: Mapping[str, str], sequence: str) -> str | None:
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
