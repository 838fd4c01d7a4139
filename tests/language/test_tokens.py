"""Tokenizers: limits of length, and those that cannot be used."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tiny_encoders import save_bert, save_gpt2

from asymnas.core.errors import LanguageError
from asymnas.language import load_encoder


@pytest.mark.parametrize(("model", "limit"), [("bert", 40), ("roberta", 40), ("gpt2", 64)])
def test_a_sentence_beyond_the_limit_is_cut(model, limit, tmp_path):
    folder = save_gpt2(tmp_path / model) if model == "gpt2" else save_bert(tmp_path / model, model=model)
    encoder = load_encoder(str(folder))
    words = "red dog " * 60
    assert np.isfinite(encoder.embed([words])).all()
    tokens = encoder._loaded.tokens
    assert tokens.limit == limit == len(tokens.ids(words))
    if model != "gpt2":
        assert [tokens.ids(words)[index] for index in (0, -1)] == [tokens.ids("dog")[index] for index in (0, -1)]


def test_the_tokenizer_may_know_a_lower_limit(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "lower")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 9}))
    encoder = load_encoder(str(folder))
    np.testing.assert_array_equal(encoder.embed(["red dog " * 9])[0], encoder.embed(["red dog " * 3 + "red"])[0])
    assert set(encoder.flaws(["red dog " * 9, "red dog"])) == {"red dog " * 9}


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_a_folder_without_its_tokenizer_is_an_error(request, name, tmp_path):
    folder = shutil.copytree(request.getfixturevalue(name), tmp_path / "bare")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(LanguageError, match=r"must tell sentences apart(.|\n)*own tokenizer"):
        load_encoder(str(folder)).embed(["a red ball"])


def test_a_tokenizer_that_knows_no_word_is_an_error(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "strange")
    content = json.loads((folder / "tokenizer.json").read_text())
    words = content["model"]["vocab"]
    content["model"]["vocab"] = {word if word.startswith("[") else f"\u00a7{word}": row for word, row in words.items()}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(LanguageError, match=r"100% of the tokens"):
        load_encoder(str(folder)).embed(["a red ball"])


def test_the_tokenizer_of_another_model_is_an_error(bert, gpt2, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "mixed")
    shutil.copy(gpt2 / "tokenizer.json", folder / "tokenizer.json")
    with pytest.raises(LanguageError, match="must be those of one model"):
        load_encoder(str(folder)).embed(["a red ball \u00ff"])


def test_sentences_of_unknown_tokens_are_found(bert):
    encoder = load_encoder(str(bert))
    assert list(encoder.flaws(["a red ball", "\u4e00\u4e8c", "\u4e00 ball"])) == ["\u4e00\u4e8c"]
