"""Frozen text encoders: a sentence becomes the mean of its token features."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from asymnas.core.errors import LanguageError, Problem
from asymnas.core.threads import torch_threads
from asymnas.language.locate import EncoderFiles, locate

__all__ = ["TextEncoder", "TransformersEncoder", "check_sentence", "load_encoder"]

log = logging.getLogger("asymnas.language")

_BATCH = 32


@runtime_checkable
class TextEncoder(Protocol):
    """What a `SentenceTable` needs of an encoder.

    `name` is short and fit for a folder name; `dim` is the width of an embedding; `fingerprint` changes whenever the
    embeddings would; `embed` gives (n, dim) float32 for n sentences.
    """

    name: str
    dim: int

    def fingerprint(self, memory: Path | None = None) -> str: ...

    def embed(self, sentences: Sequence[str]) -> np.ndarray: ...


def load_encoder(spec: str) -> TransformersEncoder:
    """Find a text encoder; its weights are read at the first `embed`.

    Args:
        spec: "minilm" (BERT family, 384-d, installed beside the package), a local folder written by
            `save_pretrained`, or a hub name such as "bert-base-uncased" or "gpt2". A hub name is looked for in the
            local Hugging Face cache first and fetched only if it is not there and HF_HUB_OFFLINE is unset.

    Raises:
        LanguageError: the encoder is not found or has no safetensors weights.
    """
    return TransformersEncoder(locate(spec))


def check_sentence(sentence: object) -> str:
    """Return the sentence; raise LanguageError unless it is a string with a visible character."""
    if not isinstance(sentence, str) or not sentence.strip():
        raise LanguageError(
            Problem(
                "sentence",
                "a sentence must be text with at least one visible character",
                repr(sentence),
                "Mark a missing sentence by None, not by empty text.",
            )
        )
    return sentence


class TransformersEncoder:
    """An encoder of the transformers library on the CPU, in eval mode and without gradients.

    An embedding is the mean of the last hidden states over the sentence's real tokens, special tokens included and
    padding excluded (paper, section 3.2: the mean over N + 2). Sentences beyond the model's limit are cut, with a note.

    Args:
        files: where the encoder lies.
    """

    def __init__(self, files: EncoderFiles) -> None:
        self.files = files
        self.name = files.name
        self.dim = files.dim()
        self._loaded: tuple[Any, Any, int] | None = None

    def fingerprint(self, memory: Path | None = None) -> str:
        """Hash of weights, config and tokenizer; see `EncoderFiles.fingerprint`."""
        return self.files.fingerprint(memory)

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 embeddings of n sentences; their last bits do not depend on the process' threads.

        Raises:
            LanguageError: an empty sentence, or an encoder whose files cannot be loaded.
        """
        for sentence in sentences:
            check_sentence(sentence)
        ids = [self._tokens(sentence) for sentence in sentences]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))  # similar lengths share a batch
        result = np.zeros((len(ids), self.dim), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            result[chosen] = self._forward([ids[index] for index in chosen])
        return result

    def _tokens(self, sentence: str) -> list[int]:
        tokenizer, _, limit = self._load()
        ids = tokenizer(sentence, verbose=False)["input_ids"]
        if len(ids) > limit:
            log.warning("sentence of %d tokens cut to the %d of %s: %.60r...", len(ids), limit, self.name, sentence)
            ids = tokenizer(sentence, truncation=True, max_length=limit)["input_ids"]
        if not ids:
            raise LanguageError(
                Problem("sentence", f"must have a token for {self.name}", repr(sentence), "Reword the sentence.")
            )
        return ids

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        import torch

        tokenizer, model, _ = self._load()
        longest = max(map(len, ids))
        # Padding by hand: tokenizers of the GPT-2 family have no padding token, and a masked position may hold any id.
        tokens = torch.full((len(ids), longest), tokenizer.pad_token_id or 0, dtype=torch.long)
        mask = torch.zeros(len(ids), longest, dtype=torch.long)
        for row, sentence in enumerate(ids):
            tokens[row, : len(sentence)] = torch.tensor(sentence)
            mask[row, : len(sentence)] = 1
        # Threads split sums in their own way: with another number, training on the embeddings would end elsewhere.
        with torch.no_grad(), torch_threads(1):
            hidden = model(input_ids=tokens, attention_mask=mask).last_hidden_state
            weight = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden.masked_fill(weight == 0, 0.0) * weight).sum(1) / weight.sum(1)
        if not torch.isfinite(mean).all():
            raise LanguageError(
                Problem(str(self.files.folder), "embeddings must be finite", "NaN", "Check the encoder's weights.")
            )
        return mean.numpy()

    def _load(self) -> tuple[Any, Any, int]:
        if self._loaded is None:
            self._loaded = _load_model(self.files)
        return self._loaded


def _load_model(files: EncoderFiles) -> tuple[Any, Any, int]:
    # Defaults only: what the user has set in the environment stands. All files are local, nothing is fetched.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(files.folder, local_files_only=True)
        model = AutoModel.from_pretrained(files.folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise LanguageError(
            Problem(
                str(files.folder),
                "must hold a model and a tokenizer that transformers can load",
                f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}",
                "Save both with save_pretrained, or use minilm.",
            )
        ) from error
    config = model.config
    if getattr(config, "is_encoder_decoder", False):
        model = model.get_encoder()
    positions = [getattr(config, key, None) for key in ("max_position_embeddings", "n_positions")]
    limit = min([tokenizer.model_max_length, *(value for value in positions if value)])
    return tokenizer, model.float().eval().requires_grad_(False), int(limit)
