"""Files of sentences by video, and videos that are described by them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from asymnas.core.errors import LanguageError, Problem
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.lazy import Videos, all_of

__all__ = ["described", "digest_of", "read_sentences"]

_OPTION = "--language"
_HEADER = ["video", "sentence"]


def read_sentences(file: Path, where: str = _OPTION) -> dict[str, str | None]:
    """Read a file of sentences: video to sentence, None where the file says that there is none.

    A `.json` file holds one mapping of names to texts or null. A `.csv` file has two columns, name and sentence; the
    first line may be `video,sentence`, and an empty cell is no sentence. Any other file is text: on each line the
    video's name, a tab or a colon, and the sentence; empty lines and lines that begin with # do not count.

    Raises:
        LanguageError: the file cannot be read (`where` it was asked for) or is not of this form; all wrong lines.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        rule = (
            "must be a file of sentences" if where != _OPTION else "must be `with`, `without`, or a file of sentences"
        )
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise LanguageError(Problem(where, rule, f"'{file}' ({reason})")) from error
    rows = {".json": _json_rows, ".csv": _csv_rows}.get(file.suffix.lower(), _text_rows)(file, text)
    found: dict[str, str | None] = {}
    problems = []
    for place, name, sentence in rows:
        if name in found:
            problems.append(Problem(place, "a video must have one sentence, but this one has two", f"'{name}'"))
        elif sentence is not None and (not isinstance(sentence, str) or not sentence.strip()):
            rule = "a sentence must be text with at least one visible character"
            problems.append(Problem(place, rule, repr(sentence), "Write null, in a JSON file, for no sentence."))
        found[name] = sentence if sentence is None else " ".join(str(sentence).split())
    if not found and not problems:
        problems.append(Problem(str(file), "must hold sentences", "an empty file"))
    if problems:
        raise LanguageError(problems[:20])
    return found


def _json_rows(file: Path, text: str) -> list[tuple[str, str, Any]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except ValueError as error:
        raise LanguageError(Problem(str(file), "must be JSON", str(error))) from error
    if not text.lstrip().startswith("{"):
        raise LanguageError(Problem(str(file), "must be a mapping of video names to sentences", text.lstrip()[:20]))
    return [(f"{file}: {name}", name, sentence) for name, sentence in pairs]


def _csv_rows(file: Path, text: str) -> list[tuple[str, str, Any]]:
    rows, reader = [], csv.reader(text.splitlines(keepends=True))
    for cells in reader:
        place = f"{file}:{reader.line_num}"
        if not cells or (reader.line_num == 1 and cells == _HEADER):
            continue
        if len(cells) != 2:
            rule, way_out = "a line must have two cells, a video's name and its sentence", "Put a comma in quotes."
            raise LanguageError(Problem(place, rule, f"{len(cells)}", way_out))
        rows.append((place, cells[0].strip(), cells[1].strip() or None))
    return rows


def _text_rows(file: Path, text: str) -> list[tuple[str, str, Any]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        mark = "\t" if "\t" in line else ":"
        name, found, sentence = line.partition(mark)
        if not found:
            rule = "a line must be a video's name, a tab or a colon, and the sentence"
            raise LanguageError(Problem(f"{file}:{number}", rule, repr(line[:40])))
        rows.append((f"{file}:{number}", name.strip(), sentence.strip()))
    return rows


def digest_of(sentences: Mapping[str, str | None]) -> str:
    """Return 16 hex digits of sentences by name."""
    text = json.dumps(sorted(sentences.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def described(dataset: Dataset, sentences: Mapping[str, str | None]) -> Dataset:
    """Return a data set whose videos have the sentences of a file in place of their own, None for none.

    A video goes by `dataset/split/name`, `dataset/name` or its name alone, in this order; those that `sentences` does
    not name keep their own. The fingerprint is another one where a video is named.
    """
    found: dict[int, str | None] = {}
    for index, name in enumerate(all_of(dataset.videos).names):
        keys = (f"{dataset.name}/{dataset.split}/{name}", f"{dataset.name}/{name}", name)
        key = next((key for key in keys if key in sentences), None)
        if key is not None:
            found[index] = sentences[key]
    if not found:
        return dataset
    text = f"{dataset.fingerprint} {digest_of({str(index): sentence for index, sentence in found.items()})}"
    videos: Sequence[Video] = _Described(all_of(dataset.videos), found)
    if isinstance(dataset.videos, (tuple, list)):
        videos = tuple(videos)
    return replace(dataset, videos=videos, fingerprint=hashlib.sha256(text.encode()).hexdigest())


class _Described(Videos):
    """Videos of which some, by index, have other sentences."""

    def __init__(self, videos: Videos, found: Mapping[int, str | None]) -> None:
        self._videos, self._found = videos, found

    def __len__(self) -> int:
        return len(self._videos)

    @overload
    def __getitem__(self, index: int) -> Video: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Video]: ...

    def __getitem__(self, index: int | slice) -> Video | Sequence[Video]:
        if isinstance(index, slice):
            return self.select(range(*index.indices(len(self))))
        place = range(len(self))[index]
        video = self._videos[place]
        return replace(video, sentence=self._found[place]) if place in self._found else video

    @property
    def names(self) -> list[str]:
        return self._videos.names

    @property
    def described(self) -> np.ndarray:
        mask = self._videos.described.copy()
        for index, sentence in self._found.items():
            mask[index] = sentence is not None
        return mask

    @property
    def sentences(self) -> set[str]:
        own = all_of(self._videos.select([index for index in range(len(self)) if index not in self._found])).sentences
        return own | {sentence for sentence in self._found.values() if sentence is not None}

    @property
    def scenes(self) -> np.ndarray:
        return self._videos.scenes

    def select(self, indices: Sequence[int] | np.ndarray, frames: int | None = None) -> Sequence[Video]:
        found = {new: self._found[int(old)] for new, old in enumerate(indices) if int(old) in self._found}
        return _Described(all_of(self._videos.select(indices, frames)), found)

    def among(self, names: Collection[str], scenes: Collection[Hashable]) -> Sequence[Video]:
        return self._videos.among(names, scenes)
