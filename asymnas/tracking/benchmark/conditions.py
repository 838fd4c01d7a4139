"""Language at test time: the videos' own sentences, none, or those of another file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, LanguageError, Problem, nearest
from asymnas.tracking.data import Video


@dataclass(frozen=True, slots=True)
class Condition:
    """The sentences of videos: by name, None for none; `identity` has JSON values that are equal where all of them are.

    `label` is "with", "without", or the name of the file without its ending (with it, for with.json).
    """

    label: str
    sentences: Mapping[str, str | None]
    identity: Mapping[str, Any]

    @property
    def described(self) -> int:
        """Videos that have a sentence."""
        return sum(sentence is not None for sentence in self.sentences.values())


def language_condition(language: str | Path, videos: Sequence[Video], known: Sequence[str] = ()) -> Condition:
    """Return the sentences of videos under "with", "without" or a file of `read_sentences`.

    A file may have sentences for all videos of the split, `known`, and must have them for `videos`.

    Raises:
        DataError: "with", and no video has a sentence.
        LanguageError: the file cannot be read, names unknown videos, or lacks some; all at once.
    """
    if language == "without":
        return Condition("without", {video.name: None for video in videos}, {"language": "without"})
    if language == "with":
        own = {video.name: video.sentence for video in videos}
        if not any(own.values()):
            rule = f"no video of '{videos[0].dataset}' has a sentence"
            way_out = "Track with `--language without`, or give a file of sentences."
            raise DataError(Problem("--language with", rule, way_out=way_out))
        return Condition("with", own, {"language": "with", "sentences": _digest(own)})
    file = Path(language).expanduser()
    found = read_sentences(file)
    names = [video.name for video in videos]
    all_names = {*known, *names}
    rule = "no such video in the split"
    unknown = [
        Problem(f"{file}: {name}", rule, "", nearest(name, all_names)) for name in found if name not in all_names
    ]
    lacking = [name for name in names if name not in found]
    if lacking:
        rule = f"must have a line for every video, but {len(lacking)} of {len(names)} have none"
        way_out = "In a JSON file, null says that a video has no sentence."
        unknown.append(Problem(str(file), rule, ", ".join(lacking[:5]), way_out))
    if unknown:
        raise LanguageError(unknown[:20])
    chosen = {name: found[name] for name in names}
    label = file.name if file.stem in ("with", "without") else file.stem
    return Condition(label, chosen, {"language": file.name, "sentences": _digest(chosen)})


def read_sentences(file: Path) -> dict[str, str | None]:
    """Read a file of sentences: video to sentence, None where the file says that there is none.

    A `.json` file holds one mapping of names to texts or null. Any other file is text: on each line the video's name,
    a tab or a colon, and the sentence; empty lines and lines that begin with # do not count.

    Raises:
        LanguageError: the file cannot be read or is not of this form; all lines that are wrong.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        rule = "must be `with`, `without`, or a file of sentences"
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise LanguageError(Problem("--language", rule, f"'{file}' ({reason})")) from error
    rows = _json_rows(file, text) if file.suffix.lower() == ".json" else _text_rows(file, text)
    found: dict[str, str | None] = {}
    problems = []
    for where, name, sentence in rows:
        if name in found:
            problems.append(Problem(where, "a video must have one sentence, but this one has two", f"'{name}'"))
        elif sentence is not None and (not isinstance(sentence, str) or not sentence.strip()):
            rule = "a sentence must be text with at least one visible character"
            problems.append(Problem(where, rule, repr(sentence), "Write null, in a JSON file, for no sentence."))
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


def _digest(sentences: Mapping[str, str | None]) -> str:
    text = json.dumps(sorted(sentences.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
