"""A bag of words: the cheapest text encoder, without a language model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.language.embedding import check_sentence

DIM = 300
_RULE = f"bag of words, {DIM} numbers, revision 1"


class BagEncoder:
    """The mean of one fixed random vector for each word of the sentence.

    A word is a run of letters and digits; capitals do not count. Its vector, of length sqrt(300), follows from the word
    alone, so every word has one and nothing is read, fetched or trained. Vectors of two words are nearly orthogonal:
    the bag tells words apart, and knows neither their meaning nor their order.
    """

    name = "bag"
    dim = DIM

    def fingerprint(self) -> str:
        """Hash of the rule."""
        return hashlib.sha256(_RULE.encode()).hexdigest()

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, 300) float32; zeros for a sentence without a word.

        Raises:
            LanguageError: an empty sentence.
        """
        rows = [[_vector(word) for word in _words(check_sentence(sentence))] for sentence in sentences]
        found = [np.mean(row, axis=0) if row else np.zeros(DIM) for row in rows]
        return np.array(found, dtype=np.float32).reshape(len(found), DIM)

    def flaws(self, sentences: Sequence[str]) -> Mapping[str, str]:
        """Return the sentences without a word."""
        return {sentence: "without a word, and become zeros" for sentence in sentences if not _words(sentence)}


def _words(sentence: str) -> list[str]:
    return re.findall(r"[^\W_]+", sentence.lower())


@lru_cache(maxsize=65536)
def _vector(word: str) -> np.ndarray:
    drawn = rng_for(0, _RULE, word).standard_normal(DIM)
    return drawn * (DIM**0.5 / np.linalg.norm(drawn))
