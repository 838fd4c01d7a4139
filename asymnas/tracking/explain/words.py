"""Which words move which channels: the change of selection scores when a word is left out of a sentence."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asymnas.core.statistics import Interval, bootstrap_ci

__all__ = ["FEWEST", "WordEffect", "without", "word_effects", "words_of"]

FEWEST = 3
"""Sentences that a word must be in."""

_SHOWN = 3
_PUNCTUATION = string.punctuation + "\u201c\u201d\u2018\u2019"


@dataclass(frozen=True, slots=True)
class WordEffect:
    """What a word does to the selection scores of one mixer.

    Args:
        word: in small letters, without punctuation.
        sentences: how many it was left out of.
        change: mean over sentences and channels of the score's change without regard to its sign, as a share of the
            mixer's mean score without regard to its sign; the interval is a bootstrap over sentences.
        channels: the channels that it moves most, with the mean of score minus score without the word.
    """

    word: str
    sentences: int
    change: Interval
    channels: tuple[tuple[int, Interval], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        channels = [{"channel": channel, **_plain(change)} for channel, change in self.channels]
        return {"word": self.word, "sentences": self.sentences, "change": _plain(self.change), "channels": channels}


def words_of(sentence: str) -> list[str]:
    """Return the words of a sentence in small letters without punctuation, each once, in order."""
    return list(dict.fromkeys(word for word in map(_bare, sentence.split()) if word))


def without(sentence: str, word: str) -> str:
    """Return a sentence without a word, wherever it is in it."""
    return " ".join(other for other in sentence.split() if _bare(other) != word)


def word_effects(
    scores: Callable[[Sequence[str]], Mapping[str, np.ndarray]], sentences: Iterable[str], *, level: float = 0.95
) -> dict[str, list[WordEffect]]:
    """Return by mixer what each word does, the strongest first.

    Words of fewer than `FEWEST` sentences are left out, and so are sentences of one word alone. A sentence that is
    there several times counts once.

    Args:
        scores: the selection scores (n, channels) of n sentences, by mixer.
        sentences: of a data set.
        level: coverage of the intervals.
    """
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    whole = sorted(set(sentences))
    for sentence in whole:
        for word in words_of(sentence):
            if rest := without(sentence, word):
                pairs[word].append((sentence, rest))
    kept = {word: found for word, found in pairs.items() if len(found) >= FEWEST}
    texts = sorted({*whole, *(rest for found in kept.values() for _, rest in found)})
    place = {text: index for index, text in enumerate(texts)}
    effects = {}
    for mixer, table in scores(texts).items():
        size = float(np.abs(table[[place[sentence] for sentence in whole]]).mean())
        rows = [
            _effect(word, np.stack([table[place[full]] - table[place[rest]] for full, rest in found]), size, level)
            for word, found in kept.items()
        ]
        effects[mixer] = sorted(rows, key=lambda row: (-row.change.value, row.word))
    return effects


def _effect(word: str, changes: np.ndarray, size: float, level: float) -> WordEffect:
    """Sum up the changes (sentences, channels) of one word."""
    mean = changes.mean(0)
    top = np.argsort(-np.abs(mean), kind="stable")[:_SHOWN]
    channels = tuple((int(channel), bootstrap_ci(changes[:, channel], level=level)) for channel in top)
    return WordEffect(word, len(changes), bootstrap_ci(np.abs(changes).mean(1) / size, level=level), channels)


def _bare(word: str) -> str:
    return word.strip(_PUNCTUATION).lower()


def _plain(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
