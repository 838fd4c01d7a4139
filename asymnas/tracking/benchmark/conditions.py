"""Language at test time: the videos' own sentences, none, or those of another file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, LanguageError, Problem, nearest
from asymnas.tracking.data import Video
from asymnas.tracking.data.sentences import digest_of, read_sentences


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
        return Condition("with", own, {"language": "with", "sentences": digest_of(own)})
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
    return Condition(label, chosen, {"language": file.name, "sentences": digest_of(chosen)})
