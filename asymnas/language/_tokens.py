"""A model's tokenizer: what it makes of a sentence, and whether it can be used at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asymnas.core.errors import LanguageError, Problem, shown

PROBES = ("a small red ball on the green grass", "the black dog runs behind a tall man")
"""Ordinary sentences of equally many words."""

_MOST_UNKNOWN = 0.9
_LIMITS = ("max_position_embeddings", "n_positions", "max_seq_len")
_WAY_OUT = (
    "Save the model's own tokenizer into the folder: AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER)."
)


class Tokens:
    """Token ids of sentences, special tokens included, none for padding.

    Args:
        tokenizer: of the transformers library.
        model: the model that reads the ids.
        folder: both are in it.

    Raises:
        LanguageError: the tokenizer tells no sentences apart, knows next to no word, or is that of another model.
    """

    def __init__(self, tokenizer: Any, model: Any, folder: str) -> None:
        self._tokenizer, self._folder = tokenizer, folder
        self._vocabulary = getattr(model.config, "vocab_size", None)
        self.limit = _limit(tokenizer, model)
        self._check()

    def ids(self, sentence: str) -> list[int]:
        """Return the ids of a sentence, cut to the model's limit.

        Raises:
            LanguageError: there are none, or one that the model has no embedding of.
        """
        ids: list[int] = self._tokenizer(sentence, verbose=False)["input_ids"]
        if len(ids) > self.limit:
            ids = self._tokenizer(sentence, truncation=True, max_length=self.limit)["input_ids"]
        if not ids:
            rule = "its tokenizer must make at least one token of a sentence"
            raise LanguageError(Problem(self._folder, rule, shown(sentence), "Describe the target in other words."))
        if self._vocabulary is not None and max(ids) >= self._vocabulary:
            rule, value = "tokenizer and weights must be those of one model", f"token {max(ids)} of {self._vocabulary}"
            raise LanguageError(Problem(self._folder, rule, value, _WAY_OUT))
        return ids

    def is_cut(self, sentence: str) -> bool:
        """Whether a sentence has more tokens than the model takes."""
        return len(self._tokenizer(sentence, verbose=False)["input_ids"]) > self.limit

    def unknown(self, sentences: Sequence[str]) -> float:
        """Return the share of unknown tokens among those of the sentences, special ones aside; 1 if there are none."""
        found = self._tokenizer(list(sentences), add_special_tokens=False, verbose=False)["input_ids"]
        ids = [item for row in found for item in row]
        return sum(item == self._tokenizer.unk_token_id for item in ids) / len(ids) if ids else 1.0

    def _check(self) -> None:
        found = [self._tokenizer(sentence)["input_ids"] for sentence in PROBES]
        share = self.unknown(PROBES)
        if found[0] == found[1] or share > _MOST_UNKNOWN:
            rule = "its tokenizer must tell sentences apart and know ordinary words, or all embeddings are alike"
            value = f"a vocabulary of {len(self._tokenizer)} tokens, by which {PROBES[0]!r} is {found[0]}"
            way_out = f"{share:.0%} of the tokens of ordinary sentences are unknown. {_WAY_OUT}"
            raise LanguageError(Problem(self._folder, rule, value, way_out))


def _limit(tokenizer: Any, model: Any) -> int:
    """The most tokens that both take: by the tokenizer, the config, and the table of positions.

    A table with a padding row (RoBERTa's) counts positions from the row after it.
    """
    found = [tokenizer.model_max_length, *(getattr(model.config, key, None) for key in _LIMITS)]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            found.append(module.num_embeddings - module.padding_idx - 1)
    return int(min(value for value in found if value and value > 0))
