"""Encoders that several files of tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_encoders import save_bert, save_gpt2

from asymnas.core.errors import LanguageError
from asymnas.language import load_encoder


@pytest.fixture(scope="session")
def bert(tmp_path_factory) -> Path:
    """A tiny BERT."""
    return save_bert(tmp_path_factory.mktemp("bert") / "tiny-bert")


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory) -> Path:
    """A tiny GPT-2."""
    return save_gpt2(tmp_path_factory.mktemp("gpt2") / "tiny-gpt2")


@pytest.fixture(scope="module")
def minilm():
    """The MiniLM that is installed beside the package."""
    try:
        return load_encoder("minilm")
    except LanguageError as error:
        pytest.skip(str(error))
