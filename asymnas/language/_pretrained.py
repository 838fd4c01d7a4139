"""Models of the transformers library as text encoders, bidirectional or causal."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from asymnas.core.errors import LanguageError, Problem, nearest
from asymnas.core.threads import torch_threads
from asymnas.language._tokens import PROBES, Tokens
from asymnas.language.embedding import check_sentence
from asymnas.language.locate import EncoderFiles

Pooling = Literal["mean", "last", "first"]


@dataclass(frozen=True, slots=True)
class _LoadedModel:
    tokens: Tokens
    model: Any
    pooling: Pooling
    device: str


class TransformersEncoder:
    """A text model of the transformers library, in eval mode and without gradients.

    Sentences run one by one and without padding, so an embedding depends neither on the sentences beside it nor on how
    its tokenizer pads; it is made of the last hidden states of the sentence's tokens, special tokens included.

    Args:
        files: those of the model.
        pooling: "mean" over the tokens (paper, section 3.2: over N + 2); "last", the last token's, which alone has read
            the whole sentence where attention is causal; "first", BERT's [CLS]. None: "mean" of a bidirectional model,
            "last" of a causal one. Which it is, is found by trying.
        device: torch device; None: a GPU where this process has one.

    Raises:
        LanguageError: an unknown pooling.
    """

    def __init__(self, files: EncoderFiles, pooling: Pooling | None = None, device: str | None = None) -> None:
        known = get_args(Pooling)
        if pooling not in (None, *known):
            rule = "must be mean, last or first"
            raise LanguageError(Problem("language.pooling", rule, repr(pooling), nearest(str(pooling), known)))
        self.files, self.name, self.dim = files, files.name, files.dim()
        self.pooling, self.device = pooling, device
        self._loaded: _LoadedModel | None = None

    def fingerprint(self) -> str:
        """Hash of weights, config and tokenizer, and of the pooling where it is given."""
        found = self.files.fingerprint()
        return found if self.pooling is None else hashlib.sha256(f"{found} {self.pooling}".encode()).hexdigest()

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 embeddings of n sentences, those beyond the model's limit cut.

        The last bits of an embedding depend neither on the other sentences nor on the process' threads.

        Raises:
            LanguageError: an empty sentence, or an encoder whose files cannot be used.
        """
        rows = [self._embed(check_sentence(sentence)) for sentence in sentences]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dim)

    def flaws(self, sentences: Sequence[str]) -> Mapping[str, str]:
        """Return the sentences that are cut, and those of unknown tokens only."""
        tokens = self._open().tokens
        cut = f"longer than the {tokens.limit} tokens that {self.name} takes, and cut"
        unknown = f"of tokens that are unknown to {self.name}, and have embeddings that say nothing"
        found = {sentence: unknown for sentence in sentences if tokens.unknown([sentence]) == 1}
        return {sentence: cut for sentence in sentences if tokens.is_cut(sentence)} | found

    def _embed(self, sentence: str) -> np.ndarray:
        import torch

        loaded = self._open()
        ids = loaded.tokens.ids(sentence)
        # Threads split sums in their own way: with another number, training on the embeddings would end elsewhere.
        with torch.no_grad(), torch_threads(1):
            hidden = _hidden(loaded.model, ids, loaded.device)
            pooled = {"mean": hidden.sum(0) / len(ids), "last": hidden[-1], "first": hidden[0]}[loaded.pooling]
        if not torch.isfinite(pooled).all():
            where, way_out = str(self.files.folder), "Check the encoder's weights."
            raise LanguageError(Problem(where, "embeddings must be finite", "NaN", way_out))
        return pooled.cpu().numpy()

    def _open(self) -> _LoadedModel:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> _LoadedModel:
        import torch

        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        tokenizer, model = _read(self.files)
        tokens = Tokens(tokenizer, model, str(self.files.folder))
        model = model.to(device)
        with torch.no_grad():
            causal = _is_causal(model, tokens.ids(PROBES[0]), device)
        if causal and self.pooling == "first":
            rule = "must be mean or last for a causal model, whose first token has read nothing of the sentence"
            raise LanguageError(Problem("language.pooling", rule, f"first of {self.name}"))
        return _LoadedModel(tokens, model, self.pooling or ("last" if causal else "mean"), device)


def _hidden(model: Any, ids: Sequence[int], device: str) -> Any:
    """Return the last hidden states (n, dim) of n tokens."""
    import torch

    tokens = torch.tensor([ids], device=device)
    return model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state[0]


def _is_causal(model: Any, ids: Sequence[int], device: str) -> bool:
    """Whether no token's features change with the last token."""
    import torch

    other_end = [*ids[:-1], next(item for item in ids if item != ids[-1])]
    one, other = (_hidden(model, row, device)[:-1] for row in (ids, other_end))
    return torch.allclose(one, other, rtol=0, atol=1e-6)


def _read(files: EncoderFiles) -> tuple[Any, Any]:
    """Return tokenizer and model; all files are local, nothing is fetched."""
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name, value in ({"TOKENIZERS_PARALLELISM": "false"} | quiet).items():
        os.environ.setdefault(name, value)  # what the user has set stands
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(files.folder, local_files_only=True)
        model = AutoModel.from_pretrained(files.folder, local_files_only=True, use_safetensors=True)
    except Exception as error:  # tokenizers raises plain ones
        rule = "must hold a model and a tokenizer that transformers can load"
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
        way_out = "Save both with save_pretrained, or use minilm."
        raise LanguageError(Problem(str(files.folder), rule, reason, way_out)) from error
    if getattr(model.config, "is_encoder_decoder", False):
        model = model.get_encoder()
    return tokenizer, model.float().eval().requires_grad_(False)
