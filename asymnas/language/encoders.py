"""Text encoders: what they are, and how they are found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from asymnas.core.errors import LanguageError, Problem
from asymnas.core.plugins import Registry
from asymnas.language._bag import BagEncoder
from asymnas.language._pretrained import Pooling, TransformersEncoder
from asymnas.language.locate import locate


@runtime_checkable
class TextEncoder(Protocol):
    """What a `SentenceTable` needs of an encoder: a name fit for a folder, and the width of an embedding."""

    name: str
    dim: int

    def fingerprint(self) -> str:
        """Return what changes whenever the embeddings would."""

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 for n sentences."""


@runtime_checkable
class FlawFinder(Protocol):
    """What an encoder may have beside: it says which sentences it cannot read as they are."""

    def flaws(self, sentences: Sequence[str]) -> Mapping[str, str]:
        """Return why, by sentence, as the end of "2 of 80 sentences are ..."; those that it reads are left out."""


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


def load_encoder(spec: str, *, pooling: Pooling | None = None, device: str | None = None) -> TextEncoder:
    """Find a text encoder; its weights are read at the first `embed`.

    Args:
        spec: a registered name ("minilm": BERT family, 384-d, installed beside the package; "bag": a bag of words), a
            local folder written by `save_pretrained`, or a hub name such as "bert-base-uncased" or "gpt2". A hub name
            is looked for in the local Hugging Face cache first and fetched only if it is not there and HF_HUB_OFFLINE
            is unset.
        pooling: how a model's tokens become one embedding, see `TransformersEncoder`; None: by its kind.
        device: torch device of a model; None: a GPU where this process has one.

    Raises:
        LanguageError: the encoder is not found, has no safetensors weights, or has no tokens to pool.
    """
    encoder = ENCODERS.get(spec).open() if spec in ENCODERS else TransformersEncoder(locate(spec))
    if isinstance(encoder, TransformersEncoder):
        return TransformersEncoder(encoder.files, pooling or encoder.pooling, device or encoder.device)
    if pooling is not None:
        rule = f"must be left out, for the encoder '{spec}' pools in a way of its own"
        raise LanguageError(Problem("language.pooling", rule, pooling))
    return encoder


_MINILM = "MiniLM-L6: BERT family, 384 numbers a sentence"
_BAG = "bag of words: the mean of one fixed random vector a word, 300 numbers, no language model"
ENCODERS.register("minilm", EncoderPlugin("minilm", _MINILM, lambda: TransformersEncoder(locate("minilm"))))
ENCODERS.register("bag", EncoderPlugin("bag", _BAG, BagEncoder))
