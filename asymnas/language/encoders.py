"""Frozen text encoders: a sentence becomes the mean of its token features."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from asymnas.core.errors import LanguageError, Problem
from asymnas.core.plugins import Registry
from asymnas.core.threads import torch_threads
from asymnas.language.locate import EncoderFiles, locate

log = logging.getLogger("asymnas.language")


@runtime_checkable
class TextEncoder(Protocol):
    """What a `SentenceTable` needs of an encoder: a name fit for a folder, and the width of an embedding."""

    name: str
    dim: int

    def fingerprint(self) -> str:
        """Return what changes whenever the embeddings would."""

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 for n sentences."""


@dataclass(frozen=True, slots=True)
class EncoderPlugin:
    """What a package registers by an entry point of the group `asymnas.encoders`.

    Args:
        name: as a job's `language.encoder` names it.
        summary: one line for `asymnas list encoders`.
        open: returns the encoder; cheap, the weights are read at the first `embed`.
    """

    name: str
    summary: str
    open: Callable[[], TextEncoder]


ENCODERS: Registry[EncoderPlugin] = Registry(
    "text encoder", "asymnas.encoders", "asymnas.language:EncoderPlugin", LanguageError
)
"""The encoders that have a name; folders and names of the Hugging Face hub need no registration."""


def load_encoder(spec: str) -> TextEncoder:
    """Find a text encoder; its weights are read at the first `embed`.

    Args:
        spec: a registered name ("minilm": BERT family, 384-d, installed beside the package), a local folder written by
            `save_pretrained`, or a hub name such as "bert-base-uncased" or "gpt2". A hub name is looked for in the
            local Hugging Face cache first and fetched only if it is not there and HF_HUB_OFFLINE is unset.

    Raises:
        LanguageError: the encoder is not found or has no safetensors weights.
    """
    return ENCODERS.get(spec).open() if spec in ENCODERS else TransformersEncoder(locate(spec))


def check_sentence(sentence: object) -> str:
    """Return the sentence; raise LanguageError unless it is a string with a visible character."""
    if not isinstance(sentence, str) or not sentence.strip():
        rule, way_out = "must be text with at least one visible character", "Mark a missing sentence by None."
        raise LanguageError(Problem("sentence", rule, repr(sentence), way_out))
    return sentence


class TransformersEncoder:
    """An encoder of the transformers library on the CPU, in eval mode and without gradients.

    An embedding is the mean of the last hidden states over the sentence's tokens, special tokens included (paper,
    section 3.2: the mean over N + 2). Sentences beyond the model's limit are cut, with a note.

    Args:
        files: those of the encoder.
    """

    def __init__(self, files: EncoderFiles) -> None:
        self.files, self.name, self.dim = files, files.name, files.dim()
        self._loaded: tuple[Any, Any, int] | None = None

    def fingerprint(self) -> str:
        """Hash of weights, config and tokenizer."""
        return self.files.fingerprint()

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 embeddings of n sentences, each run by itself.

        The last bits of an embedding depend neither on the other sentences nor on the process' threads.

        Raises:
            LanguageError: an empty sentence, or an encoder whose files cannot be loaded.
        """
        rows = [self._embed(check_sentence(sentence)) for sentence in sentences]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dim)

    def _embed(self, sentence: str) -> np.ndarray:
        import torch

        if self._loaded is None:
            self._loaded = _load_model(self.files)
        tokenizer, model, limit = self._loaded
        ids = tokenizer(sentence, verbose=False)["input_ids"]
        if len(ids) > limit:
            log.warning("sentence of %d tokens cut to the %d of %s: %.60r...", len(ids), limit, self.name, sentence)
            ids = tokenizer(sentence, truncation=True, max_length=limit)["input_ids"]
        tokens = torch.tensor([ids])
        # Threads split sums in their own way: with another number, training on the embeddings would end elsewhere.
        with torch.no_grad(), torch_threads(1):
            hidden = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state  # (1, n, dim)
            mean = hidden[0].sum(0) / len(ids)
        if not torch.isfinite(mean).all():
            where, way_out = str(self.files.folder), "Check the encoder's weights."
            raise LanguageError(Problem(where, "embeddings must be finite", "NaN", way_out))
        return mean.numpy()


def _load_model(files: EncoderFiles) -> tuple[Any, Any, int]:
    """Return tokenizer, model and the most tokens it takes; all files are local, nothing is fetched."""
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name, value in ({"TOKENIZERS_PARALLELISM": "false"} | quiet).items():
        os.environ.setdefault(name, value)  # what the user has set stands
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(files.folder, local_files_only=True)
        model = AutoModel.from_pretrained(files.folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        rule = "must hold a model and a tokenizer that transformers can load"
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
        way_out = "Save both with save_pretrained, or use minilm."
        raise LanguageError(Problem(str(files.folder), rule, reason, way_out)) from error
    config = model.config
    if getattr(config, "is_encoder_decoder", False):
        model = model.get_encoder()
    positions = [getattr(config, key, None) for key in ("max_position_embeddings", "n_positions")]
    limit = min([tokenizer.model_max_length, *(value for value in positions if value)])
    return tokenizer, model.float().eval().requires_grad_(False), int(limit)


_MINILM = "MiniLM-L6: BERT family, 384 numbers a sentence"
ENCODERS.register("minilm", EncoderPlugin("minilm", _MINILM, lambda: TransformersEncoder(locate("minilm"))))
